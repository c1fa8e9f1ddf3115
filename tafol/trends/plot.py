"""Estimates as pictures for a terminal: lines over time, and intervals side by side on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import plotext

from sinks.queries.estimates import Estimate

ROWS: Final = 16
WIDEST: Final = 110
MOST_LINES: Final = 6
MARKERS: Final = ("braille", "dot", "hd", "sd", "fhd", "x")
BAR: Final = 28
"""Width of an interval in a table, in characters."""


def lines(rows: Sequence[Estimate], title: str, width: int) -> str | None:
    """Means by period, a line for each series; one series alone with its interval about it. None where there is nothing
    to draw: fewer than two periods, or more than six series.
    """
    series: dict[str, list[Estimate]] = {}
    for row in rows:
        if row.mean_0_100 is not None:
            series.setdefault(name_of(row), []).append(row)
    starts = sorted({row.period_start for of in series.values() for row in of})
    if len(starts) < 2 or not 0 < len(series) <= MOST_LINES:
        return None
    at = {start: number for number, start in enumerate(starts, 1)}
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(min(width, WIDEST), ROWS)
    for marker, (name, of) in zip(MARKERS, sorted(series.items()), strict=False):
        plotext.plot([at[row.period_start] for row in of], [row.mean_0_100 for row in of], label=name, marker=marker)
    if len(series) == 1:
        (of,) = series.values()
        known = [row for row in of if row.lower_0_100 is not None and row.upper_0_100 is not None]
        for end, label in (("lower_0_100", "95 % interval"), ("upper_0_100", None)):
            ends = [getattr(row, end) for row in known]
            plotext.scatter([at[row.period_start] for row in known], ends, label=label, marker="-")
    step = max(1, len(starts) // 8)
    plotext.xticks([at[start] for start in starts[::step]], [_day(start) for start in starts[::step]])
    plotext.title(title)
    picture: str = plotext.build()
    return picture.replace("\x1b[0m", "")


def name_of(row: Estimate) -> str:
    """Group and measure id, as far as there are any."""
    return ", ".join(one for one in (row.group_id, row.measure_id) if one) or "all"


def interval(mean: float, lower: float | None, upper: float | None, scale: tuple[float, float]) -> str:
    """`   ├───●──┤ `: an interval on a scale that the rows of a table share."""
    cells = [" "] * BAR
    low, high = scale
    span = max(high - low, 1e-9)

    def at(value: float) -> int:
        return min(BAR - 1, max(0, round((value - low) / span * (BAR - 1))))

    if lower is not None and upper is not None:
        cells[at(lower) : at(upper) + 1] = "─" * (at(upper) - at(lower) + 1)
        cells[at(lower)], cells[at(upper)] = "├", "┤"
    cells[at(mean)] = "●" if lower is not None else "○"
    return "".join(cells)


def scale_of(ends: Sequence[float]) -> tuple[float, float]:
    """From the lowest to the highest, outwards to whole fives, within 0 to 100 where all are."""
    if not ends:
        return 0.0, 100.0
    low, high = min(ends), max(ends)
    return 5.0 * (low // 5), 5.0 * -(-high // 5)


def _day(day: date) -> str:
    return f"{day:%d %b %y}"
