"""Figures that hold one thing against another: colleagues side by side, and a stretch of time against the one before.

There is no rank without its interval, here or anywhere: a list by plain means is mostly a list of luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from desk.services.trends import Changed, Filters
from desk.web.charts import plots
from desk.web.charts.drivers import Moved, by_criterion
from desk.web.charts.figure import Column, Figure
from desk.web.charts.plots import Dot
from desk.web.language import Speech
from sinks.queries.comparison import Comparison
from sinks.queries.domains import Interval
from sinks.queries.league import League

TONES: Final = {"above": "good", "below": "alarm", "not told apart": "main", "too few": "quiet"}
PARTS_SHOWN: Final = 12
MOST_DRAWN: Final = 120


def standings(found: League | None, say: Speech, name: Callable[[str], str], verdicts: Mapping[str, str]) -> Figure:
    """A caterpillar: everybody's best guess with its interval, from the highest on, and the ranks it may be."""
    rows = () if found is None else found.standings
    told = [one for one in rows if one.verdict in ("above", "below")]
    if found is None:
        finding = say.gettext("Fewer than two have been reviewed: there is nobody to stand beside.")
    elif not told:
        finding = say.gettext("Nobody can be told apart from the common mean of {mean}.").format(
            mean=say.score(found.mean)
        )
    else:
        finding = say.gettext(
            "Common mean {mean}. Surely above it: {above}; surely below: {below}; neither: {rest}."
        ).format(
            mean=say.score(found.mean),
            above=say.number(sum(one.verdict == "above" for one in told)),
            below=say.number(sum(one.verdict == "below" for one in told)),
            rest=say.number(len(rows) - len(told)),
        )
    dots = [
        Dot(
            name(one.group_id),
            one.drawn_in,
            one.lower,
            one.upper,
            one.verdict != "too few",
            TONES.get(one.verdict, "main"),
        )
        for one in (rows if len(rows) <= MOST_DRAWN else (*rows[: MOST_DRAWN // 2], *rows[-MOST_DRAWN // 2 :]))
    ]
    cut = (say.gettext("The highest and the lowest are drawn; the table has all."),) if len(dots) < len(rows) else ()
    return Figure(
        name="standings",
        title=say.gettext("Side by side"),
        finding=finding,
        columns=(
            Column("group", say.gettext("Who")),
            Column("best_guess_0_100", say.gettext("Best guess"), "score"),
            Column("lower_0_100", say.gettext("Lower end"), "score"),
            Column("upper_0_100", say.gettext("Upper end"), "score"),
            Column("own_mean_0_100", say.gettext("Own mean"), "score"),
            Column("reviewed", say.gettext("Reviewed"), "count"),
            Column("best_rank", say.gettext("Rank, from"), "count"),
            Column("worst_rank", say.gettext("Rank, to"), "count"),
            Column("verdict", say.gettext("Against the common mean")),
        ),
        rows=tuple(
            (
                name(one.group_id), one.drawn_in, one.lower, one.upper, one.mean, one.reviewed, one.best_rank,
                one.worst_rank, verdicts.get(one.verdict, one.verdict),
            )
            for one in rows
        ),
        draw=lambda look: plots.dots(dots, None if found is None else found.mean, look, say.gettext("Score")),
        notes=(
            say.gettext(
                "Best guesses: own means drawn towards the common one by as much as chance explains, with 95 % "
                "intervals. Green: surely above; orange: surely below; hollow: too few reviews. Ranks are intervals."
            ),
            *cut,
        ),
    )  # fmt: skip


def change(found: Changed, filters: Filters, say: Speech) -> Figure:
    """Both stretches with their intervals, and the difference in words."""
    both = found.comparison
    one_day = timedelta(days=1)
    then, now = (
        say.gettext("{first} to {last}").format(first=say.day(first), last=say.day(after_last - one_day))
        for first, after_last in ((found.before_from, filters.from_day), (filters.from_day, filters.to_day))
    )
    sides = [] if both is None else [(then, both.before), (now, both.after)]
    return Figure(
        name="change",
        title=say.gettext("Against as many days before"),
        finding=_change_in_words(both, say),
        columns=(
            Column("days", say.gettext("Days")),
            Column("mean_0_100", say.gettext("Mean"), "score"),
            Column("lower_0_100", say.gettext("Lower end"), "score"),
            Column("upper_0_100", say.gettext("Upper end"), "score"),
            Column("reviewed", say.gettext("Reviewed"), "count"),
            Column("eligible", say.gettext("Eligible"), "count"),
        ),
        rows=tuple(
            (name, one.mean.value, one.mean.lower, one.mean.upper, one.reviewed, one.eligible) for name, one in sides
        ),
        draw=lambda look: plots.dots(
            [
                Dot(name, one.mean.value, one.mean.lower, one.mean.upper, sure=one.mean.lower is not None)
                for name, one in sides
            ],
            None,
            look,
            say.gettext("Score"),
        ),
    )


def parts(found: Changed, say: Speech, name: Callable[[str], str]) -> Figure:
    """What of the difference is other work, and what is other handling."""
    both = found.comparison
    shown = () if both is None else both.parts[:PARTS_SHOWN]
    handling, mix = say.gettext("handled otherwise"), say.gettext("other work came")
    return Figure(
        name="parts",
        title=say.gettext("Mix or handling"),
        finding=""
        if both is None
        else say.gettext("Of the change, {within} is handling and {mix} is other work that came.").format(
            within=say.change(both.within), mix=say.change(both.mix)
        ),
        columns=(
            Column("part", say.gettext("Part of the work")),
            Column("share_before", say.gettext("Share before"), "percent"),
            Column("share_after", say.gettext("Share since"), "percent"),
            Column("mean_before_0_100", say.gettext("Before"), "score"),
            Column("mean_after_0_100", say.gettext("Since"), "score"),
            Column("within_0_100", say.gettext("Handling"), "change"),
            Column("mix_0_100", say.gettext("Mix"), "change"),
        ),
        rows=tuple(
            (name(one.name), one.share_before, one.share_after, one.mean_before, one.mean_after, one.within, one.mix)
            for one in shown
        ),
        draw=lambda look: plots.shares(
            [
                pair
                for one in shown
                for pair in ((name(one.name), handling, one.within), (name(one.name), mix, one.mix))
            ],
            (handling, mix),
            look,
            say.gettext("Points of the change"),
        ),
        notes=(say.gettext("Kitagawa's decomposition: the two together are the change."),),
    )


def drivers(found: Changed, say: Speech, names: Mapping[str, str]) -> Figure:
    """The change of each criterion. `names`: of the criteria."""
    moved = [
        Moved(
            criterion=names.get(one.criterion, one.criterion),
            before=one.before.mean.value,
            since=one.after.mean.value,
            change=one.change.value,
            low=one.change.lower,
            high=one.change.upper,
            since_reviews=one.after.reviewed,
            tone=_tone(one.change),
        )
        for one in found.drivers
        if not one.too_few
    ]
    note = say.gettext("Points, with 95 % intervals. Criteria with too few reviews on a side are left out.")
    return by_criterion(moved, say, note)


def _tone(one: Interval) -> str:
    if one.lower is None or one.upper is None or one.lower <= 0 <= one.upper:
        return "quiet"
    return "alarm" if one.upper < 0 else "good"


def _change_in_words(both: Comparison | None, say: Speech) -> str:
    if both is None:
        return say.gettext("There are no reviews on one side.")
    found = both.change
    if both.too_few or found.lower is None or found.upper is None:
        return say.gettext("Too few reviews on either side to say from what to what it went.")
    words = say.gettext("{change} points ({low} to {high})").format(
        change=say.change(found.value), low=say.change(found.lower), high=say.change(found.upper)
    )
    if found.lower <= 0 <= found.upper:
        return say.gettext("{change}: no change is certain.").format(change=words)
    return (
        say.gettext("{change}: surely lower.").format(change=words)
        if found.upper < 0
        else say.gettext("{change}: surely higher.").format(change=words)
    )
