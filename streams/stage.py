"""What a stage is: a pure function (state, chunk of one partition) -> outputs, with the state changed in place.

Invariants that every stage keeps, and that make exactly-once effects out of at-least-once delivery:
- The state of a partition depends on the records of that partition alone, in their order, and on immutable register
  entries chosen by event time. No clock, no other partition, no randomness.
- Any chunking of the same records gives the same state and the same outputs by id. (Outputs that sum up a chunk,
  such as counts, are absolute and carry the offset as version.)
- `load(dump(state))` continues exactly as `state` would.
- When `step` raises, the state is spoilt: the runner throws it away and reads the last snapshot again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from schemas.headers import Headers
from streams.registers import Registers

StateT = TypeVar("StateT")
StateT_contra = TypeVar("StateT_contra", contravariant=True)


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class LogRecord(Protocol):
    """One record as it stands in the log; aiokafka's own record objects fit."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Append time, milliseconds since 1970."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class PlainRecord(NamedTuple):
    """A LogRecord made by hand."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Chunk(NamedTuple):
    """Consecutive records of one partition, in order; never empty. Offsets may have gaps, they never go back."""

    source: Partition
    records: Sequence[LogRecord]


class Output(NamedTuple):
    """One record to send. `partition` None: by the hash of the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None


class Stage(Protocol[StateT]):
    """One step of the pipeline. Instances hold configuration only, never state."""

    name: str
    logic_version: int
    """Raised when an older snapshot can no longer be continued; such a snapshot stops the worker."""
    sources: tuple[str, ...]
    side_topic: str | None
    """Topic of records that belong to the state but are too large for every snapshot; None for most stages."""

    def initial(self, source: Partition) -> StateT:
        """The state before the first record of the log."""

    def ready(self, registers: Registers) -> str | None:
        """None when the stage may decide, else what it waits for, in words."""

    def step(self, state: StateT, chunk: Chunk, registers: Registers) -> list[Output]:
        """Work on one chunk. Raises UnknownVersion when a record names a register entry that is not there."""

    def dump(self, state: StateT) -> bytes: ...

    def load(self, source: Partition, raw: bytes) -> StateT: ...

    def recall(self, state: StateT, side_value: bytes, next_offset: int) -> None:
        """Take back into the state what a side record holds of offsets below `next_offset`. Idempotent."""

    def remembers_from(self, state: StateT, next_offset: int) -> int:
        """Lowest source offset whose side records the state still needs."""


@runtime_checkable
class SaysIdle(Protocol[StateT_contra]):
    """A stage that has something to say when a source has no more to read. What it says may be said many times."""

    def idle(self, state: StateT_contra, next_offset: int, registers: Registers) -> list[Output]:
        """The records to send; the state stays as it is."""


@runtime_checkable
class ReadsLines(Protocol):
    """A stage whose source records hold many lines, each with an origin (offset, nth) of its own; that of a record is
    its last line's. What an upstream worker sends again after a crash may be cut otherwise: then the first lines of a
    record were seen, and the last ones were not.
    """

    def unread(self, record: LogRecord, seen: tuple[int, int]) -> LogRecord:
        """`record`, whose last line is above `seen`, without the lines at or below."""


def instant(timestamp_ms: int) -> datetime:
    """A record's timestamp as an instant in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
