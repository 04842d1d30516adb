"""What Grafana shows: the dashboards as code, the JSON made of them, and the provisioning that loads it."""
