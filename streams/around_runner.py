"""What a runner works with, as far as it needs to know: chunks, a producer, logs, registers, its place in the group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka.structs import RecordMetadata

from streams.registers import Registers
from streams.stage import LogRecord, Output, Partition


class Acknowledgeable(Protocol):
    """A chunk as the transport hands it out: Faust's event."""

    @property
    def value(self) -> Any: ...

    def ack(self) -> bool: ...


class OutputProducer(Protocol):
    """Sends in bulk; the batch transport's producer fits."""

    async def send_all(self, outputs: Iterable[Output]) -> Sequence[Awaitable[RecordMetadata]]: ...


class LogSource(Protocol):
    """Reads logs from an offset to their present end; a LogReader fits."""

    def read_to_end(self, starts: Mapping[Partition, int | None]) -> AsyncIterator[tuple[Partition, LogRecord]]: ...

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]: ...


class RegisterSource(Protocol):
    """The registers and how fresh they are; a RegisterReader fits."""

    @property
    def registers(self) -> Registers: ...

    @property
    def fresh(self) -> bool: ...

    @property
    def age_s(self) -> float: ...

    async def refresh(self) -> None: ...


class Group(Protocol):
    """The worker's place in its consumer group."""

    @property
    def producer(self) -> OutputProducer: ...

    @property
    def generation(self) -> int: ...

    def seek_again(self) -> None:
        """Drop what is fetched and start again from the last snapshots."""
