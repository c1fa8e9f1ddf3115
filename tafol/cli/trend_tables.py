"""Estimates, comparisons and leagues as tables and pictures on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tafol.cli.screen import console, say, show, show_table

if TYPE_CHECKING:
    from sinks.queries.comparison import Comparison, Driver, Part, Side
    from sinks.queries.domains import Interval
    from sinks.queries.estimates import Estimate, Group, Measure, Period
    from sinks.queries.league import League

NOTHING: Final = "-"
PARTS_SHOWN: Final = 10
LEAGUE_SCALE_WIDTH: Final = 100
"""Columns of a terminal below which intervals are given in numbers alone."""
TITLES: Final[dict[Measure, str]] = {
    "total": "Mean score, 0 to 100",
    "criterion": "Mean score by criterion, 0 to 100",
    "error_class": "Per cent of transactions without a critical error",
    "distribution": "Per cent of transactions in each tenth of the scale",
}


def show_estimates(rows: Sequence[Estimate], by: Group, period: Period) -> None:
    """A table: mean, interval, what it rests on, and what to mind."""
    from tafol.trends.plot import interval, scale_of

    ends = [end for row in rows for end in (row.lower_0_100, row.upper_0_100, row.mean_0_100) if end is not None]
    scale = scale_of(ends)
    picture = f"{scale[0]:g} to {scale[1]:g}"
    columns = [
        *([by] if by != "all" else []), *(["measure"] if any(row.measure_id for row in rows) else []),
        *(["from"] if period != "all" else []), "mean", "95 % interval",
        *([picture] if console().width >= LEAGUE_SCALE_WIDTH else []), "reviewed", "of", "response", "mind",
    ]  # fmt: skip
    cells = []
    for row in rows:
        known = {
            by: row.group_id or NOTHING,
            "measure": row.measure_id,
            "from": f"{row.period_start:%Y-%m-%d}",
            "mean": NOTHING if row.mean_0_100 is None else f"{row.mean_0_100:.1f}",
            "95 % interval": between(row.lower_0_100, row.upper_0_100),
            "reviewed": f"{row.reviewed:,}",
            "of": f"{row.eligible:,}",
            "response": NOTHING if row.response_rate is None else f"{row.response_rate:.0%}",
            "mind": ", ".join(mind(row)),
        }
        if row.mean_0_100 is not None:
            known[picture] = interval(row.mean_0_100, row.lower_0_100, row.upper_0_100, scale)
        cells.append([known.get(column, "") for column in columns])
    show_table(columns, cells, numbers=("mean", "reviewed", "of", "response"), whole=("from", picture, "95 % interval"))


def show_lines(rows: Sequence[Estimate], measure: Measure) -> None:
    """The means over time, or a word on why there are none."""
    from tafol.trends.plot import MOST_LINES, lines

    picture = lines(rows, TITLES[measure], console().width)
    if picture is not None:
        show("")
        show(picture)
    elif len({(row.group_id, row.measure_id) for row in rows}) > MOST_LINES:
        say(f"More than {MOST_LINES} lines cannot be told apart: filter, and they are drawn.")


def show_comparison(found: Comparison, driven: Sequence[Driver], parts: Group, names: tuple[str, str]) -> None:
    """Both sides, the difference, mix and handling, what the parts and the criteria add."""
    show_table(
        ("", "mean", "95 % interval", "reviewed", "of"),
        [
            _side(names[0], found.before),
            _side(names[1], found.after),
            ("difference", f"{found.change.value:+.1f}", signed(found.change), "", ""),
            ("  mix: other work", f"{found.mix:+.1f}", "", "", ""),
            ("  within: handled otherwise", f"{found.within:+.1f}", "", "", ""),
        ],
        numbers=("mean", "reviewed", "of"),
        whole=("", "95 % interval"),
    )
    show(conclusion(found))
    show("")
    show_table(
        (parts, f"share {names[0]}", f"share {names[1]}", f"mean {names[0]}", f"mean {names[1]}", "mix", "within"),
        [_part(part) for part in found.parts[:PARTS_SHOWN]],
        numbers=(f"share {names[0]}", f"share {names[1]}", f"mean {names[0]}", f"mean {names[1]}", "mix", "within"),
    )
    if len(found.parts) > PARTS_SHOWN:
        show(f"and {len(found.parts) - PARTS_SHOWN} more, which add less (--format csv has them all)")
    if driven:
        show("")
        show_table(
            ("criterion", names[0], names[1], "difference", "95 % interval", "mind"),
            [
                (
                    one.criterion, f"{one.before.mean.value:.1f}", f"{one.after.mean.value:.1f}",
                    f"{one.change.value:+.1f}", signed(one.change), "too few" if one.too_few else "",
                )
                for one in driven
            ],
            numbers=(names[0], names[1], "difference"),
            whole=("95 % interval",),
        )  # fmt: skip


def show_league(found: League, by: Group) -> None:
    """Best guesses with their intervals, and ranks as intervals."""
    from tafol.trends.plot import interval, scale_of

    scale = scale_of([end for one in found.standings for end in (one.lower, one.upper)])
    picture = f"{scale[0]:g} to {scale[1]:g}"
    wide = console().width >= LEAGUE_SCALE_WIDTH
    columns = (
        by, "best guess", "95 % interval", *((picture,) if wide else ()), "own mean", "reviewed", "rank", "verdict",
    )  # fmt: skip
    rows = []
    for one in found.standings:
        drawn = (interval(one.drawn_in, one.lower, one.upper, scale),) if wide else ()
        rows.append(
            (
                one.group_id, f"{one.drawn_in:.1f}", between(one.lower, one.upper), *drawn, f"{one.mean:.1f}",
                str(one.reviewed), f"{one.best_rank} to {one.worst_rank} of {one.of}", one.verdict,
            )
        )  # fmt: skip
    show_table(columns, rows, numbers=("best guess", "own mean", "reviewed"), whole=(picture, "95 % interval", "rank"))
    show(
        f"The mean of all is {found.mean:.1f}. True means differ by about {found.between:.1f} (standard deviation), "
        f"transactions of one {by} by about {found.within:.1f}."
    )


def mind(row: Estimate) -> list[str]:
    """What must be said with a number."""
    said = ["too few to say"] if row.too_few else []
    if row.awaiting:
        said.append(f"provisional: {row.awaiting} to come")
    elif row.provisional:
        said.append("provisional: counts to come")
    if row.joins:
        said.append(f"{row.joins} cell{'s' if row.joins > 1 else ''} joined")
    return said


def conclusion(found: Comparison) -> str:
    """One sentence that says no more than the interval does."""
    lower, upper = found.change.lower, found.change.upper
    if found.too_few or lower is None or upper is None:
        return "Too few reviews to say."
    if lower > 0 or upper < 0:
        return f"That is a {'rise' if lower > 0 else 'fall'} beyond chance (95 %)."
    return "Chance alone may make such a difference."


def between(lower: float | None, upper: float | None) -> str:
    """An interval in numbers."""
    return NOTHING if lower is None or upper is None else f"{lower:.1f} to {upper:.1f}"


def signed(one: Interval) -> str:
    """The interval of a difference in numbers."""
    return NOTHING if one.lower is None or one.upper is None else f"{one.lower:+.1f} to {one.upper:+.1f}"


def _side(name: str, side: Side) -> tuple[str, ...]:
    interval = between(side.mean.lower, side.mean.upper)
    return (name, f"{side.mean.value:.1f}", interval, f"{side.reviewed:,}", f"{side.eligible:,}")


def _part(part: Part) -> tuple[str, ...]:
    means = (part.mean_before, part.mean_after)
    return (
        part.name or NOTHING, f"{part.share_before:.1%}", f"{part.share_after:.1%}",
        *(NOTHING if mean is None else f"{mean:.1f}" for mean in means), f"{part.mix:+.2f}", f"{part.within:+.2f}",
    )  # fmt: skip
