"""The runner under any chunking and any crash point: the effects equal those of one undisturbed pass."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata, TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import SCORES, SELECTIONS, SOURCE_TOPICS
from schemas.errors import GapInLog, SnapshotUnusable, UnknownVersion
from schemas.headers import StageOrigin, cloud_event
from streams import runner as runner_module
from streams.registers import Registers
from streams.runner import StageRunner, side_key
from streams.stage import Chunk, Output, Partition, PlainRecord
from streams.topics import SNAPSHOTS
from streams.transport import FetchedChunk
from tests.fakes.broker import Crash, FakeBroker, FakeGroup, FakeProducer, FakeReader, FixedRegisters, SilentObserver

pytestmark = pytest.mark.unit

SOURCE = SOURCE_TOPICS[0]
SIDE = "side"
PARTITIONS = 2


@dataclass
class _State:
    seen: Counter[str] = field(default_factory=Counter)
    remembered: dict[int, str] = field(default_factory=dict)


class _Stage:
    """Counts letters, passes each on with a running number; what it remembers of the last 5 records is kept aside."""

    logic_version = 1
    side_topic: str | None = None

    def __init__(self, name: str, source: str, target: str, side_topic: str | None = None) -> None:
        self.name, self._target, self.side_topic = name, target, side_topic
        self.sources: tuple[str, ...] = (source,)
        self.wait_for: str | None = None
        self.unknown = 0

    def initial(self, source: Partition) -> _State:
        return _State()

    def ready(self, registers: Registers) -> str | None:
        return self.wait_for

    def step(self, state: _State, chunk: Chunk, registers: Registers) -> list[Output]:
        if self.unknown:
            self.unknown -= 1
            raise UnknownVersion("frame x:1")
        outputs = []
        for record in chunk.records:
            letter = (record.value or b"").decode()
            state.seen[letter] += 1
            if self.side_topic:
                state.remembered[record.offset] = letter
                recent = "".join(state.remembered[one] for one in sorted(state.remembered) if one > record.offset - 5)
                letter_and_recent = f"{letter}:{recent}"
            else:
                letter_and_recent = letter
            origin = StageOrigin(self.name, *chunk.source, record.offset, 0)
            outputs.append(
                Output(self._target, letter.encode(), f"{letter_and_recent}#{state.seen[letter]}".encode(),
                       cloud_event("letter", f"{chunk.source}@{record.offset}", origin))
            )  # fmt: skip
        if self.side_topic:
            aside = json.dumps({r.offset: (r.value or b"").decode() for r in chunk.records}).encode()
            outputs.append(Output(self.side_topic, side_key(chunk.source), aside, [], chunk.source.partition))
        return outputs

    def dump(self, state: _State) -> bytes:
        return json.dumps(state.seen).encode()

    def load(self, source: Partition, raw: bytes) -> _State:
        return _State(Counter(json.loads(raw)))

    def recall(self, state: _State, side_value: bytes, next_offset: int) -> None:
        state.remembered |= {int(at): one for at, one in json.loads(side_value).items() if int(at) < next_offset}

    def remembers_from(self, state: _State, next_offset: int) -> int:
        return next_offset - 5


@dataclass
class _Event:
    value: FetchedChunk
    acked: bool = False

    def ack(self) -> bool:
        self.acked = True
        return True


@dataclass
class _Life:
    """One process: dies when its producer has sent `sends` records, or lives until all is read."""

    broker: FakeBroker
    stage: _Stage
    number: int
    sends: int | None
    chunk_sizes: Iterator[int]
    snapshot_every_s: float = 0.0
    beside_loop_from: int | None = None
    now_s: float = 0.0

    def runner(self) -> StageRunner[_State]:
        self.group = FakeGroup(FakeProducer(self.broker, self.sends), generation=self.number)
        return StageRunner(
            self.stage,
            group=self.group,
            registers=FixedRegisters(),
            reader=FakeReader(self.broker),
            observer=SilentObserver(),
            topic_ids={self.stage.sources[0]: "id-1"},
            worker=f"w{self.number}",
            monotonic_s=lambda: self.now_s,
            snapshot_every_s=self.snapshot_every_s,
            beside_loop_from=self.beside_loop_from,
        )

    async def live(self) -> bool:
        """True when everything was read to the end."""
        runner = self.runner()
        sources = [Partition(self.stage.sources[0], number) for number in range(PARTITIONS)]
        positions = dict(await runner.take_over(sources, self.number, 7))
        try:
            while any(positions[one] < len(self.broker.logs[one]) for one in sources):
                for source in sources:
                    await runner.process(self.event(source, positions, next(self.chunk_sizes)))
                self.now_s += 1
            await runner.finish()
        except Crash:
            return False
        return True

    def event(self, source: Partition, positions: dict[Partition, int], size: int) -> _Event:
        start = positions[source]
        records = self.broker.logs[source][start : start + size]
        positions[source] = start + len(records)
        return _Event(FetchedChunk(TopicPartition(*source), start, positions[source], records, 0, 7, self.number))


@pytest.fixture(autouse=True)
def _snapshot_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SNAPSHOTS, "first", "snapshots.first")
    monkeypatch.setitem(SNAPSHOTS, "second", "snapshots.second")


def _source_log(letters: str) -> FakeBroker:
    broker = FakeBroker(partitions=PARTITIONS)
    for number, letter in enumerate(letters):
        broker.append(Output(SOURCE, letter.encode(), letter.encode(), [], number % PARTITIONS))
    return broker


async def _run(
    broker: FakeBroker,
    stage: _Stage,
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
        if await _Life(broker, stage, number, sends, forever(), every_s, beside).live():
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
        broker = _source_log(letters)
        await _run(
            broker, _Stage("first", SOURCE, SELECTIONS, side_topic), deaths, sizes, every_s, beside=beside_loop_from
        )
        await _run(broker, _Stage("second", SELECTIONS, SCORES), more, sizes, every_s)
        # what was sent twice stands twice in the second stage's log, at other offsets: its effects must not
        return _Effects(_effects(broker, SELECTIONS), Counter(_effects(broker, SCORES).values()))

    assert asyncio.run(both(deaths, more_deaths, sizes, every_s)) == asyncio.run(both([], [], [1000], 0.0))


async def test_sources_that_share_a_side_partition_keep_what_each_remembers() -> None:
    one, other = Partition(SOURCE_TOPICS[0], 0), Partition(SOURCE_TOPICS[1], 0)
    broker = FakeBroker()
    for letter in "abcdefgh":
        for source in (one, other):
            broker.append(Output(source.topic, letter.encode(), letter.encode(), [], 0))
    stage = _Stage("first", SOURCE, SELECTIONS, SIDE)
    stage.sources = (one.topic, other.topic)

    async def live(number: int, until: dict[Partition, int]) -> None:
        life = _Life(broker, stage, number, None, iter([]))
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
    broker = _source_log("abab")
    life = _Life(broker, _Stage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9), snapshot_every_s=10.0)
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


class _SlowProducer(FakeProducer):
    """Takes nothing before `open` is set; then fails where `error` says so."""

    def __init__(self, broker: FakeBroker) -> None:
        super().__init__(broker)
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def send_all(self, outputs: Iterable[Output]) -> list[asyncio.Future[RecordMetadata]]:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return await super().send_all(outputs)


@dataclass
class _Overlap:
    """A runner whose producer is slow, and two chunks for it."""

    runner: StageRunner[_State]
    producer: _SlowProducer
    broker: FakeBroker
    stage: _Stage
    events: tuple[_Event, _Event]

    @classmethod
    async def begin(cls) -> _Overlap:
        broker = _source_log("abab")
        stage = _Stage("first", SOURCE, SELECTIONS)
        life = _Life(broker, stage, 1, None, iter([]))
        runner = life.runner()
        producer = life.group.producer = _SlowProducer(broker)
        source = Partition(SOURCE, 0)
        positions = dict(await runner.take_over([source], 1, 7))
        return cls(
            runner, producer, broker, stage, (life.event(source, positions, 1), life.event(source, positions, 1))
        )


async def test_the_next_step_runs_while_the_broker_takes_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    overlap = await _Overlap.begin()
    first, second = overlap.events
    stepped = asyncio.Event()
    dump = overlap.stage.dump

    def noted(state: _State) -> bytes:
        if state.seen["a"] == 2:
            stepped.set()
        return dump(state)

    monkeypatch.setattr(overlap.stage, "dump", noted)
    await overlap.runner.process(first)
    both = asyncio.create_task(overlap.runner.process(second))
    await stepped.wait()
    assert overlap.broker.topic(SELECTIONS) == []
    assert (first.acked, second.acked) == (False, False)

    overlap.producer.open.set()
    await both
    await overlap.runner.tick()
    assert [record.value for record in overlap.broker.topic(SELECTIONS)] == [b"a#1", b"a#2"]
    assert (first.acked, second.acked) == (True, True)


async def test_nothing_goes_out_after_what_failed() -> None:
    overlap = await _Overlap.begin()
    first, second = overlap.events
    await overlap.runner.process(first)
    overlap.producer.error = KafkaError("no room")
    overlap.producer.open.set()
    await overlap.runner.process(second)
    with pytest.raises(KafkaError, match="no room"):
        await overlap.runner.tick()
    overlap.producer.error = None
    with pytest.raises(KafkaError, match="no room"):
        await overlap.runner.tick()
    assert overlap.broker.topic(SELECTIONS) == []
    assert not first.acked


async def test_what_was_stepped_goes_out_though_its_agent_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "CHUNKS_AHEAD", 1)
    overlap = await _Overlap.begin()
    first, second = overlap.events
    await overlap.runner.process(first)
    waiting = asyncio.create_task(overlap.runner.process(second))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    overlap.producer.open.set()
    await overlap.runner.tick()
    assert [record.value for record in overlap.broker.topic(SELECTIONS)] == [b"a#1", b"a#2"]


class _Held(_Stage):
    """Steps begin, and end when they are let go."""

    def __init__(self) -> None:
        super().__init__("first", SOURCE, SELECTIONS)
        self.begun, self.let_go = threading.Event(), threading.Event()

    def step(self, state: _State, chunk: Chunk, registers: Registers) -> list[Output]:
        self.begun.set()
        assert self.let_go.wait(30)
        return super().step(state, chunk, registers)


async def test_nobody_goes_on_from_a_state_whose_step_was_cancelled() -> None:
    broker, stage, source = _source_log("abab"), _Held(), Partition(SOURCE, 0)
    life = _Life(broker, stage, 1, None, iter([]), beside_loop_from=1)
    runner = life.runner()
    positions = dict(await runner.take_over([source], 1, 7))
    first, second = life.event(source, positions, 1), life.event(source, positions, 1)
    stepping = asyncio.create_task(runner.process(first))
    await asyncio.to_thread(stage.begun.wait)
    stepping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping
    stage.let_go.set()
    await runner.process(second)
    await runner.finish()
    assert life.group.seeks == 1
    assert not first.acked
    assert not second.acked
    assert broker.topic(SELECTIONS) == broker.topic("snapshots.first") == []


async def test_a_seek_during_a_step_makes_its_chunk_void() -> None:
    broker, stage, source = _source_log("abab"), _Held(), Partition(SOURCE, 0)
    life = _Life(broker, stage, 1, None, iter([]), beside_loop_from=1)
    runner = life.runner()
    positions = dict(await runner.take_over([source], 1, 7))
    event = life.event(source, positions, 1)
    stepping = asyncio.create_task(runner.process(event))
    await asyncio.to_thread(stage.begun.wait)
    assert await runner.take_over([source], 1, 8) == {source: 0}
    stage.let_go.set()
    await stepping
    await runner.finish()
    assert not event.acked
    assert broker.topic(SELECTIONS) == []


async def test_chunks_of_an_earlier_seek_are_void() -> None:
    broker = _source_log("abab")
    life = _Life(broker, _Stage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
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
    broker = _source_log("ababab")
    life = _Life(broker, _Stage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    positions[source] = 1
    with pytest.raises(GapInLog, match="begins at 1"):
        await runner.process(life.event(source, positions, 2))


async def test_what_lies_below_the_state_is_skipped() -> None:
    broker = _source_log("abab")
    life = _Life(broker, _Stage("first", SOURCE, SELECTIONS), 1, None, iter([2] * 9))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    positions = dict(await runner.take_over([source], 1, 7))
    await runner.process(life.event(source, positions, 1))
    await runner.process(life.event(source, {source: 0}, 2))
    await runner.tick()
    assert [record.value for record in broker.topic(SELECTIONS)] == [b"a#1", b"a#2"]


async def test_offsets_without_records_are_no_gap() -> None:
    """Transaction markers take offsets and never come as records."""
    broker = _source_log("")
    life = _Life(broker, _Stage("first", SOURCE, SELECTIONS), 1, None, iter([]))
    runner = life.runner()
    source = Partition(SOURCE, 0)
    await runner.take_over([source], 1, 7)
    home = TopicPartition(*source)
    await runner.process(_Event(FetchedChunk(home, 0, 3, [PlainRecord(1, 0, b"a", b"a")], 1, 7, 1)))
    await runner.process(_Event(FetchedChunk(home, 3, 5, [], 0, 7, 1)))
    await runner.process(_Event(FetchedChunk(home, 5, 6, [PlainRecord(5, 0, b"a", b"a")], 1, 7, 1)))
    assert runner.next_offsets() == {source: 6}


async def test_an_unknown_version_is_looked_for_once_more_then_stops() -> None:
    broker = _source_log("abab")
    stage = _Stage("first", SOURCE, SELECTIONS)
    life = _Life(broker, stage, 1, None, iter([2] * 9))
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
    broker = _source_log("abab")
    stage = _Stage("first", SOURCE, SELECTIONS)
    assert await _run(broker, stage, [], [2], 0.0) == 1
    life = _Life(broker, stage, 2, None, iter([]))
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
    broker = _source_log("abababab")
    stage = _Stage("first", SOURCE, SELECTIONS)
    assert await _run(broker, stage, [3], [1], 0.0) == 2
    runner = _Life(broker, stage, 3, None, iter([])).runner()

    async def bounds(partitions: list[Partition]) -> dict[Partition, tuple[int, int]]:
        return dict.fromkeys(partitions, (5, 9))

    runner._reader.bounds = bounds  # type: ignore[method-assign, assignment]
    with pytest.raises(SnapshotUnusable, match="1 records were deleted"):
        await runner.take_over([Partition(SOURCE, 0)], 3, 7)


class _Talker(_Stage):
    """Says where its source is read to when there is no more."""

    def idle(self, state: _State, next_offset: int, registers: Registers) -> list[Output]:
        return [Output("idle", None, f"{sum(state.seen.values())} of {next_offset}".encode(), [], 0)]


async def test_a_source_that_is_read_to_its_end_and_quiet_is_said_to_be_idle_and_again() -> None:
    broker = FakeBroker(PARTITIONS)
    stage = _Talker("sample", SOURCE, SELECTIONS)
    life = _Life(broker, stage, 1, None, iter([3]))
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
    await runner.process(_Event(FetchedChunk(TopicPartition(*home), 0, 3, broker.logs[home], 3, epoch=0)))
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
    life = _Life(broker, _Talker("sample", SOURCE, SELECTIONS), 1, None, iter([3]))
    runner = life.runner()
    await runner.take_over([Partition(SOURCE, 0)], 1, 0)
    monkeypatch.setattr(FakeReader, "bounds", away)
    life.now_s = 31.0
    await runner.tick()
    assert not broker.logs[Partition("idle", 0)]
    monkeypatch.undo()
    await runner.tick()
    assert broker.logs[Partition("idle", 0)]
