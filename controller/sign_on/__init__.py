"""Signing on to Grafana with the controller's own people: a small OpenID Connect provider for that one program."""
