"""The sink inside a worker: what is stored is what is acknowledged, whatever fails in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from aiokafka.structs import TopicPartition

from schemas.catalogue import READ_COUNTS
from schemas.counts import ReadCount
from schemas.errors import GapInLog, SinkFatal, SnapshotUnusable
from sinks.batching import BatchLimits
from sinks.memory import MemoryStore
from sinks.store import LogPartition, StoreError
from sinks.tables import POSITIONS
from sinks.writer import Surroundings, Writer
from streams.stage import Output, Partition
from streams.transport import FetchedChunk
from tafol.sink_runner import SinkRunner
from tests.fakes.broker import FakeBroker, FakeEvent, FakeReader, SilentObserver

pytestmark = pytest.mark.unit

SOURCE = Partition(READ_COUNTS, 0)


class _Watcher:
    def sink_flushed(self, table: str, rows: int, seconds: float) -> None: ...

    def sink_retry(self, code: str) -> None: ...


class _FailingStore(MemoryStore):
    def __init__(self, refusals: list[StoreError]) -> None:
        super().__init__()
        self.refusals = refusals

    def insert(self, table: str, lines: bytes) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        super().insert(table, lines)


class _SharedStore(MemoryStore):
    """Tables of another store; holds rows back until `go`, and notes which tables were filled in `order`."""

    def __init__(self, shared: MemoryStore, order: list[str], *, held: bool, refuses: StoreError | None = None) -> None:
        super().__init__()
        self._shared, self._order, self._refuses = shared, order, refuses
        self.go, self.filled = threading.Event(), threading.Event()
        if not held:
            self.go.set()

    def insert(self, table: str, lines: bytes) -> None:
        if table != POSITIONS.name:
            self.go.wait(30)
            if self._refuses is not None:
                raise self._refuses
        self._shared.insert(table, lines)
        self._order.append(table)
        self.filled.set()

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        return self._shared.positions(topics)


@pytest.fixture
def broker() -> FakeBroker:
    broker = FakeBroker()
    for number in range(6):
        count = ReadCount(
            topic="transactions.chat", partition=number, read=number, repeats=0, rejected={}, excluded={},
            eligible=number, selected=0, not_selected=number, pending=0, unknown_fields={}, as_of_offset=number,
        )  # fmt: skip
        broker.append(Output(READ_COUNTS, b"k", count.model_dump_json().encode(), [], 0))
    return broker


@dataclass
class _Installation:
    broker: FakeBroker
    store: MemoryStore
    now_s: float = 0.0
    stores: Sequence[MemoryStore] = ()
    """One for each writer, where there are several; the last is taken first."""
    rows: int = 1000
    """Of a full batch."""

    def runner(self) -> SinkRunner:
        around = Surroundings(
            lambda: datetime(2026, 11, 22, tzinfo=UTC), lambda: self.now_s, lambda _: False, lambda: 0.0
        )
        return SinkRunner(
            [Writer(store, around, _Watcher()) for store in self.stores or (self.store,)],
            sources=(READ_COUNTS,),
            reader=FakeReader(self.broker),  # type: ignore[arg-type]  # the part of a LogReader that is used
            observer=SilentObserver(),
            topic_ids={READ_COUNTS: "id-1"},
            monotonic_s=lambda: self.now_s,
            limits=BatchLimits(rows=self.rows, bytes=10**6, age_s=1.0),
        )

    def event(self, start: int, end: int, epoch: int = 3) -> FakeEvent:
        records = self.broker.logs[SOURCE][start:end]
        return FakeEvent(FetchedChunk(TopicPartition(*SOURCE), start, end, records, 0, epoch, 1))

    def stored(self) -> list[object]:
        return [row["partition"] for row in self.store.rows("read_counts")]


@pytest.fixture
def here(broker: FakeBroker) -> _Installation:
    return _Installation(broker, MemoryStore())


async def test_rows_wait_until_they_are_old_enough_then_are_stored_and_acknowledged(here: _Installation) -> None:
    runner = here.runner()
    assert await runner.take_over([SOURCE], 1, 3) == {SOURCE: 0}
    first, second = here.event(0, 2), here.event(2, 4)
    await runner.process(first)
    await runner.process(second)
    await runner.tick()
    assert here.stored() == []
    here.now_s = 1.5
    await runner.tick()
    await runner.finish()
    assert here.stored() == [0, 1, 2, 3]
    assert first.acked
    assert second.acked
    assert await here.runner().take_over([SOURCE], 1, 4) == {SOURCE: 4}


async def test_a_new_worker_goes_on_where_the_store_stands_not_where_the_group_does(here: _Installation) -> None:
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    await runner.process(here.event(0, 3))
    await runner.finish()
    await runner.process(here.event(3, 5))  # gathered, never written: the process dies here
    other = here.runner()
    positions = await other.take_over([SOURCE], 2, 3)
    assert positions == {SOURCE: 3}
    await other.process(here.event(3, 6))
    await other.finish()
    assert here.stored() == [0, 1, 2, 3, 4, 5]


async def test_a_seek_forgets_what_was_gathered(here: _Installation) -> None:
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    stale = here.event(0, 3)
    await runner.process(stale)
    await runner.take_over([SOURCE], 2, 4)
    await runner.process(stale)
    await runner.finish()
    assert here.stored() == []
    assert not stale.acked


async def test_a_store_that_refuses_for_good_stops_the_worker_and_nothing_is_acknowledged(broker: FakeBroker) -> None:
    here = _Installation(broker, _FailingStore([StoreError("no space", code=243)]))
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    event = here.event(0, 3)
    await runner.process(event)
    with pytest.raises(SinkFatal):
        await runner.finish()
    assert not event.acked


async def test_a_store_that_is_away_is_waited_for(broker: FakeBroker) -> None:
    here = _Installation(broker, _FailingStore([StoreError("no answer")] * 3))
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    event = here.event(0, 3)
    await runner.process(event)
    await runner.finish()
    assert event.acked
    assert here.stored() == [0, 1, 2]


async def _two_under_way(here: _Installation, fast: _SharedStore) -> tuple[SinkRunner, list[FakeEvent]]:
    """Three batches, two of them begun: the rows of the first are held back, those of the second are in `fast`."""
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    events = [here.event(0, 2), here.event(2, 4), here.event(4, 6)]
    for event in events[:2]:
        await runner.process(event)
    assert await asyncio.to_thread(fast.filled.wait, 30)
    return runner, events


async def test_rows_go_in_beside_each_other_and_positions_in_order(broker: FakeBroker) -> None:
    store, order = MemoryStore(), list[str]()
    slow, fast = _SharedStore(store, order, held=True), _SharedStore(store, order, held=False)
    here = _Installation(broker, store, stores=(fast, slow), rows=2)
    runner, events = await _two_under_way(here, fast)
    gathering = asyncio.create_task(runner.process(events[2]))
    await asyncio.wait([gathering], timeout=0.1)
    assert order == ["read_counts"]
    assert not events[1].acked
    assert not gathering.done(), "there is no third writer"
    slow.go.set()
    await gathering
    await runner.finish()
    assert order[:3] == ["read_counts", "read_counts", POSITIONS.name], "the first one's rows and position"
    assert order.count(POSITIONS.name) == 3
    assert here.stored() == [0, 1, 2, 3, 4, 5]
    assert all(event.acked for event in events)


async def test_nothing_is_stored_past_a_batch_that_failed(broker: FakeBroker) -> None:
    store, order = MemoryStore(), list[str]()
    fast = _SharedStore(store, order, held=False)
    refusing = _SharedStore(store, order, held=True, refuses=StoreError("no space", code=243))
    here = _Installation(broker, store, stores=(fast, refusing), rows=2)
    runner, events = await _two_under_way(here, fast)
    refusing.go.set()
    for _ in range(2):  # whoever asks, and however often
        with pytest.raises(SinkFatal):
            await runner.finish()
    with pytest.raises(SinkFatal):
        await runner.process(events[2])
    assert store.positions([READ_COUNTS]) == {}
    assert not any(event.acked for event in events)


async def test_a_chunk_above_what_is_stored_stops_the_worker(here: _Installation) -> None:
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    with pytest.raises(GapInLog):
        await runner.process(here.event(2, 4))


async def test_records_deleted_before_they_were_stored_stop_the_worker(here: _Installation) -> None:
    runner = here.runner()
    await runner.take_over([SOURCE], 1, 3)
    await runner.process(here.event(0, 3))
    await runner.finish()
    here.broker.logs[SOURCE] = here.broker.logs[SOURCE][:2]
    with pytest.raises(SnapshotUnusable, match="beyond the end"):
        await here.runner().take_over([SOURCE], 2, 4)
