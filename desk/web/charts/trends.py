"""The figures of the trend pages: lines with interval bands, small multiples, criteria as a heat map, coverage.

What too few reviews stand behind is drawn hollow and grey, with its interval, and never joined to a line: the eye must
not rank what nobody can rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from desk.services.trends import Every
from desk.web.charts import plots
from desk.web.charts.figure import Column, Figure
from desk.web.charts.plots import Dot, Moment, Point
from desk.web.language import NO_NUMBER, Speech
from sinks.queries.estimates import Estimate

MOST_GROUPS: Final = 24
"""Beside each other; more than that nobody reads."""
AXIS_FORMAT: Final[dict[Every, str]] = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y", "quarter": "%b %Y"}


@dataclass(frozen=True, slots=True)
class Shown:
    """How the figures of a page read: periods, and names of groups."""

    say: Speech
    every: Every
    name: Callable[[str], str]
    """A group id in words."""


def over_time(found: Sequence[Estimate], marks: Sequence[Moment], overall: Estimate | None, shown: Shown) -> Figure:
    """Estimates by group and period: one line, or small multiples of it."""
    say = shown.say
    groups = list(dict.fromkeys(one.group_id for one in found))
    many = groups not in ([], [""])
    drawn = set(_largest(found))
    points = [
        Point(
            shown.name(one.group_id) if many else "", one.period_start, one.mean_0_100, one.lower_0_100,
            one.upper_0_100, not one.too_few and one.mean_0_100 is not None,
        )
        for one in found
        if one.group_id in drawn
    ]  # fmt: skip
    axes = plots.Axes(AXIS_FORMAT[shown.every], say.gettext("Score"), None if overall is None else overall.mean_0_100)
    return Figure(
        name="trend",
        title=say.gettext("Quality over time"),
        finding=_many_in_words(found, say, shown.name) if many else _course_in_words(found, say),
        columns=(
            *((Column("group", say.gettext("Group")),) if many else ()),
            Column("period_start", say.gettext("From"), "day"),
            *_measured(say),
        ),
        rows=tuple(
            (*((shown.name(one.group_id),) if many else ()), one.period_start, *_measures(one, say)) for one in found
        ),
        draw=lambda look: plots.lines(points, marks, axes, look),
        notes=(
            say.gettext(
                "Lines are design-weighted means, bands their 95 % intervals. Hollow and grey: too few reviews to say. "
                "The dashed line is the mean of the whole span."
            ),
            *_cut(groups, drawn, say),
        ),
    )


def accuracy(found: Sequence[Estimate], shown: Shown, words: Mapping[str, str]) -> Figure:
    """The share of transactions free of critical errors, by class. `words`: of the classes."""
    say = shown.say
    named = [(words.get(one.measure_id, one.measure_id), one) for one in found]
    every = next((one for one in found if one.measure_id == "any"), None)
    return Figure(
        name="accuracy",
        title=say.gettext("Free of critical errors"),
        finding=_share_in_words(every, say),
        columns=(Column("error_class", say.gettext("Kind of error")), *_measured(say)),
        rows=tuple((name, *_measures(one, say)) for name, one in named),
        draw=lambda look: plots.dots(_dots(named), None, look, say.gettext("Per cent of transactions")),
        notes=(say.gettext("Per cent of transactions, with 95 % Wilson intervals."),),
    )


def criteria(found: Sequence[Estimate], shown: Shown, names: Mapping[str, str]) -> Figure:
    """Each criterion by group, as a heat map, or as dots where there is one group. `names`: of the criteria."""
    say = shown.say
    by_criterion = [(names.get(one.measure_id, one.measure_id), one) for one in found]
    grouped = any(one.group_id for one in found)
    sure = [(name, one) for name, one in by_criterion if one.mean_0_100 is not None and not one.too_few]
    weakest = min(sure, key=lambda pair: pair[1].mean_0_100 or 0.0, default=None)
    if weakest is None:
        finding = say.gettext("Too few reviews to say anything about single criteria.")
    else:
        place = f"{weakest[0]}, {shown.name(weakest[1].group_id)}" if grouped else weakest[0]
        finding = say.gettext("Lowest: {criterion}, {mean} ({low} to {high}).").format(
            criterion=place, **_interval_words(weakest[1], say)
        )
    ordered = sorted(by_criterion, key=lambda pair: pair[1].mean_0_100 or 0.0) if not grouped else by_criterion
    return Figure(
        name="criteria",
        title=say.gettext("Score by criterion"),
        finding=finding,
        columns=(
            Column("criterion", say.gettext("Criterion")),
            *((Column("group", say.gettext("Group")),) if grouped else ()),
            *_measured(say),
        ),
        rows=tuple(
            (name, *((shown.name(one.group_id),) if grouped else ()), *_measures(one, say)) for name, one in ordered
        ),
        draw=lambda look: (
            plots.heat(_cells(by_criterion, shown), look, say.gettext("Score"))
            if grouped
            else plots.dots(_dots(ordered), None, look, say.gettext("Score"))
        ),
        notes=(
            (
                say.gettext("Means of 0 to 100. Pale with a dash: too few reviews to say."),
                *_cut(sorted({one.group_id for one in found}), set(_largest(found)), say),
            )
            if grouped
            else ()
        ),
    )


def distribution(found: Sequence[Estimate], shown: Shown) -> Figure:
    """How transactions spread over the scale."""
    say = shown.say
    tenths = [(_tenth(one.measure_id), one) for one in found if one.mean_0_100 is not None]
    largest = max(tenths, key=lambda pair: pair[1].mean_0_100 or 0.0, default=None)
    finding = (
        say.gettext("Nothing is reviewed yet.")
        if largest is None
        else say.gettext("Most common: scores of {tenth}, {share} of transactions.").format(
            tenth=largest[0], share=say.percent((largest[1].mean_0_100 or 0.0) / 100)
        )
    )
    return Figure(
        name="distribution",
        title=say.gettext("How scores spread"),
        finding=finding,
        columns=(Column("tenth", say.gettext("Scores")), *_measured(say)),
        rows=tuple((tenth, *_measures(one, say)) for tenth, one in tenths),
        draw=lambda look: plots.bars(_dots(tenths), look, say.gettext("Per cent of transactions")),
        notes=(say.gettext("Per cent of transactions, with 95 % intervals."),),
    )


def funnel(overall: Estimate | None, shown: Shown) -> Figure:
    """From the eligible transactions to those that were reviewed."""
    say = shown.say
    steps = (
        []
        if overall is None
        else [
            (say.gettext("eligible"), overall.eligible),
            (say.gettext("selected"), overall.selected),
            (say.gettext("due for review"), overall.selected - overall.awaiting),
            (say.gettext("reviewed"), overall.reviewed),
        ]
    )
    rate = None if overall is None else overall.response_rate
    return Figure(
        name="coverage",
        title=say.gettext("What the numbers rest on"),
        finding=say.gettext("No review is due yet.")
        if rate is None
        else say.gettext("{rate} of the selected transactions whose time is up were reviewed.").format(
            rate=say.percent(rate)
        ),
        columns=(Column("step", say.gettext("Transactions")), Column("transactions", say.gettext("Number"), "count")),
        rows=tuple(steps),
        draw=lambda look: plots.funnel([(name, n, say.number(n)) for name, n in steps], look),
        notes=(say.gettext("Selected by a draw with known probabilities; checks for a purpose are not counted."),),
    )


def _measured(say: Speech) -> tuple[Column, ...]:
    return (
        Column("mean_0_100", say.gettext("Mean"), "score"),
        Column("lower_0_100", say.gettext("Lower end"), "score"),
        Column("upper_0_100", say.gettext("Upper end"), "score"),
        Column("reviewed", say.gettext("Reviewed"), "count"),
        Column("eligible", say.gettext("Eligible"), "count"),
        Column("response_rate", say.gettext("Response rate"), "percent"),
        Column("note", say.gettext("Note")),
    )


def _measures(one: Estimate, say: Speech) -> tuple[Any, ...]:
    notes = []
    if one.too_few:
        notes.append(say.gettext("too few to say"))
    if one.provisional:
        notes.append(say.gettext("provisional"))
    return (
        one.mean_0_100, one.lower_0_100, one.upper_0_100, one.reviewed, one.eligible, one.response_rate,
        ", ".join(notes),
    )  # fmt: skip


def _interval_words(one: Estimate, say: Speech) -> dict[str, str]:
    return {"mean": say.score(one.mean_0_100), "low": say.score(one.lower_0_100), "high": say.score(one.upper_0_100)}


def _mean_and_ends(one: Estimate, say: Speech) -> str:
    return f"{say.score(one.mean_0_100)}; {say.score(one.lower_0_100)}{NO_NUMBER}{say.score(one.upper_0_100)}"


def _course_in_words(found: Sequence[Estimate], say: Speech) -> str:
    """First and last sure period, and whether their intervals are apart."""
    sure = [one for one in found if not one.too_few and one.mean_0_100 is not None]
    if not sure:
        return say.gettext("Too few reviews in every period to say anything.")
    first, last = sure[0], sure[-1]
    now = say.gettext("{mean} ({low} to {high}) from {day} on").format(
        day=say.day(last.period_start), **_interval_words(last, say)
    )
    if first is last:
        return say.gettext("The one period with reviews enough: {now}.").format(now=now)
    then = say.gettext("{mean} ({low} to {high}) from {day} on").format(
        day=say.day(first.period_start), **_interval_words(first, say)
    )
    apart = (last.upper_0_100 or 0) < (first.lower_0_100 or 0) or (last.lower_0_100 or 0) > (first.upper_0_100 or 0)
    if apart:
        return say.gettext("It went from {then} to {now}: the intervals do not meet.").format(then=then, now=now)
    return say.gettext("First {then}, last {now}: the intervals overlap, so no change is certain.").format(
        then=then, now=now
    )


def _many_in_words(found: Sequence[Estimate], say: Speech, name: Callable[[str], str]) -> str:
    latest = {one.group_id: one for one in found if not one.too_few and one.mean_0_100 is not None}
    if not latest:
        return say.gettext("Too few reviews in every group to say anything.")
    ordered = sorted(latest.values(), key=lambda one: one.mean_0_100 or 0.0)
    low, high = ordered[0], ordered[-1]
    return say.gettext(
        "Latest periods with reviews enough: from {lowest} ({low_interval}) to {highest} ({high_interval})."
    ).format(
        lowest=name(low.group_id),
        low_interval=_mean_and_ends(low, say),
        highest=name(high.group_id),
        high_interval=_mean_and_ends(high, say),
    )


def _share_in_words(every: Estimate | None, say: Speech) -> str:
    if every is None or every.mean_0_100 is None or every.lower_0_100 is None or every.upper_0_100 is None:
        return say.gettext("Too few reviews to say.")
    return say.gettext("{share} per cent of transactions ({low} to {high}) are free of every critical error.").format(
        share=say.score(every.mean_0_100), low=say.score(every.lower_0_100), high=say.score(every.upper_0_100)
    )


def _dots(found: Sequence[tuple[str, Estimate]]) -> list[Dot]:
    return [
        Dot(name, one.mean_0_100, one.lower_0_100, one.upper_0_100, sure=not one.too_few and one.mean_0_100 is not None)
        for name, one in found
    ]


def _cells(found: Sequence[tuple[str, Estimate]], shown: Shown) -> list[tuple[str, str, float | None]]:
    """Criteria from the weakest on, by their mean over the groups; without those of which nothing can be said."""
    sums: dict[str, list[float]] = {}
    for name, one in found:
        sums.setdefault(name, []).extend([] if one.mean_0_100 is None else [one.mean_0_100])
    order = sorted(sums, key=lambda name: sum(sums[name]) / max(1, len(sums[name])))
    groups = _largest([one for _, one in found])
    by_name = {name: [one for other, one in found if other == name] for name in order}
    by_place = {(name, one.group_id): one for name, one in found}
    return [
        (name, shown.name(group), None if one is None or one.too_few else one.mean_0_100)
        for name in order
        if any(not one.too_few for one in by_name[name])
        for group in groups
        for one in [by_place.get((name, group))]
    ]


def _largest(found: Sequence[Estimate]) -> list[str]:
    """The groups that are drawn, in their order: those with the most reviews."""
    reviews: dict[str, int] = {}
    for one in found:
        reviews[one.group_id] = reviews.get(one.group_id, 0) + one.reviewed
    most = set(sorted(reviews, key=lambda group: -reviews[group])[:MOST_GROUPS])
    return [group for group in reviews if group in most]


def _cut(groups: Sequence[str], drawn: set[str], say: Speech) -> tuple[str, ...]:
    if len(drawn) == len(groups):
        return ()
    return (
        say.gettext("The {n} with the most reviews are drawn; the table has all.").format(n=say.number(len(drawn))),
    )


def _tenth(measure_id: str) -> str:
    low = int(measure_id)
    return f"{low}{NO_NUMBER}{100 if low == 90 else low + 9}"
