"""frame preview, plan, verify: a frame held against stored transactions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from tafol.cli import session
from tafol.cli.screen import console, say, show, show_json, show_table

if TYPE_CHECKING:
    from schemas.frame import SamplingFrame
    from sinks.queries.log_of_decisions import Period
    from sinks.store import Asker
    from tafol.frames.plan import RatePlan
    from tafol.frames.trial import Trial
    from tafol.frames.verify import Findings
    from tafol.publish import Published

MINUTES_PER_REVIEW: Final = 20.0
USUAL_DAYS: Final = 28
MOST_DAYS: Final = 400
SHOWN: Final = 20
PLOT_ROWS: Final = 14
HISTORY: Final = re.compile(r"(?P<number>[1-9][0-9]{0,2})(?P<unit>[dw]?)")


def _day(text: str) -> datetime:
    """A day as people type it. Raises BadParameter."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007 - a day of the frame's zone, not an instant
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write for example 2026-11-02") from None


FrameName = Annotated[str, typer.Argument(metavar="FRAME", help="A YAML file, or id:version of a published frame.")]
History = Annotated[str, typer.Option("--history", metavar="SPAN", help="Stored transactions to try it on: 28d, 4w.")]
ReviewerHours = Annotated[
    float | None, typer.Option("--reviewer-hours", min=0.1, help="Hours that reviewers have in a week, all together.")
]
Minutes = Annotated[float, typer.Option("--minutes-per-review", min=0.5, max=480, help="Time for one review.")]
FromDay = Annotated[
    datetime | None,
    typer.Option("--from", parser=_day, metavar="DAY", help="First day, in the frame's time zone; else 28 days ago."),
]
ToDay = Annotated[
    datetime | None, typer.Option("--to", parser=_day, metavar="DAY", help="Day after the last; else tomorrow.")
]


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `frame`."""
    group.command("preview")(preview)
    group.command("plan")(plan)
    group.command("verify")(verify)


def preview(
    context: typer.Context,
    frame: FrameName,
    *,
    history: History = "28d",
    reviewer_hours: ReviewerHours = None,
    minutes_per_review: Minutes = MINUTES_PER_REVIEW,
    as_json: session.Json = False,
) -> None:
    """Show what a frame would have drawn: by stratum, queue, colleague and day; the hours it takes; how exact it is.

    By the pipeline's own strata and draws. Notices are taken as they were judged; all else by this frame.
    """
    from tafol import clock
    from tafol.cli.frames import load

    loaded = load(context, frame)
    period = history_period(history, loaded.frame, clock.now())
    with session.of(context).store() as store:
        trial = tried(store, loaded.frame, period)
    if as_json:
        show_json(_trial_report(trial, reviewer_hours, minutes_per_review))
        return
    if not trial.transactions:
        show(f"No stored transaction ended in the last {trial.days:.0f} days: there is nothing to try it on.")
        return
    _show_trial(loaded.frame, trial)
    _show_hours(trial, reviewer_hours, minutes_per_review)
    if not loaded.has_seed:
        say("The file has no seed yet: sizes are right, but it will not be these very transactions.")


def plan(
    context: typer.Context,
    frame: FrameName,
    *,
    reviewer_hours: Annotated[
        float, typer.Option("--reviewer-hours", min=0.1, help="Hours that reviewers have in a week, all together.")
    ],
    history: History = "28d",
    minutes_per_review: Minutes = MINUTES_PER_REVIEW,
    as_json: session.Json = False,
) -> None:
    """Turn reviewer hours into rates: the shares of the strata that make the overall mean most exact (Neyman).

    Strata that are drawn by rate are planned; quotas stay, and come off the hours first. Sizes and how far scores
    differ come from stored transactions.
    """
    from dataclasses import asdict

    from schemas.errors import ConfigError
    from tafol import clock
    from tafol.cli.frames import load
    from tafol.frames.plan import plan_rates, snippet

    loaded = load(context, frame)
    with session.of(context).store() as store:
        trial = tried(store, loaded.frame, history_period(history, loaded.frame, clock.now()))
    if not trial.eligible:
        raise ConfigError(
            f"no eligible transaction is stored of the last {trial.days:.0f} days: there is nothing to plan by",
            hint="Give a longer --history, or send some transactions first.",
        )
    planned = plan_rates(loaded.frame, trial, reviewer_hours=reviewer_hours, minutes_per_review=minutes_per_review)
    if as_json:
        strata = [asdict(one) | {"items": one.items} for one in planned.strata]
        show_json(asdict(planned) | {"strata": strata, "yaml": snippet(planned)})
        return
    _show_plan(planned)
    show("\nPut these into the frame, as a new version:\n\n" + snippet(planned))


def verify(
    context: typer.Context, *, from_day: FromDay = None, to_day: ToDay = None, as_json: session.Json = False
) -> None:
    """Make every decision of a period again and report what is not as the frame says. Expect nothing.

    Strata, eligibility as far as rows tell, draw numbers, systematic ordinals, quotas, selections. Exit code 1 when
    anything disagrees.
    """
    from tafol import clock, publish
    from tafol.frames.sources import registers_of
    from tafol.frames.verify import verify as verified

    published = publish.read_published(session.of(context).connection())
    zone = zone_of(published, clock.now())
    period = period_of(*days(from_day, to_day, clock.now(), zone), zone)
    with session.of(context).store() as store, _progress("verified") as progress:
        found = verified(store, registers_of(published), period, progress)
    if as_json:
        for one in found.disagreements:
            say(f"{one.transaction_id}: {one.what}: {one.expected} expected, {one.found} found")
        typer.echo(_last_line(found))
    else:
        _show_findings(found)
    raise typer.Exit(1 if found.disagree else 0)


def zone_of(published: Published, now: datetime) -> ZoneInfo:
    """The time zone of the frame that holds now. Raises ConfigError while none is published."""
    from schemas.errors import ConfigError
    from streams.registers import Timeline

    frame = Timeline.of("sampling frame", published.frames).at(now)
    if frame is None:
        raise ConfigError("no sampling frame is published", hint="Publish one: tafol frame publish FILE")
    return frame.zone


def days(from_day: datetime | None, to_day: datetime | None, now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """Local days [first, after the last). Without dates the last 28. Raises BadParameter."""
    after = to_day.date() if to_day else now.astimezone(zone).date() + timedelta(days=1)
    first = from_day.date() if from_day else after - timedelta(days=USUAL_DAYS)
    if first >= after:
        raise typer.BadParameter(
            f"{first} is not before --to {after}, which is the day after the last", param_hint="--from"
        )
    return first, after


def period_of(first: date, after: date, zone: ZoneInfo) -> Period:
    """Event times from the beginning of one local day to the beginning of another."""
    from sinks.queries.log_of_decisions import Period

    starts, ends = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, after))
    return Period(starts, ends)


def history_period(history: str, frame: SamplingFrame, now: datetime) -> Period:
    """The local days before today that `history` names, whole. Raises BadParameter."""
    found = HISTORY.fullmatch(history.strip())
    number = int(found["number"]) * (7 if found["unit"] == "w" else 1) if found else 0
    if not 1 <= number <= MOST_DAYS:
        raise typer.BadParameter(f"{history!r} is no span; write 28d, or 4w", param_hint="--history")
    today = now.astimezone(frame.zone).date()
    return period_of(today - timedelta(days=number), today, frame.zone)


def tried(store: Asker, frame: SamplingFrame, period: Period) -> Trial:
    """A frame tried on stored transactions, with a bar meanwhile. Raises StoreError."""
    from tafol.frames.trial import try_out

    with _progress("tried") as progress:
        return try_out(store, frame, period, progress)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over transactions, on stderr; nothing when that is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    err = console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


def _show_trial(frame: SamplingFrame, trial: Trial) -> None:
    from tafol.frames import words

    excluded = trial.excluded.total()
    show(
        f"{trial.transactions:,} transactions in {trial.days:.0f} days; {excluded:,} may not be reviewed, "
        f"{trial.eligible:,} eligible, {len(trial.drawn):,} drawn, {trial.items:,} reviews.\n"
    )
    weeks = trial.days / 7
    rows = [
        (
            one.name,
            words.draw(frame.stratum(one.name)),
            f"{one.eligible / weeks:,.0f}",
            f"{one.drawn / weeks:,.1f}",
            f"{one.expected / weeks:,.1f}",
            f"{one.deviation:.1f}" + ("" if one.observed else " *"),
        )
        for one in trial.strata.values()
    ]
    show_table(
        ("stratum", "draw", "a week", "drawn", "expected", "scores differ"),
        rows,
        numbers=("a week", "drawn", "expected", "scores differ"),
    )
    if any(not one.observed for one in trial.strata.values()):
        show("* too few scores of this stratum: those of all strata together, or 15 points where there are none")
    for title, counted in (("overlay", trial.overlays), ("queue", trial.queues)):
        if counted:
            show("")
            show_table(
                (title, "reviews a week"), [(name, f"{n / weeks:.1f}") for name, n in counted.most_common()],
                numbers=("reviews a week",),
            )  # fmt: skip
    _show_colleagues(trial)
    _show_teams(trial)
    show(_plot(trial))


def _show_colleagues(trial: Trial) -> None:
    if not trial.colleagues:
        return
    weeks = trial.days / 7
    ordered = trial.colleagues.most_common()
    middle = ordered[len(ordered) // 2][1] / weeks
    show(
        f"\n{len(ordered)} colleagues are reviewed; a week: {ordered[-1][1] / weeks:.1f} at least, {middle:.1f} in the "
        f"middle, {ordered[0][1] / weeks:.1f} at most ({ordered[0][0]})."
    )


def _show_teams(trial: Trial) -> None:
    rows = [
        (
            one.team_id,
            f"{one.expected:.0f}",
            "too few" if one.half_width is None else f"± {one.half_width:.1f}",
            "too few" if one.smallest_drop is None else f"{one.smallest_drop:.1f}",
            f"{one.uncovered / one.eligible:.0%}" if one.eligible else "-",
        )
        for one in trial.teams[:SHOWN]
    ]
    columns = ("team, in a month", "drawn", "mean, 95 %", "drop that is found", "without any draw")
    show("")
    show_table(columns, rows, numbers=columns[1:])
    if len(trial.teams) > SHOWN:
        show(f"and {len(trial.teams) - SHOWN} more teams (--json has all)")
    show("Points of 100. A drop from one month to the next that large is found with a chance of 80 % (one-sided, 5 %).")


def _show_hours(trial: Trial, reviewer_hours: float | None, minutes: float) -> None:
    needed = trial.items_per_week * minutes / 60
    sentence = f"{trial.items_per_week:.0f} reviews a week at {minutes:g} minutes are {needed:.1f} hours"
    if reviewer_hours is None:
        show(f"{sentence} (--reviewer-hours compares them with what there is).")
    elif needed <= reviewer_hours:
        show(f"{sentence}; {reviewer_hours:g} are there: it fits.")
    else:
        show(
            f"{sentence}; {reviewer_hours:g} are there: {needed - reviewer_hours:.1f} TOO FEW (tafol frame plan helps)."
        )


def _plot(trial: Trial) -> str:
    import plotext

    ordered = sorted(trial.by_day)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(min(console().width, 96), PLOT_ROWS)
    plotext.bar([f"{day:%d %b}" for day in ordered], [trial.by_day[day] for day in ordered])
    plotext.title("Reviews by day")
    picture: str = plotext.build()
    return f"\n{picture}"


def _trial_report(trial: Trial, reviewer_hours: float | None, minutes: float) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "days": trial.days,
        "transactions": trial.transactions,
        "excluded": dict(trial.excluded),
        "eligible": trial.eligible,
        "drawn": len(trial.drawn),
        "reviews": trial.items,
        "reviews_per_week": trial.items_per_week,
        "hours_per_week": trial.items_per_week * minutes / 60,
        "reviewer_hours": reviewer_hours,
        "strata": [asdict(one) for one in trial.strata.values()],
        "overlays": dict(trial.overlays),
        "queues": dict(trial.queues),
        "colleagues": dict(trial.colleagues),
        "days_reviews": {day.isoformat(): n for day, n in sorted(trial.by_day.items())},
        "teams": [asdict(one) for one in trial.teams],
    }


def _show_plan(planned: RatePlan) -> None:
    from tafol.frames.precision import half_width

    rows = [
        (
            one.name,
            f"{one.eligible:,.0f}",
            f"{one.deviation:.1f}" + ("" if one.observed else " *"),
            one.now,
            f"{one.items_now:.1f}",
            "stays" if one.rate is None else f"{100 * one.rate:g} %",
            f"{one.items:.1f}",
        )
        for one in planned.strata
    ]
    columns = ("stratum", "a week", "scores differ", "now", "items now", "planned", "items")
    show_table(columns, rows, numbers=("a week", "scores differ", "items now", "planned", "items"))
    if any(not one.observed for one in planned.strata):
        show("* too few scores of this stratum: those of all strata together, or 15 points where there are none")
    now = "not known (a stratum has no draw)" if planned.error_now is None else f"± {half_width(planned.error_now):.2f}"
    show(
        f"\n{planned.reviews_planned:.0f} reviews a week of the {planned.reviews:.0f} that the hours allow"
        + (f", {planned.copies:.2f} for each transaction" if planned.copies > 1 else "")
        + f". The mean of a week: {now} points now, ± {half_width(planned.error_planned):.2f} as planned."
    )
    if planned.unseen:
        show(f"Not seen in the period, so left as they are: {', '.join(planned.unseen)}.")


def _show_findings(found: Findings) -> None:
    rows = [(one.transaction_id, one.what, one.expected, one.found) for one in found.disagreements]
    if rows:
        show_table(("transaction", "what", "expected", "found"), rows, whole=("transaction",))
        if found.disagree > len(rows):
            show(f"and {found.disagree - len(rows):,} more")
    windows = f", {found.windows:,} windows of quotas and caps" if found.windows else ""
    show(f"{found.checked:,} transactions{windows} checked, {found.disagree:,} disagree.")
    for why, count in sorted(found.untold.items()):
        show(f"Could not be told of {count:,}: {why}.")


def _last_line(found: Findings) -> str:
    import json

    untold = dict(sorted(found.untold.items()))
    return json.dumps(
        {"checked": found.checked, "disagree": found.disagree, "windows": found.windows, "untold": untold}
    )
