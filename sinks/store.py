"""What a store is to the sink: it takes a block of rows into one table, and says which positions it holds.

Two implementations: `sinks.clickhouse.ClickHouseStore` and `sinks.memory.MemoryStore`; one contract suite runs on both
(tests/contract/test_store.py).

StoreError is a branch of the one tree of errors (schemas/errors.py). It never carries what the server said beyond the
code and its name: ClickHouse quotes the row it refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple, Protocol

from schemas.errors import TafolError

Row = dict[str, Any]
Parameter = str | int | float | date | list[str]


class LogPartition(NamedTuple):
    """One partition of one topic; `topic_id` tells a topic from another that had its name before."""

    topic: str
    topic_id: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class StoreError(TafolError):
    """The store did not take an insert, or did not answer. `code`: ClickHouse's; None when there was no answer."""

    def __init__(self, message: str, *, code: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class Store(Protocol):
    """Where rows go. Used by one thread at a time."""

    def insert(self, table: str, lines: bytes) -> None:
        """Insert lines of JSON as one block: all of a month's rows or none. Each line is an object, or each is an array
        in the order of the table's columns (`sinks.tables`). Rows of an id that is there already collapse with it.
        Raises StoreError; then the block may be there in full, in part (some of its months) or not at all.
        """

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        """The highest `next_offset` of each partition of `topics`, under every topic id. Raises StoreError."""

    def rows(self, table: str) -> list[Row]:
        """One row an id, in the order of the ids: for tests and small tables. Raises StoreError."""


class Asker(Protocol):
    """A store that can be asked in SQL; the query library runs on it."""

    def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        """Rows of a SELECT with `{name:Type}` parameters. Raises StoreError."""
