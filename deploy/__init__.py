"""What runs Tafol and watches it: files for other programs, and the code that writes Grafana's dashboards."""
