"""status, doctor: what is going on, and what is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tafol.cli import session
from tafol.cli.screen import console, say, show, show_json, show_table, show_verdict

if TYPE_CHECKING:
    from sinks.queries.coverage import Counts, Coverage
    from tafol.settings import Settings
    from tafol.status import GroupLag, Status

WATCH_EVERY_S: Final = 2.0
NOTHING_TO_SAY: Final = 1
COUNTED: Final = (
    "read", "repeats", "rejected", "excluded", "eligible", "under_none", "not_selected", "selected", "pending", "late",
    "reviewed", "skipped", "expired", "shed", "withdrawn", "awaiting",
)  # fmt: skip
BY_REASON: Final = ("rejected", "excluded")
CALLED: Final = {"under_none": "  of these under none"}
"""Other words than the measure's own."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=session.LOOK)(status)
    app.command(rich_help_panel=session.LOOK)(doctor)


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds, until Ctrl-C.")] = False,
    as_json: session.Json = False,
) -> None:
    """Show what became of every transaction, whether the counts reconcile, and how far behind each part is.

    Exit code 1 when neither ClickHouse nor Kafka could be asked.
    """
    from tafol import clock
    from tafol.status import gather

    settings = session.of(context).settings()
    while watch:
        found = gather(settings, clock.now())
        if not as_json:
            console().clear()
        _show(found, clock.now(), settings, as_json=as_json)
        clock.sleep_s(WATCH_EVERY_S)
    found = gather(settings, clock.now())
    _show(found, clock.now(), settings, as_json=as_json)
    raise typer.Exit(NOTHING_TO_SAY if found.coverage is None and found.lag is None else 0)


def doctor(context: typer.Context, as_json: session.Json = False) -> None:
    """Look at everything this installation rests on: what is wrong, and what to do. Changes nothing.

    Exit code 1 when something fails; warnings alone are 0.
    """
    from tafol import clock
    from tafol.doctor import examine, worst

    findings = examine(session.of(context).settings(), clock.now)
    if as_json:
        show_json({"verdict": worst(findings), "findings": [one._asdict() for one in findings]})
    else:
        for one in findings:
            show_verdict(one.verdict, f"{one.name}: {one.found}", one.cure)
        bad = sum(one.verdict == "fail" for one in findings)
        so_so = sum(one.verdict == "warn" for one in findings)
        show(f"\n{bad} failed, {so_so} warning(s), {len(findings) - bad - so_so} ok.")
    raise typer.Exit(1 if worst(findings) == "fail" else 0)


def _show(found: Status, now: datetime, settings: Settings, *, as_json: bool) -> None:
    from tafol.status import report

    if as_json:
        show_json(report(found, now))
        return
    if found.coverage is not None:
        _show_coverage(found.coverage)
    if found.lag is not None:
        _show_lag(found.lag)
    if found.written_at:
        oldest = max((now - at).total_seconds() for at in found.written_at.values())
        newest = min((now - at).total_seconds() for at in found.written_at.values())
        show(
            f"\nLast rows stored {max(0.0, newest):.0f} s ago (the topic that waits longest: {max(0.0, oldest):.0f} s)."
        )
    if found.workers:
        show_table(("worker", "process", "address"), [(one.role, str(one.pid), one.url) for one in found.workers])
    else:
        show(f"\nNo worker runs from {settings.data_dir}.")
    for problem in dict.fromkeys(str(error) for error in found.problems.values()):
        say(f"\n{problem}")


def _show_coverage(covered: Coverage) -> None:
    from schemas.base import CHANNELS

    columns: dict[str, Counts | None] = {
        "total": covered.total,
        **{name: covered.by_channel.get(name) for name in CHANNELS},
    }
    rows = []
    for measure in COUNTED:
        name = CALLED.get(measure, measure.replace("_", " "))
        rows.append((name, *(_number(counts, measure) for counts in columns.values())))
        if measure in BY_REASON:
            for reason in getattr(covered.total, measure):
                cells = (_number(counts, measure, reason) for counts in columns.values())
                rows.append((f"  {reason.replace('_', ' ')}", *cells))
    names = ("", *(name.replace("_", " ") for name in columns))
    show_table(names, rows, numbers=names[1:])
    if covered.total.under_none:
        show(
            f"\n{covered.total.share_under_none:.1%} of the eligible is under the method none: nothing is drawn there, "
            "and no estimate speaks for it."
        )
    if covered.reconciles:
        show(
            "\nThe counts reconcile." + ("" if covered.rows_compared else " (Rows past their retention: counts alone.)")
        )
        return
    show("\nThe counts do not reconcile (while data flows, a table that lags behind shows here):")
    rows = [(one.channel.replace("_", " "), one.what, str(one.expected), str(one.found)) for one in covered.differences]
    show_table(("channel", "what", "expected", "found"), rows, numbers=("expected", "found"))


def _number(counts: Any, measure: str, reason: str | None = None) -> str:
    if counts is None:
        return "0"
    value = getattr(counts, measure)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{sum(value.values()) if reason is None else value.get(reason, 0):,}"


def _show_lag(lags: dict[str, GroupLag]) -> None:
    rows = []
    for group, lag in lags.items():
        rows.append(
            (group, "", f"{lag.total:,}", "nobody ever joined" if lag.state == "absent" else f"{lag.members} member(s)")
        )
        for topic, by_partition in lag.partitions.items():
            behind = sum(by_partition.values())
            if behind:
                worst = max(by_partition, key=by_partition.__getitem__)
                rows.append(("", topic, f"{behind:,}", f"most in partition {worst}: {by_partition[worst]:,}"))
    show("")
    show_table(("consumer group", "topic", "behind", ""), rows, numbers=("behind",))
