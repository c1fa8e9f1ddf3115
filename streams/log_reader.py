"""Reading stretches of a log from given offsets to their present end, outside any consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from streams.connection import Connection
from streams.stage import LogRecord, Partition

POLL_MS = 200


class LogReader:
    """One reader, used by one caller at a time. `start` before use, `stop` after it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            await consumer.stop()
        except asyncio.CancelledError:
            # Stopped while the broker is away, aiokafka cancels its fetches and raises their cancellation as if it
            # were ours (0.14.0, Fetcher.close).
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise

    async def read_to_end(self, starts: Mapping[Partition, int | None]) -> AsyncIterator[tuple[Partition, LogRecord]]:
        """The records of each partition from its start (None: the log's) to the end that it has now."""
        if not starts:
            return
        async with self._lock:
            consumer = await self._started()
            partitions = {TopicPartition(*partition): start for partition, start in starts.items()}
            consumer.assign(list(partitions))
            ends = await consumer.end_offsets(list(partitions))
            begins = await consumer.beginning_offsets(list(partitions))
            for partition, start in partitions.items():
                consumer.seek(partition, min(max(start or 0, begins[partition]), ends[partition]))
            unread = set(partitions)
            while unread := {one for one in unread if await consumer.position(one) < ends[one]}:
                for partition, records in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
                    for record in records:
                        yield Partition(*partition), record

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """(start of the log, end of the log) of each partition."""
        wanted = [TopicPartition(*partition) for partition in partitions]
        if not wanted:
            return {}
        async with self._lock:
            consumer = await self._started()
            begins = await consumer.beginning_offsets(wanted)
            ends = await consumer.end_offsets(wanted)
            return {Partition(*partition): (begins[partition], ends[partition]) for partition in wanted}

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = self._connection.log_reader()
            await consumer.start()
            self._consumer = consumer
        return self._consumer
