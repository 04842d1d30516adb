"""One device a maker: how it puts a Moment into words, on which ports, with which quirks."""
