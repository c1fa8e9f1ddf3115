"""Rejected records, as the tables know them; the raw bytes are on the topic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sinks.queries.text import sql
from sinks.store import Asker, Row


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One record that could not be used. log_*: where its raw bytes stand. `appended_at` in UTC."""

    source_topic: str
    source_partition: int
    source_offset: int
    reason: str
    message: str
    bytes: int
    appended_at: datetime
    log_topic: str
    log_partition: int
    log_offset: int


def rejected(
    store: Asker, *, source_topic: str | None = None, reason: str | None = None, most: int = 100
) -> tuple[RejectedRow, ...]:
    """The newest `most` rejected records, of one topic or reason where one is given. Raises StoreError."""
    rows = store.ask(sql("rejected"), {"source_topic": source_topic or "", "reason": reason or "", "most": most})
    return tuple(RejectedRow(**_typed(row)) for row in rows)


def _typed(row: Row) -> Row:
    at = row["appended_at"]
    assert isinstance(at, datetime)
    return row | {"appended_at": at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)}
