"""Mean quality score by group and period: estimates with weights and standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

from sinks.queries.text import sql
from sinks.store import Asker

Group = Literal["all", "channel", "site", "team", "colleague", "topic", "language", "stratum", "frame"]
Period = Literal["all", "day", "week", "month"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
PERIODS: Final[tuple[Period, ...]] = get_args(Period)


@dataclass(frozen=True, slots=True)
class MeanScore:
    """The estimate for one group and period. Scores in points, 0 to 100."""

    group_id: str
    """Empty when the group is 'all'."""
    period_start: date
    """Local day; the beginning of the range when the period is 'all'."""
    reviewed: int
    mean_0_100: float
    standard_error: float | None
    """None when a draw cell of the group has a single review: too few to say."""
    df: int
    cells: int
    single_review_cells: int
    cells_behind: int
    """Draw cells whose population counts are still to come; they weigh as if all of them was reviewed."""


def mean_scores(
    store: Asker,
    *,
    group_by: Group,
    period: Period,
    from_day: date,
    to_day: date,
    time_zone: str,
    scorecard_id: str | None = None,
) -> tuple[MeanScore, ...]:
    """Estimates by group, then period, for transactions that ended on local days [from_day, to_day) of `time_zone`.

    Source: docs on estimating (weights by draw cell, linearised variance). Raises ValueError for a group or period
    that is not known, StoreError when the store does not answer.
    """
    if group_by not in GROUPS or period not in PERIODS:
        raise ValueError(f"no means by {group_by!r} and {period!r}")
    rows = store.ask(
        sql("mean_scores"),
        {
            "group_by": group_by,
            "period": period,
            "from_day": from_day,
            "to_day": to_day,
            "time_zone": time_zone,
            "scorecard_id": scorecard_id or "",
        },
    )
    return tuple(MeanScore(**row) for row in rows)
