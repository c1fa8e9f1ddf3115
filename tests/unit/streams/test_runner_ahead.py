"""The runner while the broker takes its time: what is stepped ahead goes out in order, or is void."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from schemas.catalogue import SELECTIONS
from streams import runner as runner_module
from streams.registers import Registers
from streams.runner import StageRunner
from streams.stage import Chunk, Output, Partition
from tests.fakes.broker import FakeBroker, FakeEvent, FakeProducer
from tests.unit.streams.lives import (
    SOURCE,
    LetterStage,
    Life,
    State,
    source_log,
)

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("snapshot_topics")]


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

    runner: StageRunner[State]
    producer: _SlowProducer
    broker: FakeBroker
    stage: LetterStage
    events: tuple[FakeEvent, FakeEvent]

    @classmethod
    async def begin(cls) -> _Overlap:
        broker = source_log("abab")
        stage = LetterStage("first", SOURCE, SELECTIONS)
        life = Life(broker, stage, 1, None, iter([]))
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

    def noted(state: State) -> bytes:
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


class _Held(LetterStage):
    """Steps begin, and end when they are let go."""

    def __init__(self) -> None:
        super().__init__("first", SOURCE, SELECTIONS)
        self.begun, self.let_go = threading.Event(), threading.Event()

    def step(self, state: State, chunk: Chunk, registers: Registers) -> list[Output]:
        self.begun.set()
        assert self.let_go.wait(30)
        return super().step(state, chunk, registers)


async def test_nobody_goes_on_from_a_state_whose_step_was_cancelled() -> None:
    broker, stage, source = source_log("abab"), _Held(), Partition(SOURCE, 0)
    life = Life(broker, stage, 1, None, iter([]), beside_loop_from=1)
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
    broker, stage, source = source_log("abab"), _Held(), Partition(SOURCE, 0)
    life = Life(broker, stage, 1, None, iter([]), beside_loop_from=1)
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
