"""Which values there are to choose from, in each dimension."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from sinks.queries.text import sql
from sinks.store import Asker


@dataclass(frozen=True, slots=True)
class DimensionValues:
    """Values that reviewed transactions have, in order."""

    channels: tuple[str, ...]
    sites: tuple[str, ...]
    teams: tuple[str, ...]
    colleagues: tuple[str, ...]
    topics: tuple[str, ...]
    languages: tuple[str, ...]
    scorecards: tuple[str, ...]


def dimension_values(store: Asker, *, from_day: date, to_day: date, time_zone: str) -> DimensionValues:
    """Of transactions that ended on local days [from_day, to_day) and were reviewed. Raises StoreError."""
    [row] = store.ask(sql("dimension_values"), {"from_day": from_day, "to_day": to_day, "time_zone": time_zone})
    return DimensionValues(**{one.name: tuple(row[one.name]) for one in fields(DimensionValues)})
