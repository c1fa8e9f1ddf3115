"""A broker in memory, with the part of Kafka's behaviour that the runner relies on.

tests/contract/test_broker.py runs one suite over this and over the real Kafka.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka.structs import RecordMetadata, TopicPartition

from streams.registers import Registers
from streams.stage import LogRecord, Output, Partition, PlainRecord
from streams.transport import FetchedChunk


class Crash(BaseException):
    """The process dies here: nothing of it goes on."""


@dataclass
class FakeBroker:
    """Logs by partition. `partitions`: how many each topic has. `append_ms`: the append time of the next records."""

    partitions: int = 1
    append_ms: int = 1_790_000_000_000
    logs: defaultdict[Partition, list[PlainRecord]] = field(default_factory=lambda: defaultdict(list))

    def append(self, output: Output) -> RecordMetadata:
        number = output.partition
        if number is None:
            number = zlib.crc32(output.key or b"") % self.partitions
        log = self.logs[Partition(output.topic, number)]
        record = PlainRecord(len(log), self.append_ms, output.key, output.value, tuple(output.headers))
        log.append(record)
        where = TopicPartition(output.topic, number)
        return RecordMetadata(output.topic, number, where, record.offset, self.append_ms, 1, 0)

    def topic(self, name: str) -> list[PlainRecord]:
        """All records of a topic, partition by partition."""
        return [record for number in range(self.partitions) for record in self.logs[Partition(name, number)]]


@dataclass
class FakeEvent:
    """A chunk as an agent gets it."""

    value: FetchedChunk
    acked: bool = False

    def ack(self) -> bool:
        self.acked = True
        return True


@dataclass
class FakeProducer:
    """Appends in order. `sends_left`: dies before the send after so many; None never."""

    broker: FakeBroker
    sends_left: int | None = None

    async def send_all(self, outputs: Iterable[Output]) -> list[asyncio.Future[RecordMetadata]]:
        futures = []
        for output in outputs:
            if self.sends_left is not None:
                if self.sends_left == 0:
                    raise Crash
                self.sends_left -= 1
            future: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
            future.set_result(self.broker.append(output))
            futures.append(future)
        return futures


@dataclass
class FakeReader:
    """Reads from an offset to the present end."""

    broker: FakeBroker

    async def read_to_end(self, starts: Mapping[Partition, int | None]) -> AsyncIterator[tuple[Partition, LogRecord]]:
        for partition, start in starts.items():
            for record in self.broker.logs[partition][start or 0 :]:
                yield partition, record

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        return {partition: (0, len(self.broker.logs[partition])) for partition in partitions}


@dataclass
class FakeGroup:
    """A worker's place in its group."""

    producer: FakeProducer
    generation: int = 1
    seeks: int = 0

    def seek_again(self) -> None:
        self.seeks += 1


@dataclass
class FixedRegisters:
    """Registers that were read to their ends just now."""

    registers: Registers = field(default_factory=Registers)
    fresh: bool = True
    age_s: float = 0.0
    refreshed: int = 0

    async def refresh(self) -> None:
        self.refreshed += 1


class SilentObserver:
    """Watches and says nothing."""

    def chunk_done(self, stage: str, source: Partition, records: int, size_bytes: int, seconds: float) -> None: ...

    def outputs(self, stage: str, outputs: Iterable[Output]) -> None: ...

    def snapshot(self, stage: str, source: Partition, size_bytes: int, next_offset: int) -> None: ...

    def committed(self, stage: str, source: Partition, next_offset: int) -> None: ...

    def position(self, stage: str, source: Partition, next_offset: int, log_end: int) -> None: ...

    def waiting(self, stage: str, reason: str | None) -> None: ...
