"""The decided transactions as the log has them: by source partition and offset, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sinks.queries.text import sql
from sinks.store import Asker, Parameter, Row

SLICE_OFFSETS: Final = 50_000
"""Offsets of one query: about 100 MB of rows in Python."""
FUTURE_LIMIT: Final = timedelta(minutes=10)
"""The most that any frame lets a transaction end after it was appended."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where the transactions of a period lie in one source partition: offsets [first_offset, next_offset)."""

    source_topic: str
    source_partition: int
    first_offset: int
    next_offset: int
    transactions: int
    """Of the period."""


@dataclass(frozen=True, slots=True)
class Period:
    """Event times [starts, ends), in UTC, and how long before its append a transaction may have ended."""

    starts: datetime
    ends: datetime
    oldest: timedelta = timedelta(days=400)

    @property
    def appended_from(self) -> datetime:
        """Nothing that ended in the period was appended before."""
        return self.starts - FUTURE_LIMIT

    @property
    def ended_least(self) -> datetime:
        """Nothing that was appended since `appended_from` ended before."""
        return self.appended_from - self.oldest


def spans(store: Asker, period: Period) -> tuple[Span, ...]:
    """By topic and partition. A span begins with all that was appended since the period began, so that the ordinals of
    its first day can be counted. Raises StoreError.
    """
    rows = store.ask(
        sql("transactions_span"),
        {
            "appended_from": written(period.appended_from),
            "ended_from": written(period.starts),
            "ended_to": written(period.ends),
            "ended_least": written(period.ended_least),
        },
    )
    return tuple(Span(**row) for row in rows)


def slices(store: Asker, span: Span, period: Period, size: int = SLICE_OFFSETS) -> Iterator[list[Row]]:
    """All rows of a span in the order of the log, `size` offsets at a time, those that ended before or after the period
    too: an ordinal rests on every record before it. Raises StoreError.
    """
    for starts in range(span.first_offset, span.next_offset, size):
        yield decided_between(store, span, starts, min(starts + size, span.next_offset), period)


def decided_between(store: Asker, span: Span, from_offset: int, to_offset: int, period: Period) -> list[Row]:
    """Rows of offsets [from_offset, to_offset). Raises StoreError."""
    rows = store.ask(
        sql("transactions_in_log"),
        {
            "topic": span.source_topic,
            "partition": span.source_partition,
            "from_offset": from_offset,
            "to_offset": to_offset,
            "ended_least": written(period.ended_least),
        },
    )
    return [in_utc(row) for row in rows]


def high_water(store: Asker, topic: str, partition: int, below: int) -> tuple[datetime, datetime] | None:
    """Latest event time and append time below an offset; None where nothing is. Raises StoreError."""
    (row,) = store.ask(sql("high_water"), {"topic": topic, "partition": partition, "below": below})
    if not row["transactions"]:
        return None
    row = in_utc(row)
    return row["ended_at"], row["appended_at"]


def first_since(store: Asker, topic: str, partition: int, appended_from: datetime) -> int | None:
    """The first offset that was appended at or after an instant; None where none was. Raises StoreError."""
    parameters: dict[str, Parameter] = {"topic": topic, "partition": partition}
    (row,) = store.ask(sql("first_since"), parameters | {"appended_from": written(appended_from)})
    return int(row["first_offset"]) if row["transactions"] else None


def in_utc(row: Row) -> Row:
    """The row with its times in UTC, whether or not the driver says so."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
    }


def written(at: datetime) -> str:
    """An instant as the queries take it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
