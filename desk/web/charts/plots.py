"""How the figures of the trend pages are drawn: rows of plain values in, Vega-Lite out. No words are made here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import altair as alt

from desk.web.charts.drawing import LINES, Palette, palette, width, wrapped
from desk.web.charts.figure import Look, Size
from desk.web.language import NO_NUMBER

COLUMNS: Final[dict[Size, int]] = {"narrow": 1, "middle": 2, "wide": 3}
"""Small multiples beside each other."""
GAP_PX: Final = 60
LABELS_PX: Final[dict[Size, int]] = {"narrow": 90, "middle": 200, "wide": 290}
"""What the names beside a plot take of its width."""
STEP_PX: Final[dict[Size, int]] = {"narrow": 46, "middle": 34, "wide": 34}
TICK_PX: Final = 78
"""What a day takes under an axis."""
CROWD: Final = 40
CROWDED_PX: Final = 18
"""A line of more than CROWD: names of people are short."""
CELL_PX: Final = 30
"""A cell of a heat map that is narrower holds no number."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One estimate in a list: its interval, and whether enough reviews stand behind it."""

    name: str
    mean: float | None
    low: float | None
    high: float | None
    sure: bool
    tone: str = "main"
    """main, good, alarm or quiet: a colour of the palette."""


@dataclass(frozen=True, slots=True)
class Point:
    """One estimate in time. `group`: in words; empty where there is one line."""

    group: str
    day: date
    mean: float | None
    low: float | None
    high: float | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A mark on a line: an alert."""

    group: str
    day: date
    words: str


@dataclass(frozen=True, slots=True)
class Axes:
    """Of a plot in time: the format of days, the name of the scale, the mean of all that is compared with."""

    days: str
    scale: str
    overall: float | None


def lines(points: Sequence[Point], marks: Sequence[Moment], axes: Axes, look: Look) -> dict[str, Any]:
    """Lines with interval bands; several groups as small multiples with the same scales."""
    groups = list(dict.fromkeys(one.group for one in points))
    many = groups != [""]
    ink = palette(look)
    columns = min(COLUMNS[look.size], max(1, len(groups)))
    plot = (width(look) - GAP_PX * (columns - 1)) // columns if many else width(look)
    low, high = _domain(points, axes.overall)
    rows = [*_rows(points), *_overall(groups, axes), *_moments(marks, groups, high)]
    days = sorted({one.day for one in points})
    ticks = [_at(day) for day in days[:: max(1, math.ceil(len(days) * TICK_PX / plot))]]
    x = alt.X("at:T").title(None).scale(padding=12).axis(format=axes.days, values=ticks, grid=False)
    scale = alt.Scale(domain=[low, high])
    y = alt.Y("mean:Q").title(axes.scale if not many else None).scale(scale).axis(tickCount=5)
    base = alt.Chart(height=150 if many else 260, width=plot).encode(x=x)
    kept = base.transform_filter("datum.kind == 'estimate'")
    sure = kept.transform_filter("datum.sure")
    run = alt.Detail("run:N")
    layers = [
        base.transform_filter("datum.kind == 'overall'")
        .mark_rule(color=ink.soft, strokeDash=[6, 4], clip=True)
        .encode(x=alt.value(0), x2=alt.value(plot), y=alt.Y("mean:Q").scale(scale)),
        sure.mark_area(color=ink.main, opacity=0.2, clip=True).encode(
            y=alt.Y("low:Q").scale(scale), y2="high:Q", detail=run
        ),
        kept.transform_filter("!datum.sure || datum.alone")
        .mark_rule(strokeWidth=2, opacity=0.7, clip=True)
        .encode(y=alt.Y("low:Q").scale(scale), y2="high:Q", color=_tone(ink)),
        sure.mark_line(color=ink.main, strokeWidth=2.5, clip=True).encode(y=y, detail=run),
        sure.mark_point(filled=True, color=ink.main, size=45, opacity=1, clip=True).encode(y=y),
        kept.transform_filter("!datum.sure && isValid(datum.mean)")
        .mark_point(filled=True, fill=ink.ground, stroke=ink.quiet, strokeWidth=1.5, size=45, opacity=1, clip=True)
        .encode(y=y),
        base.transform_filter("datum.kind == 'mark'").mark_rule(color=ink.alarm, strokeWidth=1.5),
        base.transform_filter("datum.kind == 'mark'")
        .mark_text(align="right", dx=-4, dy=8, color=ink.alarm, fontWeight="bold")
        .encode(y=alt.Y("mean:Q").scale(scale), text="words:N"),
    ]
    chart = alt.layer(*layers)
    data = alt.InlineData(values=rows)
    if not many:
        return _drawn(chart.properties(data=data))
    header = alt.Header(labelAnchor="start", labelExpr=LINES)
    facet = alt.Facet("group:N").title(None).sort(groups).header(header)
    return _drawn(chart.facet(facet, columns=columns, data=data, spacing=GAP_PX // 2))


def dots(found: Sequence[Dot], reference: float | None, look: Look, scale: str) -> dict[str, Any]:
    """One under the other with their intervals, the number beside each; `reference` as a line through all."""
    ink = palette(look)
    rows = [
        {
            "name": wrapped(one.name, look), "place": place, "mean": one.mean, "low": one.low, "high": one.high,
            "tone": one.tone if one.sure else "quiet", "sure": one.sure,
        }
        for place, one in enumerate(found)
    ]  # fmt: skip
    ends = [value for one in found for value in (one.low, one.high, one.mean) if value is not None]
    low = 0.0 if not ends else max(0.0, 5.0 * math.floor(min(ends) / 5.0))
    high = 100.0 if not ends else min(100.0, 5.0 * math.ceil(max(ends) / 5.0))
    y = alt.Y("name:N").sort(None).title(None).axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES)
    domain = alt.Scale(domain=[low, max(high, low + 5)])
    ticks = alt.Axis(tickCount=3 if look.narrow else 8)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    x = alt.X("low:Q").title(scale).scale(domain).axis(ticks)
    interval = base.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q", color=_tones(ink))
    dot = (
        base.transform_filter("datum.sure")
        .mark_point(filled=True, size=100, opacity=1)
        .encode(x=alt.X("mean:Q").scale(domain), color=_tones(ink))
    )
    hollow = (
        base.transform_filter("!datum.sure && isValid(datum.mean)")
        .mark_point(filled=True, fill=ink.ground, stroke=ink.quiet, strokeWidth=2, size=90, opacity=1)
        .encode(x=alt.X("mean:Q").scale(domain))
    )
    layers: list[alt.Chart] = [interval, dot, hollow]
    if reference is not None:
        line = alt.Chart(alt.InlineData(values=[{"x": reference}]))
        layers.insert(0, line.mark_rule(color=ink.soft, strokeDash=[6, 4]).encode(x=alt.X("x:Q").scale(domain)))
    plot = width(look) - LABELS_PX[look.size]
    step = STEP_PX[look.size] if len(found) <= CROWD else CROWDED_PX
    return _drawn(alt.layer(*layers).properties(width=plot, height=alt.Step(step)))


def changes(found: Sequence[Dot], look: Look, scale: str) -> dict[str, Any]:
    """Differences with their intervals, one under the other, about a line at zero: what surely fell stands out."""
    ink = palette(look)
    rows = [
        {"name": wrapped(one.name, look), "mean": one.mean, "low": one.low, "high": one.high, "tone": one.tone}
        for one in found
    ]
    y = alt.Y("name:N").sort(None).title(None).axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    x = alt.X("low:Q").title(scale).axis(tickCount=4 if look.narrow else 8)
    interval = base.mark_rule(strokeWidth=3).encode(x=x, x2="high:Q", color=_tones(ink))
    dot = base.mark_point(filled=True, size=90, opacity=1).encode(x="mean:Q", color=_tones(ink))
    zero = alt.Chart(alt.InlineData(values=[{"x": 0}])).mark_rule(color=ink.ink).encode(x="x:Q")
    plot = width(look) - LABELS_PX[look.size]
    return _drawn(alt.layer(zero, interval, dot).properties(width=plot, height=alt.Step(STEP_PX[look.size])))


def shares(found: Sequence[tuple[str, str, float]], tones: Sequence[str], look: Look, scale: str) -> dict[str, Any]:
    """(name, kind, signed amount) as bars about a line at zero, the kinds of a name under each other.

    `tones`: the two kinds in words, as they are drawn in main and quiet.
    """
    ink = palette(look)
    rows = [{"name": wrapped(name, look), "kind": kind, "amount": amount} for name, kind, amount in found]
    colour = alt.Color("kind:N").title(None).scale(domain=list(tones), range=[ink.main, ink.quiet])
    base = alt.Chart(alt.InlineData(values=rows))
    bar = base.mark_bar(height=11).encode(
        y=alt.Y("name:N").sort(None).title(None).axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES),
        yOffset=alt.YOffset("kind:N").sort(list(tones)),
        x=alt.X("amount:Q").title(scale).axis(tickCount=4 if look.narrow else 8),
        color=colour.legend(orient="bottom", direction="vertical" if look.narrow else "horizontal"),
    )
    zero = alt.Chart(alt.InlineData(values=[{"x": 0}])).mark_rule(color=ink.ink).encode(x="x:Q")
    plot = width(look) - LABELS_PX[look.size]
    height = STEP_PX[look.size] * max(1, len({name for name, _, _ in found}))
    return _drawn(alt.layer(bar, zero).properties(width=plot, height=height))


def heat(cells: Sequence[tuple[str, str, float | None]], look: Look, scale: str) -> dict[str, Any]:
    """(row, column, 0 to 100 or None where too few stand behind it): orange below the middle of all, blue above."""
    ink = palette(look)
    known = [value for _, _, value in cells if value is not None]
    middle = sorted(known)[len(known) // 2] if known else 50.0
    spread = max([10.0, *(abs(value - middle) for value in known)])
    columns = list(dict.fromkeys(column for _, column, _ in cells))
    rows = [
        {
            "row": wrapped(row, look),
            "column": column,
            "value": value,
            "words": NO_NUMBER if value is None else f"{value:.0f}",
        }
        for row, column, value in cells
    ]
    plot = width(look) - LABELS_PX[look.size]
    cell = max(18, min(110, plot // max(1, len(columns))))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("column:N").sort(None).title(None).axis(orient="top", labelAngle=-40, ticks=False, domain=False),
        y=alt.Y("row:N").sort(None).title(None).axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES),
    )
    colours = alt.Scale(
        domain=[middle - spread, middle, middle + spread], range=list(ink.heat), clamp=True, interpolate="rgb"
    )
    legend = alt.Legend(title=scale, orient="bottom", gradientLength=min(200, plot), format=".0f")
    filled = base.transform_filter("isValid(datum.value)").mark_rect(stroke=ink.ground, strokeWidth=2)
    layers = [filled.encode(color=alt.Color("value:Q").scale(colours).legend(legend))]
    if cell >= CELL_PX:
        layers.append(base.mark_text(color=ink.ink).encode(text="words:N"))
    step = alt.Step(cell)
    return _drawn(alt.layer(*layers).properties(width=step, height=alt.Step(STEP_PX[look.size])))


def bars(found: Sequence[Dot], look: Look, scale: str) -> dict[str, Any]:
    """Upright bars with their intervals."""
    ink = palette(look)
    rows = [
        {"name": one.name, "mean": one.mean, "low": one.low, "high": one.high} for one in found if one.mean is not None
    ]
    angle = -60 if look.narrow else 0
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("name:N").sort(None).title(None).axis(labelAngle=angle, ticks=False)
    )
    bar = base.mark_bar(color=ink.main, opacity=0.75).encode(y=alt.Y("mean:Q").title(scale))
    interval = base.mark_rule(color=ink.ink, strokeWidth=1.5).encode(y="low:Q", y2="high:Q")
    return _drawn(alt.layer(bar, interval).properties(width=width(look), height=190))


def funnel(steps: Sequence[tuple[str, int, str]], look: Look) -> dict[str, Any]:
    """(name, number, number in words), one bar under the other, all from the same beginning."""
    ink = palette(look)
    rows = [{"name": wrapped(name, look), "number": number, "words": words} for name, number, words in steps]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N").sort(None).title(None).axis(ticks=False, domain=False, labelPadding=8, labelExpr=LINES),
        x=alt.X("number:Q").title(None).axis(None),
    )
    bar = base.mark_bar(color=ink.main, opacity=0.8, height=18)
    words = base.mark_text(align="left", dx=6, color=ink.ink).encode(text="words:N")
    plot = width(look) - LABELS_PX[look.size] - (50 if look.narrow else 0)
    return _drawn(alt.layer(bar, words).properties(width=plot, height=alt.Step(STEP_PX[look.size])))


def _rows(points: Sequence[Point]) -> list[dict[str, object]]:
    """Points with the run that each belongs to: a line is broken where a period is missing or too little is known."""
    rows: list[dict[str, object]] = []
    for group in dict.fromkeys(one.group for one in points):
        run, before = 0, False
        mine = [one for one in points if one.group == group]
        for one, after in zip(mine, [*mine[1:], None], strict=True):
            run += one.sure and not before
            rows.append(
                {
                    "kind": "estimate", "group": group, "at": _at(one.day), "mean": one.mean, "low": one.low,
                    "high": one.high, "sure": one.sure, "run": run, "tone": "main" if one.sure else "quiet",
                    "alone": one.sure and not before and (after is None or not after.sure),
                }
            )  # fmt: skip
            before = one.sure
    return rows


def _at(day: date) -> str:
    """Midnight without a zone: Vega reads it as it shows it."""
    return f"{day}T00:00:00"


def _overall(groups: Sequence[str], axes: Axes) -> list[dict[str, object]]:
    if axes.overall is None:
        return []
    return [{"kind": "overall", "group": group, "mean": axes.overall} for group in groups]


def _moments(marks: Sequence[Moment], groups: Sequence[str], high: float) -> list[dict[str, object]]:
    return [
        {"kind": "mark", "group": one.group, "at": _at(one.day), "mean": high, "words": one.words}
        for one in marks
        if one.group in groups
    ]


def _domain(points: Sequence[Point], overall: float | None) -> tuple[float, float]:
    """Tens around the intervals of what is sure and the means of the rest."""
    ends = [value for one in points if one.sure for value in (one.low, one.high) if value is not None]
    ends += [one.mean for one in points if one.mean is not None]
    ends += [] if overall is None else [overall]
    if not ends:
        return 0.0, 100.0
    low, high = 10.0 * math.floor(min(ends) / 10.0), 10.0 * math.ceil(max(ends) / 10.0)
    return max(0.0, low if high - low >= 20 else high - 20), min(100.0, high)


def _tone(ink: Palette) -> alt.Color:
    return alt.Color("tone:N").scale(domain=["main", "quiet"], range=[ink.main, ink.quiet]).legend(None)


def _tones(ink: Palette) -> alt.Color:
    tones = {"main": ink.main, "good": ink.good, "alarm": ink.alarm, "quiet": ink.quiet}
    return alt.Color("tone:N").scale(domain=list(tones), range=list(tones.values())).legend(None)


def _drawn(chart: Any) -> dict[str, Any]:
    drawn: dict[str, Any] = chart.to_dict()
    return drawn
