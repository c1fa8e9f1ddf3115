"""The local stack: a real Kafka and a local ClickHouse as child processes, for one machine and for tests."""
