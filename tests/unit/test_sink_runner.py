"""The sink inside a worker: what is stored is what is acknowledged, whatever fails in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from aiokafka.structs import TopicPartition

from schemas.catalogue import READ_COUNTS
from schemas.counts import ReadCount
from schemas.errors import GapInLog, SinkFatal, SnapshotUnusable
from sinks.batching import BatchLimits
from sinks.memory import MemoryStore
from sinks.store import StoreError
from sinks.writer import Surroundings, Writer
from streams.stage import Output, Partition
from streams.transport import FetchedChunk
from tafol.sink_runner import SinkRunner
from tests.fakes.broker import FakeBroker, FakeReader, SilentObserver

pytestmark = pytest.mark.unit

SOURCE = Partition(READ_COUNTS, 0)


class _Watcher:
    def sink_flushed(self, table: str, rows: int, seconds: float) -> None: ...

    def sink_retry(self, code: str) -> None: ...


@dataclass
class _Event:
    value: FetchedChunk
    acked: bool = False

    def ack(self) -> bool:
        self.acked = True
        return True


class _FailingStore(MemoryStore):
    def __init__(self, refusals: list[StoreError]) -> None:
        super().__init__()
        self.refusals = refusals

    def insert(self, table: str, lines: bytes) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        super().insert(table, lines)


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

    def runner(self) -> SinkRunner:
        around = Surroundings(
            lambda: datetime(2026, 11, 22, tzinfo=UTC), lambda: self.now_s, lambda _: False, lambda: 0.0
        )
        return SinkRunner(
            Writer(self.store, around, _Watcher()),
            sources=(READ_COUNTS,),
            reader=FakeReader(self.broker),  # type: ignore[arg-type]  # the part of a LogReader that is used
            observer=SilentObserver(),
            topic_ids={READ_COUNTS: "id-1"},
            monotonic_s=lambda: self.now_s,
            limits=BatchLimits(rows=1000, bytes=10**6, age_s=1.0),
        )

    def event(self, start: int, end: int, epoch: int = 3) -> _Event:
        records = self.broker.logs[SOURCE][start:end]
        return _Event(FetchedChunk(TopicPartition(*SOURCE), start, end, records, 0, epoch, 1))

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
