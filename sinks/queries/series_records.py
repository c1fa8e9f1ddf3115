"""What detection weighed of one series, in the order of its log: to show an alert's evidence as it grew."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final

from sinks.queries.text import sql
from sinks.store import Asker, Row


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A review's score, or (`agreed`) a reference that a person agreed. Scores in points, 0 to 100."""

    agreed: bool
    score_0_100: float
    ended_at: datetime
    reviewed_at: datetime
    scorecard_id: str
    scorecard_version: int
    stratum: str
    review_id: str
    transaction_id: str
    detectors_id: str
    detectors_version: int
    agreement_id: str
    agreed_by: str
    reason: str
    cells: tuple[str, ...]
    references_0_100: tuple[float, ...]


_FIELDS: Final = tuple(one.name for one in fields(SeriesRow))


def series_records(store: Asker, series_id: str) -> tuple[SeriesRow, ...]:
    """All of them, oldest first. Raises StoreError."""
    return tuple(_row(row) for row in store.ask(sql("series_records"), {"series_id": series_id}))


def _row(row: Row) -> SeriesRow:
    values = {name: row[name] for name in _FIELDS}
    for name in ("ended_at", "reviewed_at"):
        at = values[name]
        assert isinstance(at, datetime)
        values[name] = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    for name in ("cells", "references_0_100"):
        values[name] = tuple(values[name])
    return SeriesRow(**(values | {"agreed": bool(values["agreed"])}))
