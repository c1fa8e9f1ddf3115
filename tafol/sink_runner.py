"""Runs the sink inside a worker: chunks gather in a batch, a batch is written in a thread, then acknowledged.

While batches are written, one for each writer, the next one gathers. Their rows go in beside each other, their
positions in order: a batch whose rows are there before those of an earlier one waits for it. Where a partition goes on
after a take-over is what `sink_positions` says, nothing else (contracts, "Sinks").
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from schemas.errors import GapInLog, SnapshotUnusable
from sinks.batching import Batch, BatchLimits
from sinks.rows import SinkChunk, rows_of
from sinks.store import LogPartition
from sinks.writer import Writer
from streams.around_runner import Acknowledgeable
from streams.log_reader import LogReader
from streams.observer import Observer
from streams.stage import Partition
from streams.transport import FetchedChunk

NAME: Final = "sink"


class SinkRunner:
    """The sink as an agent drives it (streams.app.Runner)."""

    def __init__(
        self,
        writers: Sequence[Writer],
        *,
        sources: tuple[str, ...],
        reader: LogReader,
        observer: Observer,
        topic_ids: Mapping[str, str],
        monotonic_s: Callable[[], float],
        limits: BatchLimits,
    ) -> None:
        self._free: asyncio.Queue[Writer] = asyncio.LifoQueue()  # where one is enough, the others never connect
        for writer in writers:
            self._free.put_nowait(writer)
        self._at_once = len(writers)
        self._sources = sources
        self._reader = reader
        self._observer = observer
        self._topic_ids = topic_ids
        self._monotonic_s = monotonic_s
        self._limits = limits
        self._epoch = -1
        self._next: dict[Partition, int] = {}
        self._batch = Batch()
        self._gathered: list[Acknowledgeable] = []
        self._writing: deque[asyncio.Task[None]] = deque()
        self._one_at_a_time = asyncio.Lock()

    @property
    def name(self) -> str:
        return NAME

    @property
    def sources(self) -> tuple[str, ...]:
        return self._sources

    def next_offsets(self) -> dict[Partition, int]:
        return dict(self._next)

    async def take_over(self, partitions: Iterable[Partition], generation: int, epoch: int) -> dict[Partition, int]:
        """Where each partition goes on. Waits for the store. Raises SnapshotUnusable when records were deleted."""
        del generation
        self._epoch, self._next = epoch, {}
        self._batch, self._gathered = Batch(), []
        sources = {self._at(partition): partition for partition in partitions}
        bounds = await self._reader.bounds(sources.values())
        if self._writing:
            await asyncio.wait(self._writing)
        async with self._writer() as writer:
            stored = await asyncio.to_thread(writer.positions, list(sources))
        found = {source: _checked(source, stored[at], *bounds[source]) for at, source in sources.items()}
        if epoch == self._epoch:
            self._next = dict(found)
        return found

    async def process(self, event: Acknowledgeable) -> None:
        """Take one chunk into the batch, and have the batch written when it is full."""
        async with self._one_at_a_time:
            chunk: FetchedChunk = event.value
            source = Partition(*chunk.partition)
            if chunk.epoch != self._epoch or source not in self._next:
                return
            self._gather(event, chunk, source)
            if self._batch.full(self._limits, self._monotonic_s()):
                await self._write()

    async def tick(self) -> None:
        """Have the batch written when it is old enough."""
        async with self._one_at_a_time:
            while self._writing and self._writing[0].done():
                await self._oldest()
            if not self._writing and self._batch.full(self._limits, self._monotonic_s()):
                await self._write()

    async def finish(self) -> None:
        """Write what is gathered."""
        async with self._one_at_a_time:
            if self._gathered:
                await self._write()
            while self._writing:
                await self._oldest()

    def _gather(self, event: Acknowledgeable, chunk: FetchedChunk, source: Partition) -> None:
        next_offset = self._next[source]
        if chunk.start > next_offset:
            raise GapInLog(
                f"{source}: a chunk begins at {chunk.start}, but only what lies below {next_offset} is stored",
                hint="Records were deleted before they were stored: is the retention shorter than the standstill?",
            )
        begun_s = self._monotonic_s()
        records = [record for record in chunk.records if record.offset >= next_offset]
        if records:
            rows = rows_of(SinkChunk(self._at(source), records))
            self._batch.add(rows._replace(next_offset=chunk.next_offset), begun_s)
        self._next[source] = max(next_offset, chunk.next_offset)
        self._gathered.append(event)
        self._observer.chunk_done(self.name, source, len(records), chunk.size_bytes, self._monotonic_s() - begun_s)

    async def _write(self) -> None:
        """Have the batch written; waits for a free writer. Raises what an earlier write met."""
        while len(self._writing) >= self._at_once:
            await self._oldest()
        batch, events = self._batch, self._gathered
        self._batch, self._gathered = Batch(), []
        before = self._writing[-1] if self._writing else None
        writing = asyncio.create_task(self._store(batch, events, self._epoch, before), name="sink write")
        writing.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is raised by `_oldest`
        self._writing.append(writing)

    async def _oldest(self) -> None:
        """The end of the write that was begun first. Raises what it met; it then stays where it is, and nothing after
        it can be stored: a position must never pass over rows that are not there.
        """
        await asyncio.shield(self._writing[0])
        self._writing.popleft()

    async def _store(
        self, batch: Batch, events: list[Acknowledgeable], epoch: int, before: asyncio.Task[None] | None
    ) -> None:
        async with self._writer() as writer:
            await asyncio.to_thread(writer.write_rows, batch)
            if before is not None:
                await asyncio.shield(before)
            await asyncio.to_thread(writer.write_positions, batch)
        if epoch == self._epoch:
            for event in events:
                event.ack()
            for at, next_offset in batch.next_offsets.items():
                self._observer.committed(self.name, Partition(at.topic, at.partition), next_offset)

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[Writer]:
        """One that nobody uses."""
        writer = await self._free.get()
        try:
            yield writer
        finally:
            self._free.put_nowait(writer)

    def _at(self, source: Partition) -> LogPartition:
        return LogPartition(source.topic, self._topic_ids[source.topic], source.partition)


def _checked(source: Partition, stored: int, begin: int, end: int) -> int:
    """Where to go on: what is stored, or the beginning of a log of which nothing is."""
    if stored > end:
        raise SnapshotUnusable(
            f"{source} is stored up to {stored}, beyond the end of the log ({end})",
            hint="The broker lost records, or its data folder was put back from a backup.",
        )
    if 0 < stored < begin:
        raise SnapshotUnusable(
            f"{source} is stored up to {stored}, but the log begins at {begin}: {begin - stored} records were deleted "
            "before they were stored",
            hint="Retention was shorter than the standstill; see docs/semantics.md, 'Retention'.",
        )
    return max(stored, begin)
