"""Grafana's dashboards as code. `make dashboards` writes deploy/grafana/dashboards; a test keeps them current."""
