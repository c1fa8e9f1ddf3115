"""trends: estimates with their intervals, over time and side by side; comparisons; leagues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from tafol.cli import session
from tafol.cli.screen import say, show

if TYPE_CHECKING:
    from sinks.queries.estimates import Group, Measure, Period, Within
    from sinks.store import Asker
    from tafol.trends.files import FileFormat

DAY: Final = ["%Y-%m-%d"]
SEED: Final = 1
"""Of the draws behind rank intervals: the same question has the same answer."""

By = Annotated[
    str, typer.Option(metavar="WHAT", help="all, channel, site, team, colleague, topic, language, stratum, frame.")
]
Every = Annotated[str, typer.Option("--period", metavar="PERIOD", help="all, day, week, month or quarter.")]
FirstDay = Annotated[datetime | None, typer.Option("--from", formats=DAY, metavar="DAY", help="First day.")]
AfterLast = Annotated[
    datetime | None, typer.Option("--to", formats=DAY, metavar="DAY", help="The day after the last. Default: tomorrow.")
]
What = Annotated[
    str,
    typer.Option(
        "--measure", metavar="WHAT", help="total, criterion, error-class (% without) or distribution (% in each tenth)."
    ),
]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="This criterion or error class. Several: again.")
]
Channels = Annotated[list[str] | None, typer.Option("--channel", help="Of this channel. Several: again.")]
Sites = Annotated[list[str] | None, typer.Option("--site", help="Of this site.")]
Teams = Annotated[list[str] | None, typer.Option("--team", help="Of this team.")]
Colleagues = Annotated[list[str] | None, typer.Option("--colleague", help="Of this colleague.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="On this topic.")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="In this language.")]
Strata = Annotated[list[str] | None, typer.Option("--stratum", help="Of this stratum.")]
Scorecards = Annotated[list[str] | None, typer.Option("--scorecard", help="Scored on this scorecard.")]
Format = Annotated[str, typer.Option("--format", metavar="FORMAT", help="table, csv, json or parquet.")]
Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write here. Parquet needs it.")]
Zone = Annotated[
    str | None,
    typer.Option("--time-zone", help="Days are local days of this zone. Default: the setting desk.time_zone."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(invoke_without_command=True, help="Quality by group and period, with intervals.")
    group.callback()(trends)
    group.command("compare")(compare)
    group.command("league")(league)
    app.add_typer(group, name="trends", rich_help_panel=session.LOOK)


def trends(
    context: typer.Context,
    *,
    by: By = "all",
    period: Every = "week",
    measure: What = "total",
    only: Only = None,
    first: FirstDay = None,
    after_last: AfterLast = None,
    channel: Channels = None,
    site: Sites = None,
    team: Teams = None,
    colleague: Colleagues = None,
    topic: Topics = None,
    language: Languages = None,
    stratum: Strata = None,
    scorecard: Scorecards = None,
    half_width_limit: Annotated[
        float, typer.Option(min=0.1, max=50, help="Points: wider than this either way is too few to say.")
    ] = 10.0,
    time_zone: Zone = None,
    plot: Annotated[bool, typer.Option(help="Draw the lines, up to six of them.")] = True,
    as_format: Format = "table",
    output: Output = None,
) -> None:
    """Show how good the handling was, by group and period: weighted means with 95 % intervals.

    "Too few": fewer than 5 reviewed, or too wide an interval to conclude from. "Provisional": reviews are to come.
    """
    if context.invoked_subcommand is not None:
        return
    from sinks.queries.estimates import MEASURES, Estimate, estimates

    asked = _asked(context, by, period, first, after_last, zone=time_zone)
    wanted = _choose(measure, MEASURES, "--measure")
    form = _form(as_format, output)
    filters = _filters(channel, site, team, colleague, topic, language, stratum, scorecard)
    with session.of(context).store() as store:
        within = _within(store, asked, filters)
        rows = estimates(
            store, within, group_by=asked.by, period=asked.period, measure=wanted,
            measure_ids=_only(store, within, wanted, only), half_width_limit=half_width_limit,
        )  # fmt: skip
    if form != "table":
        _write(rows, form, output, [one.name for one in fields(Estimate)])
        return
    from tafol.cli.trend_tables import show_estimates, show_lines

    if not rows:
        show(f"Nothing was selected or scored from {within.from_day} until {within.to_day}.")
        return
    show_estimates(rows, asked.by, asked.period)
    if plot and asked.period != "all":
        show_lines(rows, wanted)


def compare(
    context: typer.Context,
    groups: Annotated[list[str] | None, typer.Argument(metavar="[ONE OTHER]", help="Two groups, with --by.")] = None,
    *,
    by: By = "team",
    mix_by: Annotated[str, typer.Option(metavar="WHAT", help="Parts of the work: what --by takes.")] = "topic",
    measure: What = "total",
    only: Only = None,
    first: FirstDay = None,
    after_last: AfterLast = None,
    before_first: Annotated[
        datetime | None,
        typer.Option(
            "--before-from",
            formats=DAY,
            metavar="DAY",
            help="First day of the earlier period. Default: as long before --from.",
        ),
    ] = None,
    before_after_last: Annotated[
        datetime | None,
        typer.Option("--before-to", formats=DAY, metavar="DAY", help="The day after its last. Default: --from."),
    ] = None,
    channel: Channels = None,
    site: Sites = None,
    team: Teams = None,
    colleague: Colleagues = None,
    topic: Topics = None,
    language: Languages = None,
    stratum: Strata = None,
    scorecard: Scorecards = None,
    time_zone: Zone = None,
    as_format: Format = "table",
    output: Output = None,
) -> None:
    """Hold two periods, or two groups, against each other: the difference, mix and handling, what drives it.

    Without groups: the days from --from until --to against those before. With two groups: ONE against OTHER of the same
    days, such as `tafol trends compare --by team north south`.
    """
    from datetime import timedelta

    from schemas.errors import ConfigError
    from sinks.queries.comparison import compare as compared
    from sinks.queries.comparison import drivers
    from sinks.queries.estimates import GROUPS, MEASURES
    from tafol.cli.trend_tables import show_comparison

    asked = _asked(context, by, "all", first, after_last, zone=time_zone)
    wanted = _choose(measure, MEASURES, "--measure")
    parts = _choose(mix_by, GROUPS, "--mix-by")
    form = _form(as_format, output)
    filters = _filters(channel, site, team, colleague, topic, language, stratum, scorecard)
    with session.of(context).store() as store:
        if groups:
            one, other = _two_groups(store, asked, filters, groups)
        else:
            other = _within(store, asked, filters)
            after = before_after_last.date() if before_after_last else other.from_day
            start = before_first.date() if before_first else after - (other.to_day - other.from_day)
            if start > after - timedelta(days=1):
                raise ConfigError(f"--before-from {start} is not before --before-to {after}")
            one = replace(other, from_day=start, to_day=after)
        ids = _only(store, other, wanted, only)
        try:
            found = compared(store, one, other, mix_by=parts, measure=wanted, measure_ids=ids)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        driven = drivers(store, one, other) if found is not None and wanted == "total" else ()
    if found is None:
        raise ConfigError("one of the two sides has no reviews: there is nothing to compare")
    if form == "json":
        from tafol.trends.files import as_json

        sides = {"asked": {"before": asdict(one), "after": asdict(other)}}
        _put(as_json({**sides, **asdict(found), "drivers": [asdict(driver) for driver in driven]}), output)
    elif form != "table":
        _write(found.parts, form, output, [])
    else:
        show_comparison(found, driven, parts, (groups[0], groups[1]) if groups else ("before", "after"))


def league(
    context: typer.Context,
    *,
    by: By = "colleague",
    measure: What = "total",
    only: Only = None,
    first: FirstDay = None,
    after_last: AfterLast = None,
    channel: Channels = None,
    site: Sites = None,
    team: Teams = None,
    topic: Topics = None,
    language: Languages = None,
    stratum: Strata = None,
    scorecard: Scorecards = None,
    time_zone: Zone = None,
    as_format: Format = "table",
    output: Output = None,
) -> None:
    """Show colleagues side by side without pretending: means drawn in by what chance explains, and ranks as intervals.

    A rank that goes from 3 to 41 of 50 says that these reviews cannot tell. Meant for support, not for prizes.
    """
    import numpy as np

    from schemas.errors import ConfigError
    from sinks.queries.estimates import MEASURES
    from sinks.queries.league import Standing
    from sinks.queries.league import league as stand
    from tafol.cli.trend_tables import show_league

    asked = _asked(context, by, "all", first, after_last, zone=time_zone)
    wanted = _choose(measure, MEASURES, "--measure")
    form = _form(as_format, output)
    filters = _filters(channel, site, team, None, topic, language, stratum, scorecard)
    with session.of(context).store() as store:
        within = _within(store, asked, filters)
        ids = _only(store, within, wanted, only)
        try:
            found = stand(
                store, within, random=np.random.default_rng(SEED), group_by=asked.by, measure=wanted, measure_ids=ids
            )
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if form != "table":
        _write(found.standings if found else (), form, output, [one.name for one in fields(Standing)])
    elif found is None:
        show(f"Fewer than two {asked.by}s have reviews in these days: there is nothing to hold side by side.")
    else:
        show_league(found, asked.by)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, in the words of the queries."""

    by: Group
    period: Period
    from_day: date
    to_day: date
    time_zone: str


def _asked(
    context: typer.Context,
    by: str,
    period: str,
    first: datetime | None,
    after_last: datetime | None,
    *,
    zone: str | None,
) -> _Asked:
    from schemas.errors import ConfigError
    from sinks.queries.estimates import GROUPS, PERIODS
    from tafol import clock
    from tafol.trends.question import days

    chosen_by, chosen_period = _choose(by, GROUPS, "--by"), _choose(period, PERIODS, "--period")
    name = zone or session.of(context).settings().desk.time_zone
    try:
        today = clock.now().astimezone(ZoneInfo(name)).date()
    except (KeyError, ValueError):
        raise ConfigError(f"--time-zone {name}: no such zone", hint="A name like Europe/London is wanted.") from None
    start, after = days(first and first.date(), after_last and after_last.date(), chosen_period, today)
    return _Asked(chosen_by, chosen_period, start, after, name)


def _choose(given: str, known: Sequence[Any], option: str) -> Any:
    from tafol.trends.question import choose

    return choose(given, known, option)


def _form(given: str, output: Path | None) -> Any:
    from schemas.errors import ConfigError
    from tafol.trends.files import FORMATS

    form = _choose(given, ("table", *FORMATS), "--format")
    if form == "parquet" and output is None:
        raise ConfigError("--format parquet is not for a terminal: give --output FILE")
    if form == "table" and output is not None:
        raise ConfigError("--output takes what --format csv, json or parquet makes, not the table")
    return form


def _filters(*given: list[str] | None) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(one or ()) for one in given)


def _within(store: Asker, asked: _Asked, filters: tuple[tuple[str, ...], ...]) -> Within:
    """Raises ConfigError for a name that is not there."""
    from sinks.queries.estimates import Within
    from tafol.trends.question import FILTERS, check_names

    within = Within(asked.from_day, asked.to_day, asked.time_zone, **dict(zip(FILTERS, filters, strict=True)))
    check_names(store, within)
    return within


def _two_groups(
    store: Asker, asked: _Asked, filters: tuple[tuple[str, ...], ...], groups: list[str]
) -> tuple[Within, Within]:
    from schemas.errors import ConfigError
    from tafol.trends.question import FILTERS, one_of

    name = next((one for one in FILTERS if one_of(one) == asked.by), None)
    if len(groups) != 2 or groups[0] == groups[1] or name is None:
        raise ConfigError("two groups are compared, by channel, site, team, colleague, topic, language or stratum")
    both = _within(store, asked, filters)
    if getattr(both, name):
        raise ConfigError(f"--{asked.by} and two groups by {asked.by} are one too many")
    one, other = (_within(store, asked, _with(filters, FILTERS.index(name), group)) for group in groups)
    return one, other


def _with(filters: tuple[tuple[str, ...], ...], at: int, group: str) -> tuple[tuple[str, ...], ...]:
    return (*filters[:at], (group,), *filters[at + 1 :])


def _only(store: Asker, within: Within, measure: Measure, only: list[str] | None) -> tuple[str, ...]:
    """The measure ids that were asked for. Raises ConfigError for one that is not there."""
    from schemas.errors import ConfigError
    from sinks.queries.estimates import ERROR_CLASSES, estimates
    from tafol.trends.question import meant

    if not only:
        return ()
    if measure == "total":
        raise ConfigError("--only names criteria or error classes: give --measure criterion or error-class with it")
    known: Sequence[str] = ERROR_CLASSES
    if measure != "error_class":
        known = sorted({row.measure_id for row in estimates(store, within, measure=measure)})
    for one in only:
        if one not in known:
            raise ConfigError(f"--only {one}: nothing of that name was scored in these days", hint=meant(one, known))
    return tuple(only)


def _write(rows: Sequence[Any], form: FileFormat, output: Path | None, columns: Sequence[str]) -> None:
    from tafol.trends.files import written

    _put(written(rows, form, columns), output)


def _put(content: bytes, output: Path | None) -> None:
    """To the file, or to stdout. Raises ConfigError when the file cannot be written."""
    import sys

    from schemas.errors import ConfigError

    if output is None:
        sys.stdout.write(content.decode())
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from None
    say(f"Written to {output}.")
