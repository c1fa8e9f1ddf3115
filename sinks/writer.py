"""Writer: puts a batch into the store, positions last. Synchronous; runs in a thread of its own.

    for each table: one insert (one block)      a refusal by a bad row: cut in halves until the row is found, then stop
    then sink_positions: one insert             only now is the batch stored

Whatever happens in between, a later run begins at the highest row of `sink_positions` and inserts again; ids collapse
the repeats. An insert whose answer was lost is simply sent again. Nothing is ever left out. So the rows of several
batches may go in beside each other, as long as the positions of each come after those of all before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol, TypeVar

import msgspec

from schemas.errors import Retryable, SinkFatal
from sinks import retries
from sinks.batching import Batch, Piece, block, halves
from sinks.retries import Backoff, Verdict
from sinks.store import LogPartition, Store, StoreError
from sinks.tables import POSITIONS

ResultT = TypeVar("ResultT")


class SinkObserver(Protocol):
    """What the writer tells; `sinks.metrics.Metrics` is one."""

    def sink_flushed(self, table: str, rows: int, seconds: float) -> None: ...
    def sink_retry(self, code: str) -> None: ...


class SharedWait:
    """What several writers say that they wait for, told as if they were one: the reason of the first that begins to
    wait, None when the last has done.
    """

    def __init__(self, told: Callable[[str | None], None]) -> None:
        self._told = told
        self._waiting = 0
        self._one_at_a_time = Lock()

    def __call__(self, reason: str | None) -> None:
        with self._one_at_a_time:
            before, self._waiting = self._waiting, self._waiting + (1 if reason is not None else -1)
            if 0 in (before, self._waiting):
                self._told(reason)


class Stopped(Retryable):
    """The worker was told to stop while the writer waited for the store. Nothing was acknowledged."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the writer does not make itself."""

    now: Callable[[], datetime]
    """With time zone; for `written_at` alone."""
    monotonic_s: Callable[[], float]
    wait_s: Callable[[float], bool]
    """Waits so long, or shorter when the worker stops: then True. `threading.Event.wait` is one."""
    random: Callable[[], float]
    """Uniform in [0, 1)."""
    waits: Callable[[str | None], None] = lambda _: None
    """Told what the store said when the writer begins to wait for it, and None when the wait is over."""


class Writer:
    """Writes batches into one store. Used by one thread at a time."""

    def __init__(
        self, store: Store, surroundings: Surroundings, observer: SinkObserver, backoff: Backoff | None = None
    ) -> None:
        self._store = store
        self._around = surroundings
        self._observer = observer
        self._backoff = backoff or Backoff()

    def positions(self, partitions: Iterable[LogPartition]) -> dict[LogPartition, int]:
        """Where each partition goes on: its next offset, 0 where the store has none under that topic id.

        Waits for the store as `write_rows` does. Raises SinkFatal and Stopped.
        """
        wanted = list(partitions)
        topics = sorted({partition.topic for partition in wanted})
        found = self._kept_trying(lambda: self._store.positions(topics), "sink_positions")
        return {partition: found.get(partition, 0) for partition in wanted}

    def write_rows(self, batch: Batch) -> None:
        """Store the rows of a batch. Waits for a store that is away, for as long as it takes.

        Raises SinkFatal when the store refuses (a bad row is named by topic, partition and offset), Stopped when the
        worker stops. Then the batch is to be read again from the log, from `positions`.
        """
        for table, pieces in batch.tables.items():
            began_s = self._around.monotonic_s()
            self._insert(table, pieces)
            rows = sum(piece.rows for piece in pieces)
            self._observer.sink_flushed(table, rows, self._around.monotonic_s() - began_s)

    def write_positions(self, batch: Batch) -> None:
        """When this returns, the batch is stored: call it when `write_rows` has returned, and when every batch that
        came before is stored. Waits and raises as `write_rows` does.
        """
        if batch.next_offsets:
            lines = self._position_lines(batch)
            self._kept_trying(lambda: self._store.insert(POSITIONS.name, lines), POSITIONS.name)

    def _insert(self, table: str, pieces: list[Piece]) -> None:
        try:
            self._kept_trying(lambda: self._store.insert(table, block(pieces)), table)
        except _BadRow as bad:
            parts = halves(pieces)
            if parts is None:
                (piece,) = pieces
                raise SinkFatal(
                    f"{piece.at}@{piece.offset}: ClickHouse refuses a row of it for table {table} "
                    f"({retries.named(bad.code)})",
                    hint=retries.hint(bad.code),
                ) from None
            # Good rows go in on the way to the bad one; they collapse with themselves when the batch comes again.
            for part in parts:
                self._insert(table, part)

    def _kept_trying(self, act: Callable[[], ResultT], table: str) -> ResultT:
        attempt = 0
        try:
            while True:
                try:
                    return act()
                except StoreError as error:
                    match retries.verdict(error.code):
                        case Verdict.SPLIT if table != POSITIONS.name:
                            raise _BadRow(error.code) from None
                        case Verdict.SPLIT | Verdict.STOP:
                            raise SinkFatal(error.message, hint=error.hint) from None
                        case Verdict.RETRY:
                            self._observer.sink_retry(retries.named(error.code))
                    if not attempt:
                        self._around.waits(error.message)
                delay_s = self._backoff.delay_s(attempt, self._around.random)
                attempt += 1
                if self._around.wait_s(delay_s):
                    raise Stopped(f"stopped while waiting for the store (table {table})", retry_after_s=delay_s)
        finally:
            if attempt:
                self._around.waits(None)

    def _position_lines(self, batch: Batch) -> bytes:
        written_at = self._around.now()
        rows = [
            {
                "topic": at.topic,
                "topic_id": at.topic_id,
                "partition": at.partition,
                "next_offset": next_offset,
                "written_at": written_at,
            }
            for at, next_offset in batch.next_offsets.items()
        ]
        return msgspec.json.Encoder().encode_lines(rows)


class _BadRow(Exception):
    """Some row of a block is bad."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code
