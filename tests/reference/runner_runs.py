"""Runs a stage under its runner, over logs in memory, with workers that die where a test puts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from aiokafka.structs import TopicPartition

from streams.registers import Registers
from streams.runner import StageRunner
from streams.stage import Output, Partition, PlainRecord, Stage
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

EPOCH = 7


async def played(  # noqa: PLR0917 - all that a run is made of
    stage: Stage[Any],
    logs: Mapping[Partition, Sequence[PlainRecord]],
    registers: Registers,
    deaths: Sequence[int],
    sizes: Sequence[int],
    snapshot_every_s: float = 0.0,
) -> list[Output]:
    """Everything that was sent but snapshots. Each worker in turn dies before the send after so many (`deaths`), a last
    one reads to the end; chunks have `sizes` records, used in turn over all partitions and lives. A second goes by with
    each round of chunks.
    """
    broker = FakeBroker(partitions=len(logs))
    broker.logs.update({source: list(records) for source, records in logs.items()})
    lengths, own = cycle(sizes), set(broker.logs)
    for number, sends in enumerate([*deaths, None], start=1):
        try:
            await _live(stage, broker, registers, number, sends, lengths, list(logs), snapshot_every_s)
            break
        except Crash:
            continue
    return [
        Output(home.topic, record.key, record.value, list(record.headers), home.partition)
        for home, records in broker.logs.items()
        if home not in own and not home.topic.startswith("snapshots.")
        for record in records
    ]


async def _live(  # noqa: PLR0917 - one process, from start to end
    stage: Stage[Any], broker: FakeBroker, registers: Registers, number: int, sends: int | None, lengths: cycle[int],
    sources: Sequence[Partition], snapshot_every_s: float,
) -> None:  # fmt: skip
    now_s = 0.0
    runner = StageRunner(
        stage,
        group=FakeGroup(FakeProducer(broker, sends), generation=number),
        registers=FixedRegisters(registers),
        reader=FakeReader(broker),
        observer=SilentObserver(),
        topic_ids={source.topic: "id-1" for source in sources},
        worker=f"w{number}",
        monotonic_s=lambda: now_s,
        snapshot_every_s=snapshot_every_s,
    )
    positions = dict(await runner.take_over(sources, number, EPOCH))
    while any(positions[one] < len(broker.logs[one]) for one in sources):
        for source in sources:
            start = positions[source]
            records = broker.logs[source][start : start + next(lengths)]
            positions[source] = start + len(records)
            chunk = FetchedChunk(TopicPartition(*source), start, positions[source], records, 0, EPOCH, number)
            await runner.process(FakeEvent(chunk))
        now_s += 1
    await runner.finish()
