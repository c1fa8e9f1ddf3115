"""aiokafka's client as the fetcher sees it, which keeps the bytes of what was fetched.

aiokafka makes an object of every record. A stage that works on columns needs only where each record stands, and for
that the bytes themselves. Runs in the consumer thread.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from aiokafka import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from streams.record_columns import RecordColumns
from streams.transport.inflate import inflated
from streams.transport.settings import ReadColumns


class KeepingClient:
    """Stands in for aiokafka's client, and is it in all but one thing: of each partition of the topics that
    have a reader it keeps the bytes of the last fetch that brought any, until they are taken.
    """

    def __init__(self, client: AIOKafkaClient, readers: Mapping[str, ReadColumns]) -> None:
        self._client = client
        self._readers = readers
        self._kept: dict[TopicPartition, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """As aiokafka's."""
        response = await self._client.send(node_id, request, **options)
        if isinstance(request, FetchRequest):
            for topic, partitions in response.topics:
                if topic in self._readers:
                    # first the partition's number, last its record batches (in all versions of the response)
                    self._kept |= {TopicPartition(topic, number): rest[-1] for number, *rest in partitions if rest[-1]}
        return response

    def columns(self, partition: TopicPartition, size: int) -> RecordColumns | None:
        """The records of the fetch of `size` bytes that the fetcher holds of `partition`; None where they are to be had
        as objects only.
        """
        kept = self._kept.pop(partition, None)
        return self._readers[partition.topic](inflated(kept)) if kept is not None and len(kept) == size else None

    def keep_only(self, partitions: Container[TopicPartition]) -> None:
        """Forget what the fetcher has thrown away: it holds nothing but of `partitions`."""
        self._kept = {partition: kept for partition, kept in self._kept.items() if partition in partitions}
