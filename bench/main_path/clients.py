"""confluent-kafka, loaded when it is needed: it belongs to the dependency group `bench`, and tests do without it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def producer(bootstrap: str, **settings: Any) -> Any:
    """A confluent_kafka.Producer that waits for all copies; settings with '_' for '.'."""
    return import_module("confluent_kafka").Producer(_settings(bootstrap, acks="all", **settings))


def consumer(bootstrap: str, group: str, **settings: Any) -> Any:
    """A confluent_kafka.Consumer that starts at the beginning and commits nothing by itself."""
    return import_module("confluent_kafka").Consumer(
        _settings(bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False, **settings)
    )


def place(topic: str, partition: int, offset: int) -> Any:
    """A confluent_kafka.TopicPartition."""
    return import_module("confluent_kafka").TopicPartition(topic, partition, offset)


def _settings(bootstrap: str, **settings: Any) -> dict[str, Any]:
    return {"bootstrap.servers": bootstrap} | {name.replace("_", "."): value for name, value in settings.items()}
