"""The figure of what drives a change: how each criterion moved, on the page of an alert and on the trend pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desk.web.charts import plots
from desk.web.charts.figure import Column, Figure
from desk.web.charts.plots import Dot
from desk.web.language import Speech


@dataclass(frozen=True, slots=True)
class Moved:
    """How one criterion moved, in points; `low` and `high` are its change's 95 % interval."""

    criterion: str
    """In words."""
    before: float
    since: float
    change: float
    low: float | None
    high: float | None
    since_reviews: int
    tone: str
    """A colour of the palette: see plots.Dot."""


def by_criterion(moved: Sequence[Moved], say: Speech, note: str) -> Figure:
    """The change of each criterion, in the order given."""
    surely = [one.criterion for one in moved if one.high is not None and one.high < 0]
    finding = (
        say.gettext("Surely lower than before: {names}.").format(names=", ".join(surely))
        if surely
        else say.gettext("No single criterion is surely lower than before.")
    )
    dots = [Dot(one.criterion, one.change, one.low, one.high, sure=True, tone=one.tone) for one in moved]
    return Figure(
        name="drivers",
        title=say.gettext("What drives it: change by criterion"),
        finding=finding,
        columns=(
            Column("criterion", say.gettext("Criterion")),
            Column("before_0_100", say.gettext("Before"), "score"),
            Column("since_0_100", say.gettext("Since"), "score"),
            Column("change_0_100", say.gettext("Change"), "change"),
            Column("low_0_100", say.gettext("From"), "change"),
            Column("high_0_100", say.gettext("To"), "change"),
            Column("since_reviews", say.gettext("Reviews since"), "count"),
        ),
        rows=tuple(
            (one.criterion, one.before, one.since, one.change, one.low, one.high, one.since_reviews) for one in moved
        ),
        draw=lambda look: plots.changes(dots, look, say.gettext("Change in points")),
        notes=(note,),
    )
