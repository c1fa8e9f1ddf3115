"""The consumer of the batch transport: what is fetched is delivered in order, or dropped and sought again.

It replaces these parts of Faust's consumer: its gap logic (which commits past chunks in work), its mark of the last
offset read (which throws away what is read again after a seek), its one-second sleep under back-pressure, and its seek
to committed offsets (which does nothing where nothing is committed). Names with a leading underscore are Faust's own:
tests/contract/test_private_names.py guards them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Iterator
from math import ceil
from typing import Any, cast

import aiokafka
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage, Message
from faust.types.tuples import TP

from streams.stage import Partition
from streams.transport.fetch import FetchedChunk, fetched_chunks
from streams.transport.kept import KeepingClient
from streams.transport.settings import ChunkedApp, ChunkSettings

PRESSURE_PAUSE_S = 0.005
"""Wait while every partition's buffer is full, or while the group rebalances."""
PRESSURE_TIMEOUT_S = 0.02
"""Longest wait for the others while one partition's buffer is full. Faust fixes which partitions it waits for when it
begins to wait: with its own second, a partition whose buffer had room again waited behind empty ones for the rest of it
(measured: two thirds of the time idle)."""

FETCH_MAX_WAIT_MS = 50
"""How long the broker may keep a fetch that finds nothing. aiokafka has one fetch under way a broker: a full partition
waits behind the empty ones' fetch, with Faust's 1,500 ms for that long (measured: 16,000 events/s, 70 % idle)."""


class _NoReadOffsets(defaultdict[TP, int | None]):
    """Stands in for Faust's mark of the last offset read: order is kept by epochs and by the runner instead."""

    def __getitem__(self, partition: TP) -> None:
        return None

    def __setitem__(self, partition: TP, offset: object) -> None:
        pass

    def update(self, *_args: Any, **_offsets: Any) -> None:
        pass


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer in its own thread; gives out whole chunks."""

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS
        readers = cast("ChunkedApp", self.app).chunks.read_columns
        if readers:
            consumer._client = KeepingClient(consumer._client, readers)
        return consumer

    async def on_thread_stop(self) -> None:
        """Stop aiokafka's consumer. Its fetcher cancels a fetch that waits for a broker that is away, and lets that
        come out as if this thread were cancelled.
        """
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise

    async def _fetch_records(  # type: ignore[override]  # a chunk a partition instead of a record list
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: Collection[TopicPartition] | None,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> list[FetchedChunk]:
        if not self.consumer.flow_active:
            return []
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            return await fetched_chunks(fetcher, active_partitions or (), timeout or 0.0)


class Consumer(driver.Consumer):
    """Delivers one message per chunk, and commits the unbroken run of acknowledged ones."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._epoch = 0
        self._seek_again = False
        self._delivered: defaultdict[TP, deque[Message]] = defaultdict(deque)
        self._committable: dict[TP, int] = {}
        super().__init__(*args, **options)
        self._read_offset = _NoReadOffsets(lambda: None)

    @property
    def epoch(self) -> int:
        """Number of the last seek; chunks of an earlier one are void."""
        return self._epoch

    def seek_again(self) -> None:
        """Drop what is fetched and queued, and start again from where `take_over` says."""
        self._epoch += 1
        self._seek_again = True

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109
        if self.app.rebalancing:
            # Faust clears the agents' queues once more when its recovery ends: nothing may be delivered before
            await self.sleep(PRESSURE_PAUSE_S)
            return
        if self._seek_again:
            await self._go_where_the_state_stands()
            return
        epoch, generation = self._epoch, self.app.consumer_generation_id
        chunks, _active = await self._wait_next_records(timeout)
        for chunk in chunks or ():
            for part in _parts(chunk, self._chunk_settings.max_records):
                # looked at anew for each part: a rebalance may begin while an earlier one waits for its agent's queue
                if not self._may_deliver(epoch, generation):
                    self._seek_again = True
                    return
                message = self._message(part._replace(epoch=epoch, generation=generation))
                self._delivered[message.tp].append(message)
                self.app.monitor.track_tp_end_offset(message.tp, self.highwater(message.tp))
                yield message.tp, message

    async def perform_seek(self) -> None:
        """Faust asks for a seek when a rebalance ends. It waits for it no longer than a request may take, but a state
        may rest in a store that is away for an hour: so the fetcher does the work, and this only orders it.
        """
        self.seek_again()

    async def _go_where_the_state_stands(self) -> None:
        """Begin a new epoch and read on from where `take_over` says."""
        self._epoch += 1
        self._seek_again = False
        self._delivered.clear()
        self._committable.clear()
        epoch = self._epoch
        assigned = sorted(self.assignment())
        positions = await self._chunk_settings.take_over(
            [Partition(*partition) for partition in assigned], self.app.consumer_generation_id, epoch
        )
        if epoch != self._epoch or set(assigned) != self.assignment():
            self._seek_again = True  # overtaken by a rebalance
            return
        if assigned:
            await self.seek_wait({partition: positions[Partition(*partition)] for partition in assigned})
        for partition in assigned:
            # the group's offset is for the display of lag only: bring it to where the state stands
            self._committed_offset[partition] = None
            self._committable[partition] = positions[Partition(*partition)]
            self._acked[partition].clear()
            self._acked_index[partition].clear()

    async def on_stop(self) -> None:
        """Commit, unless the thread that would do it has crashed and its loop with it: Faust waits for its answer then,
        for ever where the loop was closed after it was asked. What is not committed is display of lag.
        """
        if not self._thread.crashed:
            await super().on_stop()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.seek_again()
        await super().on_partitions_revoked(revoked)
        for partition in revoked:
            self._delivered.pop(partition, None)
            self._committable.pop(partition, None)

    def _may_deliver(self, epoch: int, generation: int) -> bool:
        return (
            self.flow_active
            and not self.should_stop
            and not self._seek_again
            and not self.app.rebalancing
            and epoch == self._epoch
            and generation == self.app.consumer_generation_id
        )

    @property
    def _chunk_settings(self) -> ChunkSettings:
        settings: ChunkSettings = cast("ChunkedApp", self.app).chunks
        return settings

    async def _wait_next_records(  # type: ignore[override]
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[list[FetchedChunk] | None, Any]:
        if self.flow_active:
            active = self._get_active_partitions()
            if not active:
                await self.sleep(PRESSURE_PAUSE_S)  # Faust's own wait here is a whole second
                return [], set()
            if len(active) < len(self.assignment()):
                timeout = min(timeout, PRESSURE_TIMEOUT_S)
        return cast("tuple[list[FetchedChunk] | None, Any]", await super()._wait_next_records(timeout))

    def _message(self, chunk: FetchedChunk) -> ConsumerMessage:
        last_ms = chunk.records[-1].timestamp if chunk.records else 0
        topic, partition = chunk.partition
        return ConsumerMessage(
            topic=topic,
            partition=partition,
            offset=chunk.next_offset - 1,
            timestamp=last_ms / 1000,
            timestamp_type=1,
            headers=[],
            key=None,
            value=cast("bytes", chunk),  # ChunkSchema hands it through
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=chunk.size_bytes,
            tp=TP(topic, partition),
            generation_id=chunk.generation,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: Faust's gaps let commits pass chunks that are still in work."""

    def _new_offset(self, tp: TP) -> int | None:
        """End of the unbroken run of acknowledged chunks. By identity, so that a chunk read again counts anew."""
        delivered = self._delivered[tp]
        while delivered and delivered[0].acked:
            self._committable[tp] = delivered.popleft().offset + 1
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._committable.get(tp)


def _parts(chunk: FetchedChunk, most: int) -> Iterator[FetchedChunk]:
    """`chunk` in parts of at most `most` records, alike in length, that together cover the same stretch of the log."""
    if len(chunk.records) <= most:
        yield chunk
        return
    start = chunk.start
    step = ceil(len(chunk.records) / ceil(len(chunk.records) / most))
    for first in range(0, len(chunk.records), step):
        records = chunk.records[first : first + step]
        last = first + step >= len(chunk.records)
        end = chunk.next_offset if last else records[-1].offset + 1
        size = chunk.size_bytes * len(records) // len(chunk.records)
        yield chunk._replace(start=start, next_offset=end, records=records, size_bytes=size)
        start = end
