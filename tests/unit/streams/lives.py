"""A small stage, and lives of a runner of it: processes that read a log, die, and go on where the one before was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiokafka.structs import TopicPartition

from schemas.catalogue import SOURCE_TOPICS
from schemas.errors import UnknownVersion
from schemas.headers import StageOrigin, cloud_event
from streams.registers import Registers
from streams.runner import StageRunner, side_key
from streams.stage import Chunk, Output, Partition
from streams.topics import SNAPSHOTS
from streams.transport import FetchedChunk
from tests.fakes.broker import (
    Crash,
    FakeBroker,
    FakeEvent,
    FakeGroup,
    FakeProducer,
    FakeReader,
    FixedRegisters,
    SilentObserver,
)

SOURCE = SOURCE_TOPICS[0]
SIDE = "side"
PARTITIONS = 2


@dataclass
class State:
    """How often each letter came; what is remembered of the last records, by offset."""

    seen: Counter[str] = field(default_factory=Counter)
    remembered: dict[int, str] = field(default_factory=dict)


class LetterStage:
    """Counts letters, passes each on with a running number; what it remembers of the last 5 records is kept aside."""

    logic_version = 1
    side_topic: str | None = None

    def __init__(self, name: str, source: str, target: str, side_topic: str | None = None) -> None:
        self.name, self._target, self.side_topic = name, target, side_topic
        self.sources: tuple[str, ...] = (source,)
        self.wait_for: str | None = None
        self.unknown = 0

    def initial(self, source: Partition) -> State:
        return State()

    def ready(self, registers: Registers) -> str | None:
        return self.wait_for

    def step(self, state: State, chunk: Chunk, registers: Registers) -> list[Output]:
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

    def dump(self, state: State) -> bytes:
        return json.dumps(state.seen).encode()

    def load(self, source: Partition, raw: bytes) -> State:
        return State(Counter(json.loads(raw)))

    def recall(self, state: State, side_value: bytes, next_offset: int) -> None:
        state.remembered |= {int(at): one for at, one in json.loads(side_value).items() if int(at) < next_offset}

    def remembers_from(self, state: State, next_offset: int) -> int:
        return next_offset - 5


@dataclass
class Life:
    """One process: dies when its producer has sent `sends` records, or lives until all is read."""

    broker: FakeBroker
    stage: LetterStage
    number: int
    sends: int | None
    chunk_sizes: Iterator[int]
    snapshot_every_s: float = 0.0
    beside_loop_from: int | None = None
    now_s: float = 0.0

    def runner(self) -> StageRunner[State]:
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

    def event(self, source: Partition, positions: dict[Partition, int], size: int) -> FakeEvent:
        start = positions[source]
        records = self.broker.logs[source][start : start + size]
        positions[source] = start + len(records)
        return FakeEvent(FetchedChunk(TopicPartition(*source), start, positions[source], records, 0, 7, self.number))


@pytest.fixture
def snapshot_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SNAPSHOTS, "first", "snapshots.first")
    monkeypatch.setitem(SNAPSHOTS, "second", "snapshots.second")


def source_log(letters: str) -> FakeBroker:
    broker = FakeBroker(partitions=PARTITIONS)
    for number, letter in enumerate(letters):
        broker.append(Output(SOURCE, letter.encode(), letter.encode(), [], number % PARTITIONS))
    return broker
