"""One driver a maker: what to ask, and what the answers mean."""
