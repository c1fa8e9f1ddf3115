"""The figures of one alert: its scores with the evidence that grew from them, and the criteria behind the fall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import altair as alt

from desk.services.alerts import AlertDetail
from desk.services.analytics import Weighed
from desk.web.charts.drawing import palette, width
from desk.web.charts.drivers import Moved, by_criterion
from desk.web.charts.figure import Column, Figure, Look
from desk.web.language import Speech
from sinks.queries.alerts import BEFORE_DAYS, Change

MOST_DOTS: Final = 1500
"""More are thinned out evenly: the picture stays readable, and the table has all."""
LEAST_EVIDENCE: Final = 0.1
DRIVERS_SHOWN: Final = 12
BEFORE: Final = "before"
SINCE: Final = "since"


def course(detail: AlertDetail, say: Speech) -> Figure:
    """Scores, the means before and since with their intervals, and the evidence against its threshold."""
    row = detail.alert.row
    shown = [one for one in detail.course if one.ended_at >= row.since - timedelta(days=BEFORE_DAYS)]
    return Figure(
        name="course",
        title=say.gettext("Scores, and the evidence that they fell"),
        finding=say.gettext("The evidence reached {evidence} on {day}; {threshold} raises an alert.").format(
            evidence=say.number(row.evidence), day=say.day(row.raised_at), threshold=say.number(row.threshold)
        ),
        columns=(
            Column("reviewed_at", say.gettext("Reviewed"), "moment"),
            Column("ended_at", say.gettext("Transaction ended"), "moment"),
            Column("score_0_100", say.gettext("Score"), "score"),
            Column("log10_evidence", say.gettext("Evidence, as a power of ten"), "change"),
        ),
        rows=tuple((one.reviewed_at, one.ended_at, one.score_0_100, one.log10_evidence) for one in shown),
        draw=lambda look: _course(detail, shown, look, say),
        notes=(
            say.gettext(
                "Each dot is one review. Lines and bands are means with 95 % intervals, for the same mix of work. The "
                "mean since is somewhat too low, for that stretch was picked for being low."
            ),
        ),
    )


def drivers(detail: AlertDetail, say: Speech, names: dict[str, str]) -> Figure:
    """How each criterion moved. `names`: 'scorecard/criterion' to its label."""
    moved = [
        Moved(
            criterion=names.get(f"{one.scorecard_id}/{one.criterion}", one.criterion),
            before=one.before_0_100,
            since=one.since_0_100,
            change=one.change_0_100,
            low=one.change_interval[0],
            high=one.change_interval[1],
            since_reviews=one.since_reviews,
            tone="alarm" if one.change_interval[1] < 0 else "quiet",
        )
        for one in detail.drivers[:DRIVERS_SHOWN]
    ]
    return by_criterion(moved, say, say.gettext("Points, with 95 % intervals, for the same mix of work."))


def change_in_words(change: Change, say: Speech) -> str:
    """From what to what, with intervals."""
    before, since = change.before_interval, change.since_interval
    if change.before_0_100 is None or change.since_0_100 is None or before is None or since is None:
        return say.gettext("Too few reviews on either side to say from what to what it went.")
    return say.gettext(
        "From {before} ({before_low} to {before_high}) to {since} ({since_low} to {since_high})."
    ).format(
        before=say.score(change.before_0_100),
        before_low=say.score(before[0]),
        before_high=say.score(before[1]),
        since=say.score(change.since_0_100),
        since_low=say.score(since[0]),
        since_high=say.score(since[1]),
    )


def _course(detail: AlertDetail, shown: Sequence[Weighed], look: Look, say: Speech) -> dict[str, Any]:
    row, ink = detail.alert.row, palette(look)
    local = _local(say)
    first_since = next((one.reviewed_at for one in shown if one.ended_at >= row.since), row.since)
    start = shown[0].reviewed_at if shown else row.since
    end = max([row.raised_at, *(one.reviewed_at for one in shown[-1:])])
    x = (
        alt.X("at:T")
        .title(None)
        .axis(format="%-d %b", tickCount=4 if look.narrow else 9, grid=False, labelOverlap=True)
    )
    x = x.scale(domain=[local(start), local(end)])
    lowest = 10 * math.floor(min((one.score_0_100 for one in shown), default=0.0) / 10)
    dots = alt.Chart(alt.InlineData(values=_dots(shown, first_since, local))).mark_circle(size=22, opacity=0.45)
    points = dots.encode(
        x=x,
        y=alt.Y("score:Q").title(say.gettext("Score")).scale(domain=[lowest, 100]).axis(tickCount=5),
        color=alt.Color("side:N").scale(domain=["before", "since"], range=[ink.quiet, ink.main]).legend(None),
    )
    bands = _bands(detail.since, (start, first_since, end), look, say)
    since, raised = _mark(first_since, say, look, "right"), _mark(row.raised_at, say, look, "left")
    held_to = (
        alt.Chart(alt.InlineData(values=[{"at": local(first_since), "end": local(end), "y": row.reference_0_100}]))
        .mark_rule(color=ink.ink, strokeDash=[2, 3])
        .encode(x="at:T", x2="end:T", y="y:Q")
    )
    upper = alt.layer(points, *bands, held_to, *since, *raised).properties(width=width(look), height=210)
    evidence = [
        {"at": local(one.reviewed_at), "evidence": max(LEAST_EVIDENCE, 10.0**one.log10_evidence), "low": LEAST_EVIDENCE}
        for one in shown
        if one.log10_evidence is not None
    ]
    scale = alt.Scale(
        type="log", domain=[LEAST_EVIDENCE, 10.0 ** math.ceil(math.log10(row.threshold) + 0.7)], clamp=True
    )
    grown = (
        alt.Chart(alt.InlineData(values=evidence))
        .mark_area(
            line={"color": ink.alarm, "strokeWidth": 1.5}, color=ink.alarm, fillOpacity=0.15, interpolate="step-after"
        )
        .encode(
            x=x,
            y=alt.Y("evidence:Q")
            .title(say.gettext("Evidence"))
            .scale(scale)
            .axis(tickCount=4, format=",~g", grid=False),
            y2="low:Q",
        )
    )
    limit = [{"y": row.threshold, "at": local(start), "words": say.gettext("an alert is raised here")}]
    threshold = alt.Chart(alt.InlineData(values=limit)).mark_rule(color=ink.ink, strokeDash=[6, 4]).encode(y="y:Q")
    words = (
        alt.Chart(alt.InlineData(values=limit))
        .mark_text(align="left", dx=4, dy=-8, color=ink.ink)
        .encode(x="at:T", y="y:Q", text="words:N")
    )
    lower = alt.layer(grown, threshold, words, since[0], raised[0]).properties(width=width(look), height=120)
    drawn: dict[str, Any] = alt.vconcat(upper, lower, spacing=18).resolve_scale(x="shared").to_dict()
    return drawn


def _dots(shown: Sequence[Weighed], since: datetime, local: Any) -> list[dict[str, object]]:
    every = max(1, math.ceil(len(shown) / MOST_DOTS))
    return [
        {"at": local(one.reviewed_at), "score": one.score_0_100, "side": SINCE if one.reviewed_at >= since else BEFORE}
        for one in shown[::every]
    ]


def _bands(change: Change, spans: tuple[datetime, datetime, datetime], look: Look, say: Speech) -> list[alt.Chart]:
    ink, local = palette(look), _local(say)
    values = [
        {"at": local(begins), "end": local(ends), "mean": mean, "low": interval[0], "high": interval[1], "side": side}
        for side, begins, ends, mean, interval in (
            (BEFORE, spans[0], spans[1], change.before_0_100, change.before_interval),
            (SINCE, spans[1], spans[2], change.since_0_100, change.since_interval),
        )
        if mean is not None and interval is not None
    ]
    data = alt.InlineData(values=values)
    colour = alt.Color("side:N").scale(domain=[BEFORE, SINCE], range=[ink.quiet, ink.main]).legend(None)
    band = alt.Chart(data).mark_rect(opacity=0.28).encode(x="at:T", x2="end:T", y="low:Q", y2="high:Q", color=colour)
    line = alt.Chart(data).mark_rule(strokeWidth=3).encode(x="at:T", x2="end:T", y="mean:Q", color=colour)
    return [band, line]


def _mark(at: datetime, say: Speech, look: Look, side: Literal["left", "right"]) -> list[alt.Chart]:
    """A line at the moment, with its word beside it: 'since' on the left of the line, 'raised' on its right."""
    ink = palette(look)
    words = say.gettext("since") if side == "right" else say.gettext("raised")
    data = alt.InlineData(values=[{"at": _local(say)(at), "words": words, "y": 100}])
    rule = alt.Chart(data).mark_rule(color=ink.alarm, strokeWidth=1.5).encode(x="at:T")
    mark = alt.Chart(data).mark_text(
        align=side, dx=-4 if side == "right" else 4, dy=-8, color=ink.alarm, fontWeight="bold"
    )
    return [rule, mark.encode(x="at:T", y="y:Q", text="words:N")]


def _local(say: Speech) -> Any:
    """Moments as the axis reads them: local time without a zone, so that ticks fall on the organisation's midnights."""

    def written(at: datetime) -> str:
        return at.astimezone(say.zone).strftime("%Y-%m-%dT%H:%M:%S")

    return written
