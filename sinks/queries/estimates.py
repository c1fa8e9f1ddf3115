"""Estimates of quality with their intervals: the one place. All arithmetic is in the views of migration 0005_estimates,
which Grafana asks too; this module gives them types.

Invariant: an estimate never comes without what it rests on: reviews, transactions, response, joins of draw cells, and
whether it is provisional or too few to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

from sinks.queries.text import sql
from sinks.store import Asker, Parameter

Group = Literal["all", "channel", "site", "team", "colleague", "topic", "language", "stratum", "frame"]
Period = Literal["all", "day", "week", "month", "quarter"]
Measure = Literal["total", "criterion", "error_class", "distribution"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
ERROR_CLASSES: Final = ("any", "business", "compliance", "customer")
"""Measure ids of 'error_class'. any: free of critical errors of every class."""
Z_95: Final = 1.959963984540054
"""Standard errors that a 95 % interval reaches to either side, by the normal distribution; the views have it too."""
HALF_WIDTH_LIMIT: Final = 10.0
"""Points. Wider than this either way is too wide to conclude from."""


@dataclass(frozen=True, slots=True)
class Within:
    """Which transactions: those that ended on local days [from_day, to_day) of `time_zone`, cut down by the filters.

    An empty filter lets all through. Filters make the domain smaller, never the sample.
    """

    from_day: date
    to_day: date
    time_zone: str
    channels: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    colleagues: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    scorecards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of one measure for one group and period. Points of 0 to 100, or per cent of transactions."""

    group_id: str
    """Empty when the group is 'all'."""
    period_start: date
    """Local day; the beginning of the range when the period is 'all'."""
    measure_id: str
    """Criterion, error class, or lower end of a tenth ('090'); empty for the total."""
    mean_0_100: float | None
    """None where nothing is reviewed yet."""
    standard_error: float | None
    """None where a draw cell has one review and nothing to be joined with."""
    df: int
    lower_0_100: float | None
    upper_0_100: float | None
    """95 % interval: by t for points, by Wilson with the effective sample size for per cent."""
    reviewed: int
    eligible: int
    """Transactions that the estimate speaks for: the sum of the weights."""
    selected: int
    awaiting: int
    """Selected, and their review is still to come."""
    response_rate: float | None
    """Share reviewed of those selected that are not awaiting."""
    cells: int
    joins: int
    """Draw cells that were joined to others because they had fewer than two reviews."""
    cells_behind: int
    """Draw cells whose counts are still to come."""
    provisional: bool
    too_few: bool
    """Too few to say: fewer than 5 reviewed, or no error to be had, or an interval wider than the limit."""

    @property
    def half_width(self) -> float | None:
        """Of the interval, in points."""
        if self.lower_0_100 is None or self.upper_0_100 is None:
            return None
        return (self.upper_0_100 - self.lower_0_100) / 2


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """What one draw cell adds to one group, period and measure id.

    `n` reviewed of `size` eligible in the cell, in the group or not; `k` of them in the group, with plain mean `mean`
    (0 to 100) and sum of squares about it `m2`. Where cells were joined a group may have several rows of one cell.
    """

    cell: str
    n: float
    size: float
    group_id: str
    period_start: date
    measure_id: str
    k: float
    mean: float
    m2: float

    @property
    def weight(self) -> float:
        """Transactions that one review of the cell speaks for."""
        return self.size / self.n


def estimates(
    store: Asker,
    within: Within,
    *,
    group_by: Group = "all",
    period: Period = "all",
    measure: Measure = "total",
    measure_ids: tuple[str, ...] = (),
    half_width_limit: float = HALF_WIDTH_LIMIT,
) -> tuple[Estimate, ...]:
    """Estimates by group, measure id and period.

    Source: docs/trends.md (weights by draw cell, linearised variance as in R's survey package). Raises ValueError for a
    group, period or measure that is not known, StoreError when the store does not answer.
    """
    asked = _parameters(within, group_by, period, measure, measure_ids)
    rows = store.ask(sql("estimates"), {**asked, "half_width_limit": half_width_limit})
    return tuple(
        Estimate(**{**row, "provisional": bool(row["provisional"]), "too_few": bool(row["too_few"])}) for row in rows
    )


def score_cells(
    store: Asker,
    within: Within,
    *,
    group_by: Group = "all",
    period: Period = "all",
    measure: Measure = "total",
    measure_ids: tuple[str, ...] = (),
) -> tuple[ScoreCell, ...]:
    """What estimates are made of, for what SQL does not do: comparisons and leagues. Raises as `estimates` does."""
    rows = store.ask(sql("score_cells"), _parameters(within, group_by, period, measure, measure_ids))
    return tuple(ScoreCell(**row) for row in rows)


def _parameters(
    within: Within, group_by: str, period: str, measure: str, measure_ids: tuple[str, ...]
) -> Mapping[str, Parameter]:
    for name, value, known in (
        ("group", group_by, GROUPS), ("period", period, PERIODS), ("measure", measure, MEASURES),
    ):  # fmt: skip
        if value not in known:
            raise ValueError(f"no {name} {value!r}: one of {', '.join(known)} is wanted")
    filters: dict[str, Any] = {
        name: list(getattr(within, name))
        for name in ("channels", "sites", "teams", "colleagues", "topics", "languages", "strata", "scorecards")
    }
    return {
        "group_by": group_by,
        "period": period,
        "measure": measure,
        "measure_ids": list(measure_ids),
        "from_day": within.from_day,
        "to_day": within.to_day,
        "time_zone": within.time_zone,
        **filters,
    }
