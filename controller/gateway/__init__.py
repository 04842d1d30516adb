"""The way of clients to Prometheus: each query is cut to one client's own series, or refused."""
