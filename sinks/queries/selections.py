"""Selections by stratum, against the population and the frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sinks.queries.text import sql
from sinks.store import Asker


@dataclass(frozen=True, slots=True)
class StratumSelections:
    """One stratum of one frame version. Counts are transactions; `draw` is empty where nothing was drawn."""

    frame_id: str
    frame_version: int
    stratum: str
    eligible: int
    selected: int
    selections: int
    """Rows by id in the table; differs from `selected` only while one of the two is still to come."""
    reviewed: int
    draw: str
    design_probability: float | None
    """Mean inclusion probability of the selections, as the frame's draw gave it."""

    @property
    def share(self) -> float | None:
        """What was selected of the eligible, 0 to 1; None of an empty stratum."""
        return self.selected / self.eligible if self.eligible else None


def selections_by_stratum(
    store: Asker, *, from_day: date, to_day: date, time_zone: str
) -> tuple[StratumSelections, ...]:
    """Strata of all frame versions, for transactions that ended on local days [from_day, to_day). Raises StoreError."""
    rows = store.ask(sql("selections_by_stratum"), {"from_day": from_day, "to_day": to_day, "time_zone": time_zone})
    return tuple(StratumSelections(**row) for row in rows)
