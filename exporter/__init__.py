"""The exporter: polls the fleet, keeps its live state, and serves it to Prometheus and to the controller."""
