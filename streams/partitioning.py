"""Where a key belongs: the partition that Kafka's default partitioner gives it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` among `partitions`. Pure Python, some microseconds; `Native.homes` does many at once."""
    hashed: int = murmur2(key) if partitions > 1 else 0
    return (hashed & 0x7FFFFFFF) % partitions
