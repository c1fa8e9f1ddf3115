"""Alerts: what detection raised, what people did about it, from what to what the series went, and what drove it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from sinks.queries.estimates import Z_95
from sinks.queries.text import sql
from sinks.store import Asker, Parameter

Status = Literal["open", "acknowledged", "resolved", "closed"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
BEFORE_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert. Scores in points, 0 to 100; `acted_by` empty and `acted_at` None where nobody did anything."""

    alert_id: str
    series_id: str
    state: str
    status: Status
    closed_because: str
    since: datetime
    raised_at: datetime
    changed_at: datetime
    times_raised: int
    evidence: float
    threshold: float
    reviews: int
    reference_0_100: float
    mean_0_100: float
    one_false_alarm_in_periods: float
    period: str
    acted_by: str
    acted_at: datetime | None
    action_reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """Means before and since, for the mix of work since; None where there is nothing to compare."""

    before_reviews: int
    since_reviews: int
    left_out: int
    """Reviews since whose stratum and scorecard version have fewer than two reviews on a side."""
    before_0_100: float | None
    before_error: float | None
    since_0_100: float | None
    since_error: float | None

    @property
    def before_interval(self) -> tuple[float, float] | None:
        """95 %, by the normal distribution, within 0 to 100."""
        return _interval(self.before_0_100, self.before_error)

    @property
    def since_interval(self) -> tuple[float, float] | None:
        """95 %, by the normal distribution, within 0 to 100."""
        return _interval(self.since_0_100, self.since_error)


@dataclass(frozen=True, slots=True)
class Driver:
    """How one criterion moved, for the mix of work since. Points, 0 to 100."""

    scorecard_id: str
    criterion: str
    before_reviews: int
    since_reviews: int
    before_0_100: float
    since_0_100: float
    change_0_100: float
    change_error: float

    @property
    def change_interval(self) -> tuple[float, float]:
        """95 %, by the normal distribution."""
        return self.change_0_100 - Z_95 * self.change_error, self.change_0_100 + Z_95 * self.change_error


def alerts(store: Asker, *, status: Status | None = None, series_id: str | None = None) -> tuple[AlertRow, ...]:
    """Alerts of a status and series, or of all, the latest first. Raises StoreError."""
    rows = store.ask(sql("alerts"), {"status": status or "", "series_id": series_id or ""})
    return tuple(AlertRow(**{name: _utc(one) for name, one in row.items()}) for row in rows)


def alert_change(
    store: Asker, *, series_id: str, since: datetime, until: datetime, before_days: int = BEFORE_DAYS
) -> Change:
    """From what to what the series went: the `before_days` before `since` against [since, until). Raises StoreError.

    From an alert's `since` on the mean is somewhat too low, for that stretch was picked for being low; from its
    `raised_at` on it is not.
    """
    [row] = store.ask(sql("alert_change"), _span(series_id, since, until, before_days))
    return Change(**row)


def alert_drivers(
    store: Asker, *, series_id: str, since: datetime, until: datetime, before_days: int = BEFORE_DAYS
) -> tuple[Driver, ...]:
    """The criteria of the series' reviews over the same spans, the largest fall first. Raises StoreError."""
    rows = store.ask(sql("alert_drivers"), _span(series_id, since, until, before_days))
    return tuple(Driver(**row) for row in rows)


def _span(series_id: str, since: datetime, until: datetime, before_days: int) -> dict[str, Parameter]:
    return {"series_id": series_id, "since": _text(since), "until": _text(until), "days": before_days}


def _interval(mean: float | None, error: float | None) -> tuple[float, float] | None:
    if mean is None or error is None:
        return None
    return max(0.0, mean - Z_95 * error), min(100.0, mean + Z_95 * error)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value
