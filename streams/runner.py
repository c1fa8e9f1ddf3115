"""The one runner of all stages: state, outputs, snapshot and acknowledgement, in the order that loses nothing.

For each chunk: skip what the state has seen; step; outputs with the broker; snapshot with the broker; acknowledge.
While the broker takes the outputs of one chunk, the steps of the next few may run; the outputs of each go out only when
all of the one before is safe, and its snapshot is of the state as it was then. A stage with a large state takes a
snapshot every `snapshot_every_s` seconds and acknowledges only then. On every seek the states are thrown away and read
again from the best snapshots, whose offsets are where reading goes on.

Nothing is retried here after `step` has begun: a failure either stops the worker (Kafka delivers again to the next) or
asks for a new seek, which begins again from the last snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from schemas.catalogue import REVIEWS, SOURCE_TOPICS
from schemas.errors import GapInLog, SnapshotUnusable, UnknownVersion
from schemas.headers import origin_of
from streams import snapshots
from streams.around_runner import Acknowledgeable, Group, LogSource, RegisterSource
from streams.observer import Observer
from streams.snapshots import Place, Snapshot, Writer
from streams.stage import Chunk, LogRecord, Output, Partition, ReadsLines, SaysIdle, Stage
from streams.topics import SNAPSHOTS
from streams.transport import FetchedChunk

WAIT_FOR_REGISTERS_S: Final = 0.25
IDLE_AFTER_S: Final = 30.0
CHUNKS_AHEAD: Final = 3
"""Chunks that may wait, decided, for the one before them to be safe: a broker that hesitates then stops nobody."""
FROM_OUTSIDE: Final = frozenset({*SOURCE_TOPICS, REVIEWS})
"""Topics that tools which are not ours write: what their headers say of origins is not believed."""

StateT = TypeVar("StateT")
log = logging.getLogger(__name__)


@dataclass
class _Held(Generic[StateT]):
    """What the runner holds of one partition between two seeks."""

    state: StateT
    next_offset: int
    stale_keys: frozenset[bytes]
    origins: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)
    side_blocks: deque[tuple[int, int]] = field(default_factory=deque)
    """(source offset after the block, offset of its side record), oldest first."""
    unacknowledged: list[Acknowledgeable] = field(default_factory=list)
    waiting_since_s: float = 0.0
    quiet_since_s: float = 0.0
    """When the last chunk came, or when it was last said that none does."""


class _Frozen(NamedTuple):
    """What a snapshot holds of one partition, taken between two chunks. `covered`: what it acknowledges."""

    next_offset: int
    state: bytes
    origins: tuple[Place, ...]
    remembers_from: int
    covered: list[Acknowledgeable]


class _Decided(NamedTuple, Generic[StateT]):
    """One chunk after its step, on its way to the broker. `frozen` None: no snapshot is due."""

    source: Partition
    held: _Held[StateT]
    chunk: FetchedChunk
    records: int
    outputs: list[Output]
    begun_s: float
    frozen: _Frozen | None


class StageRunner(Generic[StateT]):
    """Runs one stage inside one worker.

    topic_ids: the broker's id of each source topic. worker: a name that no other process start has.
    monotonic_s: a clock that never goes back; it decides when a snapshot is due and when a source counts as idle,
    never what is in them. idle_after_s: how long nothing comes before a stage that `SaysIdle` is asked to, and again.
    beside_loop_from: chunks of so many records are worked on in a thread; worth it for a stage that gives Python's lock
    free, for others it costs more than it brings. None: never.
    """

    def __init__(
        self,
        stage: Stage[StateT],
        *,
        group: Group,
        registers: RegisterSource,
        reader: LogSource,
        observer: Observer,
        topic_ids: Mapping[str, str],
        worker: str,
        monotonic_s: Callable[[], float],
        snapshot_every_s: float = 0.0,
        idle_after_s: float = IDLE_AFTER_S,
        beside_loop_from: int | None = None,
    ) -> None:
        self._stage = stage
        self._beside_loop_from = beside_loop_from
        self._group = group
        self._registers = registers
        self._reader = reader
        self._observer = observer
        self._topic_ids = topic_ids
        self._worker = worker
        self._monotonic_s = monotonic_s
        self._snapshot_every_s = snapshot_every_s
        self._idle_after_s = idle_after_s
        self._snapshot_topic = SNAPSHOTS[stage.name]
        self._epoch = -1
        self._held: dict[Partition, _Held[StateT]] = {}
        self._snapshots_written = 0
        self._unknown: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._flushing: deque[asyncio.Task[None]] = deque()
        """What is on its way, oldest first; each waits for the one before it."""

    @property
    def name(self) -> str:
        return self._stage.name

    @property
    def sources(self) -> tuple[str, ...]:
        return self._stage.sources

    async def take_over(self, partitions: Iterable[Partition], generation: int, epoch: int) -> dict[Partition, int]:
        """Read the state of `partitions` and say where each goes on. Raises SnapshotUnusable."""
        del generation
        sources = list(partitions)
        self._epoch, self._held = epoch, {}
        bounds = await self._reader.bounds(sources)
        homes = {Partition(self._snapshot_topic, source.partition): None for source in sources}
        records = [record async for _, record in self._reader.read_to_end(homes)]
        found = snapshots.find(records, sources)
        held = {source: self._restore(source, found[source], *bounds[source]) for source in sources}
        await self._recall(held, {source: one.snapshot for source, one in found.items()})
        if epoch == self._epoch:
            self._held = held
            for one in held.values():
                one.quiet_since_s = self._monotonic_s()
        return {source: one.next_offset for source, one in held.items()}

    async def process(self, event: Acknowledgeable) -> None:
        """Work on one chunk; its outputs may be still on their way on return. Raises what must stop the worker."""
        async with self._one_at_a_time:
            if not await self._may_decide(event.value.epoch):
                return
            try:
                decided = await self._decide(event)
            except Exception:
                # What was decided before is sound: it goes out and is written down, or the next worker does it again.
                with suppress(KafkaError, OSError, TimeoutError):
                    await self._settled()
                raise
            if decided is not None:
                # At once: were this cancelled while it waits, a chunk that the state has seen would never go out.
                before = self._flushing[-1] if self._flushing else None
                flushing = asyncio.create_task(self._flush(decided, before))
                flushing.add_done_callback(_heard)
                self._flushing.append(flushing)
            while self._flushing and (self._flushing[0].done() or len(self._flushing) > CHUNKS_AHEAD):
                await asyncio.shield(self._flushing[0])
                self._flushing.popleft()

    async def tick(self) -> None:
        """Take the snapshots that became due while no chunk came, and say which sources are idle."""
        async with self._one_at_a_time:
            await self._settled()
            if isinstance(self._stage, SaysIdle) and self._registers.fresh:
                await self._say_idle(self._stage)
            for source, held in list(self._held.items()):
                if held.unacknowledged and self._due(held):
                    await self._snapshot(source, held, self._freeze(held), self._epoch)

    async def finish(self) -> None:
        """Take the snapshots that are still owed: a clean stop leaves nothing to be read again."""
        async with self._one_at_a_time:
            await self._settled()
            for source, held in list(self._held.items()):
                if held.unacknowledged:
                    await self._snapshot(source, held, self._freeze(held), self._epoch)

    def next_offsets(self) -> dict[Partition, int]:
        """How far each partition has been read."""
        return {source: held.next_offset for source, held in self._held.items()}

    def states(self) -> dict[Partition, StateT]:
        """The state of each partition after its last chunk, or as it was read: to be looked at, never changed."""
        return {source: held.state for source, held in self._held.items()}

    async def _decide(self, event: Acknowledgeable) -> _Decided[StateT] | None:
        """Step through one chunk; None where it is void, or has to be read again."""
        chunk: FetchedChunk = event.value
        source = Partition(*chunk.partition)
        held = self._held.get(source)
        if held is None:
            return None  # not ours since the seek that is under way
        if chunk.start > held.next_offset:
            raise GapInLog(
                f"{source}: a chunk begins at {chunk.start}, but only what lies below {held.next_offset} was read",
                hint="Records were deleted before they were read: is the retention shorter than the standstill?",
            )
        begun_s = self._monotonic_s()
        by_line = self._stage if isinstance(self._stage, ReadsLines) else None
        fresh, origins = _unseen(source, chunk.records, held, by_line)
        try:
            outputs = await self._step(held, source, fresh)
        except UnknownVersion as error:
            await self._again_or_stop(error)
            return None
        if self._held.get(source) is not held:
            return None  # a seek came meanwhile
        held.quiet_since_s = self._monotonic_s()
        held.next_offset = max(held.next_offset, chunk.next_offset)
        held.origins.update(origins)
        if not held.unacknowledged:
            held.waiting_since_s = begun_s
        held.unacknowledged.append(event)
        frozen = self._freeze(held) if self._due(held) else None
        return _Decided(source, held, chunk, len(fresh), outputs, begun_s, frozen)

    async def _flush(self, decided: _Decided[StateT], before: asyncio.Task[None] | None) -> None:
        """When all `before` is safe: outputs with the broker, then the snapshot that is due."""
        if before is not None:
            await before
        chunk, source, held = decided.chunk, decided.source, decided.held
        if chunk.epoch != self._epoch:
            return  # the seek gives the chunk out again
        await self._send(decided.outputs, held, chunk.next_offset)
        took_s = self._monotonic_s() - decided.begun_s
        self._observer.chunk_done(self.name, source, decided.records, chunk.size_bytes, took_s)
        self._observer.outputs(self.name, decided.outputs)
        if decided.frozen is not None:
            await self._snapshot(source, held, decided.frozen, chunk.epoch)

    async def _settled(self) -> None:
        """Wait until nothing is on its way. Raises what went wrong there."""
        while self._flushing:
            await asyncio.shield(self._flushing[0])
            self._flushing.popleft()

    def _restore(self, source: Partition, found: snapshots.Found, begin: int, end: int) -> _Held[StateT]:
        snapshot = found.snapshot
        if snapshot is None:
            return _Held(self._stage.initial(source), begin, found.keys)
        _check(snapshot, self._topic_ids[source.topic], self._stage.logic_version, begin, end)
        return _Held(
            state=self._stage.load(source, snapshot.state),
            next_offset=snapshot.next_offset,
            stale_keys=found.keys,
            origins={(one.stage, one.topic, one.partition): (one.offset, one.nth) for one in snapshot.origins},
        )

    async def _recall(
        self, held: Mapping[Partition, _Held[StateT]], found: Mapping[Partition, Snapshot | None]
    ) -> None:
        """Give each state back what it keeps in the side topic."""
        side_topic = self._stage.side_topic
        if side_topic is None:
            return
        starts: dict[Partition, int] = {}
        wanted: dict[bytes, tuple[Partition, int]] = {}
        for source, snapshot in found.items():
            if snapshot is not None and snapshot.side_from >= 0:
                home = Partition(side_topic, source.partition)
                starts[home] = min(snapshot.side_from, starts.get(home, snapshot.side_from))
                wanted[side_key(source)] = source, snapshot.side_from
        async for _, record in self._reader.read_to_end(starts):
            owner = wanted.get(record.key or b"")
            if owner is None or record.offset < owner[1] or record.value is None:
                continue
            one = held[owner[0]]
            self._stage.recall(one.state, record.value, one.next_offset)
            one.side_blocks.append((one.next_offset, record.offset))

    async def _may_decide(self, epoch: int) -> bool:
        """Wait until the registers are fresh and the stage is ready. False when a seek made the chunk void."""
        waited = False
        while epoch == self._epoch:
            reason = (
                self._stage.ready(self._registers.registers)
                if self._registers.fresh
                else f"the registers, last read {self._registers.age_s:.0f} s ago"
            )
            if reason is None:
                if waited:
                    self._observer.waiting(self.name, None)
                return True
            if not waited:
                log.warning("%s waits for %s", self.name, reason)
                self._observer.waiting(self.name, reason)
            waited = True
            await asyncio.sleep(WAIT_FOR_REGISTERS_S)
        return False

    async def _step(self, held: _Held[StateT], source: Partition, records: Sequence[LogRecord]) -> list[Output]:
        """The outputs of `records`; large chunks are worked on beside the loop, which sends the last one meanwhile."""
        if not records:
            return []
        chunk, registers = Chunk(source, records), self._registers.registers
        if self._beside_loop_from is None or len(records) < self._beside_loop_from:
            return self._stage.step(held.state, chunk, registers)
        working = asyncio.get_running_loop().run_in_executor(None, self._stage.step, held.state, chunk, registers)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            # The state has seen, or will have, what never goes out: nobody may go on from it.
            self._held.pop(source, None)
            self._group.seek_again()
            raise

    async def _again_or_stop(self, error: UnknownVersion) -> None:
        """Read the registers and try once more from the last snapshot; raise what is unknown even then."""
        if self._unknown == error.message:
            raise error
        self._unknown = error.message
        await self._registers.refresh()
        self._group.seek_again()

    async def _send(self, outputs: Sequence[Output], held: _Held[StateT], next_offset: int) -> None:
        """All outputs with the broker, in their order; the first that fails raises, and the worker stops."""
        taken = await self._deliver(outputs)
        if self._stage.side_topic is None:
            return
        for output, metadata in zip(outputs, taken, strict=True):
            if output.topic == self._stage.side_topic:
                held.side_blocks.append((next_offset, metadata.offset))

    async def _deliver(self, outputs: Sequence[Output]) -> list[RecordMetadata]:
        return [await delivery for delivery in await self._group.producer.send_all(outputs)]

    async def _say_idle(self, stage: SaysIdle[StateT]) -> None:
        """For each source that is read to its end and has been quiet for long: what the stage has to say of it."""
        epoch, now_s = self._epoch, self._monotonic_s()
        quiet = [source for source, held in self._held.items() if now_s - held.quiet_since_s >= self._idle_after_s]
        try:
            # The log itself is asked: what the last fetch said of its end is old after a broker was away.
            bounds = await self._reader.bounds(quiet)
        except (KafkaError, OSError, TimeoutError):
            return
        for source in quiet:
            held = self._held.get(source)
            if held is None or epoch != self._epoch or bounds[source][1] != held.next_offset:
                continue
            if self._stage.ready(self._registers.registers) is None:
                await self._deliver(stage.idle(held.state, held.next_offset, self._registers.registers))
            held.quiet_since_s = now_s

    def _due(self, held: _Held[StateT]) -> bool:
        return self._monotonic_s() - held.waiting_since_s >= self._snapshot_every_s

    def _freeze(self, held: _Held[StateT]) -> _Frozen:
        """What a snapshot would hold now; it takes on what is not acknowledged yet."""
        covered, held.unacknowledged = held.unacknowledged, []
        return _Frozen(
            held.next_offset,
            self._stage.dump(held.state),
            tuple(Place(*upstream, *place) for upstream, place in held.origins.items()),
            self._stage.remembers_from(held.state, held.next_offset),
            covered,
        )

    async def _snapshot(self, source: Partition, held: _Held[StateT], frozen: _Frozen, epoch: int) -> None:
        """Write down where the state stands, then acknowledge what it covers."""
        if epoch != self._epoch:
            return  # overtaken by a seek: a late snapshot would be true, and of no use
        while held.side_blocks and held.side_blocks[0][0] <= frozen.remembers_from:
            held.side_blocks.popleft()
        snapshot = Snapshot(
            topic=source.topic,
            partition=source.partition,
            topic_id=self._topic_ids[source.topic],
            logic_version=self._stage.logic_version,
            next_offset=frozen.next_offset,
            state=frozen.state,
            origins=frozen.origins,
            side_from=held.side_blocks[0][1] if held.side_blocks else -1,
        )
        writer = Writer(self._group.generation, self._worker)
        self._snapshots_written += 1
        parts = snapshots.encode(self._snapshot_topic, snapshot, writer, self._snapshots_written)
        await self._deliver(parts)
        if epoch != self._epoch:
            return  # the seek gives the chunks out again; the snapshot is true all the same
        for event in frozen.covered:
            event.ack()
        self._observer.snapshot(self.name, source, sum(len(part.value or b"") for part in parts), snapshot.next_offset)
        if held.stale_keys:
            await self._deliver(snapshots.tombstones(self._snapshot_topic, source, held.stale_keys, writer))
            held.stale_keys = frozenset()


def _heard(flushed: asyncio.Task[None]) -> None:
    """What went wrong is raised by the next call; at a worker's end there may be none."""
    if not flushed.cancelled():
        flushed.exception()


def side_key(source: Partition) -> bytes:
    """Key of a source partition's records on a side topic."""
    return f"{source.topic}/{source.partition}".encode()


def _unseen(
    source: Partition, records: Sequence[LogRecord], held: _Held[Any], by_line: ReadsLines | None
) -> tuple[Sequence[LogRecord], dict[tuple[str, str, int], tuple[int, int]]]:
    """The records that the state has not seen, and the highest origins among them.

    Seen is what lies below the state's offset, and what an upstream worker sent again after a crash: its origin is at
    or below the highest one read of that upstream partition. Of a record whose lines have origins of their own,
    `by_line` takes away those that were seen.
    """
    if records and records[0].offset < held.next_offset:
        records = [record for record in records if record.offset >= held.next_offset]
    highest: dict[tuple[str, str, int], tuple[int, int]] = {}
    if source.topic in FROM_OUTSIDE:
        return records, highest
    unseen = []
    for record in records:
        origin = origin_of(record.headers)
        if origin is not None:
            upstream = origin.upstream
            seen = highest.get(upstream) or held.origins.get(upstream)
            if seen is not None:
                if origin.place <= seen:
                    continue
                if by_line is not None:
                    record = by_line.unread(record, seen)  # noqa: PLW2901 - the same, less what was seen
            highest[upstream] = origin.place
        unseen.append(record)
    return unseen, highest


def _check(snapshot: Snapshot, topic_id: str, logic_version: int, begin: int, end: int) -> None:
    """Raise SnapshotUnusable when going on from `snapshot` would lose or double something."""
    where = f"The snapshot of {snapshot.source} at offset {snapshot.next_offset}"
    if snapshot.topic_id != topic_id:
        raise SnapshotUnusable(
            f"{where} belongs to another topic of that name (id {snapshot.topic_id}, now {topic_id})",
            hint="The topic was made anew. Delete the snapshot topic too if its records are to be read from the start.",
        )
    if snapshot.logic_version != logic_version:
        raise SnapshotUnusable(
            f"{where} was made by version {snapshot.logic_version} of the stage; this is version {logic_version}",
            hint="See docs/semantics.md, 'Changing a stage'.",
        )
    if snapshot.next_offset > end:
        raise SnapshotUnusable(
            f"{where} lies beyond the end of the log ({end})",
            hint="The broker lost records, or its data folder was put back from a backup.",
        )
    if snapshot.next_offset < begin:
        raise SnapshotUnusable(
            f"{where} lies below the start of the log ({begin}): {begin - snapshot.next_offset} records were deleted "
            "before they were read",
            hint="Retention was shorter than the standstill; see docs/semantics.md, 'Retention'.",
        )
