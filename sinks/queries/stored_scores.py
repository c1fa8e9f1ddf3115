"""Stored scores in the order in which they came about, for trying detection out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sinks.queries.text import sql
from sinks.store import Asker

PAGE: Final = 20_000
BEFORE_ALL: Final = "1970-01-01 00:00:00.000"


@dataclass(frozen=True, slots=True)
class StoredScore:
    """One score as it stands. Scores in points, 0 to 100; `criteria`: those that were applicable."""

    score_id: str
    scored_at: datetime
    transaction_id: str
    channel: str
    colleague_id: str
    team_id: str
    site: str
    topic: str
    language: str
    ended_at: datetime
    stratum: str
    scorecard_id: str
    scorecard_version: int
    total_0_100: float | None
    criteria: dict[str, float]
    critical_errors: frozenset[str]


def stored_scores(
    store: Asker, *, from_day: date, to_day: date, time_zone: str, page: int = PAGE
) -> Iterator[StoredScore]:
    """Scores of transactions that ended on local days [from_day, to_day), oldest score first. Raises StoreError.

    Pages of `page` scores are asked for one after the other, so that years fit in memory.
    """
    after_at, after_id = BEFORE_ALL, ""
    while True:
        rows = store.ask(
            sql("stored_scores"),
            {
                "from_day": from_day,
                "to_day": to_day,
                "time_zone": time_zone,
                "after_at": after_at,
                "after_id": after_id,
                "page": page,
            },
        )
        yield from (_score(row) for row in rows)
        if len(rows) < page:
            return
        after_at = _utc(rows[-1]["scored_at"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        after_id = str(rows[-1]["score_id"])


def _score(row: dict[str, Any]) -> StoredScore:
    made: dict[str, Any] = {
        "scored_at": _utc(row["scored_at"]),
        "ended_at": _utc(row["ended_at"]),
        "criteria": dict(zip(row["criteria"], row["criteria_0_100"], strict=True)),
        "critical_errors": frozenset(row["critical_errors"]),
    }
    return StoredScore(**{name: one for name, one in row.items() if name != "criteria_0_100"} | made)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
