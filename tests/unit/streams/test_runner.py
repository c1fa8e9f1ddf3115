"""The runner under any chunking and any crash point: the effects equal those of one undisturbed pass."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import SCORES, SELECTIONS, SOURCE_TOPICS
from schemas.errors import GapInLog, SnapshotUnusable, UnknownVersion
from streams.registers import Registers
from streams.stage import Output, Partition, PlainRecord
from streams.transport import FetchedChunk
from tests.fakes.broker import FakeBroker, FakeEvent, FakeReader
from tests.unit.streams.lives import (
    PARTITIONS,
    SIDE,
    SOURCE,
    LetterStage,
    Life,
    State,
    source_log,
)

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("snapshot_topics")]


async def _run(
    broker: FakeBroker,
    stage: LetterStage,
    deaths: list[int],
    sizes: list[int],
    every_s: float,
    *,
    beside: int | None = None,
) -> int:
    def forever() -> Iterator[int]:
        while True:
            yield from sizes

    for number, sends in enumerate([*deaths, None], start=1):
        if await Life(broker, stage, number, sends, forever(), every_s, beside).live():
            return number
    raise AssertionError("the last life ends")


def _effects(broker: FakeBroker, topic: str) -> dict[str, bytes | None]:
    """Values by event id; the same id always has the same value."""
    found: dict[str, bytes | None] = {}
    for record in broker.topic(topic):
        event_id = dict(record.headers)["ce_id"].decode()
        assert found.setdefault(event_id, record.value) == record.value
    return found


class _Effects(NamedTuple):
    """What two stages in a row brought about."""

    first: dict[str, bytes | None]
    second: Counter[bytes | None]


@settings(max_examples=150, deadline=None)
@given(
    letters=st.text("abc", max_size=40),
    deaths=st.lists(st.integers(0, 60), max_size=4),
    more_deaths=st.lists(st.integers(0, 60), max_size=3),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    every_s=st.sampled_from([0.0, 2.0]),
    with_memory_aside=st.booleans(),
    beside_loop_from=st.sampled_from([None, 1, 4]),
)
def test_effects_are_those_of_one_pass(  # noqa: PLR0917 - hypothesis gives them by name
    letters: str,
    deaths: list[int],
    more_deaths: list[int],
    sizes: list[int],
    every_s: float,
    with_memory_aside: bool,
    beside_loop_from: int | None,
) -> None:
    side_topic = SIDE if with_memory_aside else None

    async def both(deaths: list[int], more: list[int], sizes: list[int], every_s: float) -> _Effects:
        broker = source_log(letters)
        await _run(
            broker,
            LetterStage("first", SOURCE, SELECTIONS, side_topic),
            deaths,
            sizes,
            every_s,
            beside=beside_loop_from,
        )
        await _run(broker, LetterStage("second", SELECTIONS, SCORES), more, sizes, every_s)
        # what was sent twice stands twice in the second stage's log, at other offsets: its effects must not
        return _Effects(_effects(broker, SELECTIONS), Counter(_effects(broker, SCORES).values()))

    assert asyncio.run(both(deaths, more_deaths, sizes, every_s)) == asyncio.run(both([], [], [1000], 0.0))


async def test_sources_that_share_a_side_partition_keep_what_each_remembers() -> None:
    one, other = Partition(SOURCE_TOPICS[0], 0), Partition(SOURCE_TOPICS[1], 0)
    broker = FakeBroker()
    for letter in "abcdefgh":
        for source in (one, other):
            broker.append(Output(source.topic, letter.encode(), letter.encode(), [], 0))
    stage = LetterStage("first", SOURCE, SELECTIONS, SIDE)
    stage.sources = (one.topic, other.topic)

    async def live(number: int, until: dict[Partition, int]) -> None:
        life = Life(broker, stage, number, None, iter([]))
        runner = life.runner()
        runner._topic_ids = dict.fromkeys(stage.sources, "id-1")
        positions = dict(await runner.take_over([one, other], number, 7))
        for source, end in until.items():
            while positions[source] < end:
                await runner.process(life.event(source, positions, 1))
        await runner.tick()

    await live(1, {one: 2, other: 7})
    await live(2, {one: 3, other: 8})
    last = [record.value for record in broker.topic(SELECTIONS)][-2:]
    assert last == [b"c:abc#1", b"h:defgh#1"]


async def test_acknowledges_only_what_a_snapshot_covers() -> None:
    broker = source_log("abab")
    life = Life(broker, LetterStage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9), snapshot_every_s=10.0)
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    first = life.event(source, positions, 1)
    await runner.process(first)
    await runner.tick()
    assert not first.acked
    assert len(broker.topic(SELECTIONS)) == 1
    life.now_s = 11.0
    await runner.tick()
    assert first.acked


async def test_chunks_of_an_earlier_seek_are_void() -> None:
    broker = source_log("abab")
    life = Life(broker, LetterStage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    stale = life.event(source, positions, 2)
    await runner.take_over([source], 1, 8)
    await runner.process(stale)
    await runner.tick()
    assert not stale.acked
    assert broker.topic(SELECTIONS) == []


async def test_a_chunk_above_the_state_stops_the_worker() -> None:
    broker = source_log("ababab")
    life = Life(broker, LetterStage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    positions[source] = 1
    with pytest.raises(GapInLog, match="begins at 1"):
        await runner.process(life.event(source, positions, 2))


async def test_what_lies_below_the_state_is_skipped() -> None:
    broker = source_log("abab")
    life = Life(broker, LetterStage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    await runner.process(life.event(source, positions, 1))
    await runner.process(life.event(source, {source: 0}, 2))
    await runner.tick()
    assert [record.value for record in broker.topic(SELECTIONS)] == [b"a#1", b"a#2"]


async def test_offsets_without_records_are_no_gap() -> None:
    """Transaction markers take offsets and never come as records."""
    broker = source_log("")
    life = Life(broker, LetterStage("first", SOURCE, SELECTIONS), 1, None, iter([]))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    await runner.take_over([source], 1, 7)
    home = TopicPartition(*source)
    await runner.process(FakeEvent(FetchedChunk(home, 0, 3, [PlainRecord(1, 0, b"a", b"a")], 1, 7, 1)))
    await runner.process(FakeEvent(FetchedChunk(home, 3, 5, [], 0, 7, 1)))
    await runner.process(FakeEvent(FetchedChunk(home, 5, 6, [PlainRecord(5, 0, b"a", b"a")], 1, 7, 1)))
    assert runner.next_offsets() == {source: 6}


async def test_an_unknown_version_is_looked_for_once_more_then_stops() -> None:
    broker = source_log("abab")
    stage = LetterStage("first", SOURCE, SELECTIONS)
    life = Life(broker, stage, 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    stage.unknown = 2
    positions = dict(await runner.take_over([source], 1, 7))
    await runner.process(life.event(source, dict(positions), 2))
    assert life.group.seeks == 1
    await runner.take_over([source], 1, 8)
    event = life.event(source, dict(positions), 2)
    event.value = event.value._replace(epoch=8)
    with pytest.raises(UnknownVersion):
        await runner.process(event)


@pytest.mark.parametrize(
    ("change", "words"), [("topic", "another topic"), ("end", "beyond the end"), ("logic", "version 1")]
)
async def test_an_unusable_snapshot_stops_the_worker(change: str, words: str) -> None:
    broker = source_log("abab")
    stage = LetterStage("first", SOURCE, SELECTIONS)
    assert await _run(broker, stage, [], [2], 0.0) == 1
    life = Life(broker, stage, 2, None, iter([]))
    runner = life.runner()
    if change == "topic":
        runner._topic_ids = {SOURCE: "id-2"}
    elif change == "end":
        broker.logs[Partition(SOURCE, 0)].pop()
    else:
        stage.logic_version = 2
    with pytest.raises(SnapshotUnusable, match=words):
        await runner.take_over([Partition(SOURCE, 0)], 2, 7)


async def test_records_deleted_before_they_were_read_stop_the_worker() -> None:
    broker = source_log("abababab")
    stage = LetterStage("first", SOURCE, SELECTIONS)
    assert await _run(broker, stage, [3], [1], 0.0) == 2
    runner = Life(broker, stage, 3, None, iter([])).runner()

    async def bounds(partitions: list[Partition]) -> dict[Partition, tuple[int, int]]:
        return dict.fromkeys(partitions, (5, 9))

    runner._reader.bounds = bounds  # type: ignore[method-assign, assignment]
    with pytest.raises(SnapshotUnusable, match="1 records were deleted"):
        await runner.take_over([Partition(SOURCE, 0)], 3, 7)


class _Talker(LetterStage):
    """Says where its source is read to when there is no more."""

    def idle(self, state: State, next_offset: int, registers: Registers) -> list[Output]:
        return [Output("idle", None, f"{sum(state.seen.values())} of {next_offset}".encode(), [], 0)]


async def test_a_source_that_is_read_to_its_end_and_quiet_is_said_to_be_idle_and_again() -> None:
    broker = FakeBroker(PARTITIONS)
    stage = _Talker("sample", SOURCE, SELECTIONS)
    life = Life(broker, stage, 1, None, iter([3]))
    runner = life.runner()
    home = Partition(SOURCE, 0)
    for letter in "abc":
        broker.append(Output(SOURCE, letter.encode(), letter.encode(), [], 0))
    said = Partition("idle", 0)
    await runner.take_over([home], 1, 0)
    life.now_s = 29.0
    await runner.tick()
    assert not broker.logs[said]
    life.now_s = 31.0
    await runner.tick()
    assert not broker.logs[said], "there is more to read"
    await runner.process(FakeEvent(FetchedChunk(TopicPartition(*home), 0, 3, broker.logs[home], 3, epoch=0)))
    life.now_s = 60.0
    await runner.tick()
    assert not broker.logs[said], "the last chunk came 29 s ago"
    for now_s in (61.0, 62.0, 91.0):
        life.now_s = now_s
        await runner.tick()
    assert [one.value for one in broker.logs[said]] == [b"3 of 3", b"3 of 3"]


async def test_nobody_is_idle_while_the_broker_does_not_say_where_the_log_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_reader: FakeReader, _partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        raise KafkaError("away")

    broker = FakeBroker(PARTITIONS)
    life = Life(broker, _Talker("sample", SOURCE, SELECTIONS), 1, None, iter([3]))
    runner = life.runner()
    await runner.take_over([Partition(SOURCE, 0)], 1, 0)
    monkeypatch.setattr(FakeReader, "bounds", away)
    life.now_s = 31.0
    await runner.tick()
    assert not broker.logs[Partition("idle", 0)]
    monkeypatch.undo()
    await runner.tick()
    assert broker.logs[Partition("idle", 0)]
