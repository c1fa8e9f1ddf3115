"""When the sink writes: chunks of many partitions gather in one batch until it is full by rows, bytes or age. Pure.

A batch knows, for every partition in it, the offset after its last record; those go to `sink_positions` with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sinks.store import LogPartition


class Piece(NamedTuple):
    """The rows that one record made for one table: lines of JSON as `Store.insert` takes them, each with its end."""

    at: LogPartition
    offset: int
    lines: bytes
    rows: int


class Rows(NamedTuple):
    """What one chunk of one partition becomes: pieces by table, and where the partition then stands."""

    at: LogPartition
    first_offset: int
    next_offset: int
    pieces: dict[str, list[Piece]]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch is written when it reaches one of these. Each insert is one block, held in ClickHouse's memory whole."""

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    age_s: float = 1.0


@dataclass(slots=True)
class Batch:
    """What waits to be written. `began_s`: monotonic time of its first chunk; None while it is empty."""

    rows: int = 0
    bytes: int = 0
    began_s: float | None = None
    tables: dict[str, list[Piece]] = field(default_factory=dict)
    next_offsets: dict[LogPartition, int] = field(default_factory=dict)

    def add(self, chunk: Rows, now_s: float) -> None:
        """Take a chunk in. Raises ValueError when it begins below what the batch has of its partition: an agent that
        goes back must begin a new batch.
        """
        stands_at = self.next_offsets.get(chunk.at, 0)
        if chunk.first_offset < stands_at:
            raise ValueError(f"{chunk.at}: a chunk from {chunk.first_offset} after the batch had reached {stands_at}")
        if self.began_s is None:
            self.began_s = now_s
        for table, pieces in chunk.pieces.items():
            self.tables.setdefault(table, []).extend(pieces)
            self.rows += sum(piece.rows for piece in pieces)
            self.bytes += sum(len(piece.lines) for piece in pieces)
        self.next_offsets[chunk.at] = chunk.next_offset

    def full(self, limits: BatchLimits, now_s: float) -> bool:
        """Whether to write now."""
        if self.began_s is None:
            return False
        return self.rows >= limits.rows or self.bytes >= limits.bytes or self.due_in_s(limits, now_s) <= 0

    def due_in_s(self, limits: BatchLimits, now_s: float) -> float:
        """Seconds until the batch is full by age; the whole age while it is empty."""
        return limits.age_s if self.began_s is None else self.began_s + limits.age_s - now_s


def block(pieces: Iterable[Piece]) -> bytes:
    """The body of one insert."""
    return b"".join(piece.lines for piece in pieces)


def halves(pieces: list[Piece]) -> tuple[list[Piece], list[Piece]] | None:
    """Two parts that together are `pieces`; None when it is a single row. A piece of many rows is cut at its lines."""
    if len(pieces) > 1:
        middle = len(pieces) // 2
        return pieces[:middle], pieces[middle:]
    (piece,) = pieces
    lines = piece.lines.splitlines(keepends=True)
    if len(lines) < 2:
        return None
    middle = len(lines) // 2
    first, second = lines[:middle], lines[middle:]
    return (
        [piece._replace(lines=b"".join(first), rows=len(first))],
        [piece._replace(lines=b"".join(second), rows=len(second))],
    )
