"""What flows, written where it can be asked: the ClickHouse writer, its migrations and queries, and the metrics."""
