"""detect: alerts and what to do about them, trying detection out on stored scores, agreeing references."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tafol.cli import session
from tafol.cli.screen import console, say, show, show_json, show_table

if TYPE_CHECKING:
    from schemas.detector import Detectors
    from tafol.detect.backtest import Alarm, Backtest

SettingsFile = Annotated[
    Path | None,
    typer.Option("--detectors", metavar="FILE", help="YAML; see tafol/examples. Default: what is published."),
]
AlertName = Annotated[str, typer.Argument(metavar="ALERT", help="Its id in quotes, or how it begins or ends.")]
By = Annotated[str, typer.Option(help="Who: an id, not a name.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
Zone = Annotated[str, typer.Option("--time-zone", help="Days are local days of this zone.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(no_args_is_help=True, help="Alerts, and detection tried out on stored scores.")
    group.command("alerts")(alerts)
    group.command("acknowledge")(acknowledge)
    group.command("resolve")(resolve)
    group.command("backtest")(backtest)
    group.command("agree")(agree)
    app.add_typer(group, name="detect", rich_help_panel=session.LOOK)


def alerts(
    context: typer.Context,
    *,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="open, acknowledged, resolved or closed. Default: all.")
    ] = None,
    as_json: session.Json = False,
) -> None:
    """Show alerts, the latest first."""
    from dataclasses import asdict

    from schemas.errors import ConfigError
    from sinks.queries.alerts import STATUSES
    from sinks.queries.alerts import alerts as ask

    wanted = next((one for one in STATUSES if one == status), None)
    if status is not None and wanted is None:
        raise ConfigError(f"--status {status}: one of {', '.join(STATUSES)} is wanted")
    with session.of(context).store() as store:
        found = ask(store, status=wanted)
    if as_json:
        show_json([_iso(asdict(one)) for one in found])
        return
    show_table(
        ("alert", "status", "since", "raised", "reviews", "usual, less tolerance", "came to", "who"),
        [
            (
                one.alert_id, one.status, f"{one.since:%Y-%m-%d}", f"{one.raised_at:%Y-%m-%d %H:%M}", str(one.reviews),
                f"{one.reference_0_100:.1f}", f"{one.mean_0_100:.1f}", one.acted_by or "-",
            )
            for one in found
        ],
        numbers=("reviews", "usual, less tolerance", "came to"),
    )  # fmt: skip


def acknowledge(context: typer.Context, alert: AlertName, *, by: By, as_json: session.Json = False) -> None:
    """Say that somebody is looking at an alert. Detection goes on as ever."""
    _act(context, alert, "acknowledge", by=by, reason="", as_json=as_json)


def resolve(context: typer.Context, alert: AlertName, *, by: By, reason: Reason, as_json: session.Json = False) -> None:
    """Say why an alert is done with. Should the series give as much evidence once more, it is no longer resolved."""
    _act(context, alert, "resolve", by=by, reason=reason, as_json=as_json)


def backtest(
    context: typer.Context,
    *,
    first: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day of transactions.")
    ],
    after_last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="The day after the last one.")
    ],
    detectors: SettingsFile = None,
    tolerance: Annotated[
        list[float] | None, typer.Option(help="Points; may be given several times: what if.", min=0, max=50)
    ] = None,
    periods: Annotated[
        list[float] | None,
        typer.Option(help="One false alarm in so many periods; may be given several times: what if.", min=0.001),
    ] = None,
    series: Annotated[str | None, typer.Option(help="Plot this one, such as team=north. Default: strongest.")] = None,
    time_zone: Zone = "Europe/London",
    plot: Annotated[bool, typer.Option(help="Plot the evidence of one series.")] = True,
    as_json: session.Json = False,
) -> None:
    """Weigh stored scores as detection would, by the settings in force or others, and show what it would have said.

    Stored scores are as they stand now, corrections included; detection itself weighs first reviews only.
    """
    from sinks.queries.stored_scores import stored_scores
    from tafol.detect.backtest import run, variants

    settings = _settings(context, detectors)
    tried = variants(settings, tolerance or [], periods or [])
    with session.of(context).store() as store:
        outcome = run(stored_scores(store, from_day=first.date(), to_day=after_last.date(), time_zone=time_zone), tried)
    days = (after_last - first) / timedelta(days=1)
    if as_json:
        show_json(_report(outcome, first.date(), after_last.date()))
        return
    _show(outcome, days)
    wanted = series or outcome.strongest()
    if plot and wanted is not None:
        _plot(outcome, wanted)


def agree(
    context: typer.Context,
    series: Annotated[str, typer.Argument(metavar="SERIES", help="Such as team=north.")],
    *,
    by: By,
    reason: Reason,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day of what is to be usual."),
    ] = None,
    after_last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="The day after the last one.")
    ] = None,
    detectors: SettingsFile = None,
    time_zone: Zone = "Europe/London",
    as_json: session.Json = False,
) -> None:
    """Agree a new reference of a series: its evidence starts anew, and an open alert closes.

    With --from and --to the stored scores of these days are the reference; without, the first reviews from now on.
    """
    from schemas.errors import ConfigError
    from schemas.series import ReferenceAgreed
    from sinks.queries.stored_scores import stored_scores
    from tafol import clock
    from tafol.detect.agree import publish, references

    if (first is None) != (after_last is None):
        raise ConfigError("--from and --to go together")
    found: Any = ()
    if first is not None and after_last is not None:
        settings = _settings(context, detectors)
        with session.of(context).store() as store:
            scores = stored_scores(store, from_day=first.date(), to_day=after_last.date(), time_zone=time_zone)
            found = references(scores, settings, series)
    agreed = ReferenceAgreed(
        agreement_id=secrets.token_hex(8),
        series_id=series,
        references=found,
        agreed_by=by,
        reason=reason,
        agreed_at=clock.now(),
    )
    appended_at = publish(session.of(context).connection(), agreed)
    if as_json:
        show_json({**agreed.model_dump(mode="json"), "appended_at": appended_at.isoformat()})
        return
    if found:
        rows = [(one.stratum, str(one.scorecard), f"{one.reference_0_100:.1f}") for one in found]
        show_table(("stratum", "scorecard", "reference"), rows, numbers=("reference",))
    else:
        show(f"{series} learns its reference anew, from the reviews that follow.")


def _act(
    context: typer.Context, name: str, action: Literal["acknowledge", "resolve"], *, by: str, reason: str, as_json: bool
) -> None:
    from sinks.queries.alerts import alerts as ask
    from tafol import clock
    from tafol.detect.act import act, find

    with session.of(context).store() as store:
        found = find(ask(store), name)
    done = act(session.of(context).connection(), found, action, by=by, reason=reason, at=clock.now())
    if as_json:
        show_json(done.model_dump(mode="json"))
    else:
        show(f"{found.alert_id}: {action}d by {by}.")


def _settings(context: typer.Context, file: Path | None) -> Detectors:
    """The settings of a file, or those that are published and hold now."""
    from schemas.errors import ConfigError
    from streams.registers import Timeline
    from tafol import clock
    from tafol.documents import read_detectors
    from tafol.publish import read_published

    if file is not None:
        return read_detectors(file)
    published = read_published(session.of(context).connection())
    found = Timeline.of("detectors", published.detectors).at(clock.now())
    if found is None:
        raise ConfigError(
            "no detectors are published", hint="Publish them (tafol detectors publish FILE), or give --detectors FILE."
        )
    return found


def _show(outcome: Backtest, days: float) -> None:
    from tafol.detect.backtest import PERIOD_DAYS

    first = outcome.variants[0].settings
    show(f"{outcome.scores:,} scores, {len(outcome.reviews):,} series, {days:.0f} days")
    rows = []
    for seen in outcome.kinds_seen(days):
        rows.append(
            (
                " x ".join(seen.kind.of), f"{seen.kind.count:,}", f"{seen.series:,}",
                f"{seen.reviews_a_period_expected:,.0f}", f"{seen.reviews_a_period:,.0f}",
            )
        )  # fmt: skip
        if seen.series > seen.kind.count or seen.reviews_a_period > 1.25 * seen.reviews_a_period_expected:
            say(f"There is more of {' x '.join(seen.kind.of)} than the settings say: expect more false alarms.")
    show_table(
        ("series of", "expected", "found", f"reviews a {first.period}", "found, in the middle"), rows,
        numbers=("expected", "found", f"reviews a {first.period}", "found, in the middle"),
    )  # fmt: skip
    show("")
    periods = days / PERIOD_DAYS[first.period]
    rows = [
        (
            f"{one.settings.tolerance_points:g}" if _one_tolerance(one.settings) else "by kind",
            f"1 in {one.settings.one_false_alarm_in_periods:g} {first.period}s",
            f"{periods / one.settings.one_false_alarm_in_periods:.2f}",
            str(len(one.alarms)),
            ", ".join(dict.fromkeys(alarm.series_id for alarm in one.alarms)) or "-",
        )
        for one in outcome.variants
    ]
    show_table(("tolerance", "false alarms", "at most, in these days", "alerts", "series"), rows, numbers=("alerts",))
    if outcome.variants[0].alarms:
        show("")
        show_table(
            ("alert", "since", "raised", "reviews", "usual, less tolerance", "came to", "evidence", "closed"),
            [_alarm(alarm) for alarm in outcome.variants[0].alarms],
            numbers=("reviews", "usual, less tolerance", "came to", "evidence"),
        )


def _one_tolerance(settings: Detectors) -> bool:
    return all(kind.tolerance_points is None for kind in settings.series)


def _alarm(alarm: Alarm) -> tuple[str, ...]:
    return (
        alarm.series_id,
        f"{alarm.since:%Y-%m-%d %H:%M}",
        f"{alarm.raised_at:%Y-%m-%d %H:%M}",
        str(alarm.reviews),
        f"{alarm.reference_0_100:.1f}",
        f"{alarm.mean_0_100:.1f}",
        f"{alarm.evidence:,.0f} of {alarm.threshold:,.0f}",
        "-" if alarm.closed_at is None else f"{alarm.closed_at:%Y-%m-%d %H:%M}",
    )


def _plot(outcome: Backtest, series: str) -> None:
    from schemas.errors import ConfigError
    from tafol.detect.plot import evidence

    if series not in outcome.evidence:
        known = ", ".join(sorted(outcome.evidence)[:5]) or "none"
        raise ConfigError(f"series {series!r} has no evidence here", hint=f"Those that have, among others: {known}")
    show("")
    show(evidence(outcome, series, console().width))


def _report(outcome: Backtest, first: date, after_last: date) -> dict[str, Any]:
    return {
        "from": first.isoformat(),
        "to": after_last.isoformat(),
        "scores": outcome.scores,
        "series": len(outcome.reviews),
        "kinds": [
            {
                "of": list(seen.kind.of),
                "series_expected": seen.kind.count,
                "series": seen.series,
                "reviews_a_period_expected": seen.reviews_a_period_expected,
                "reviews_a_period": round(seen.reviews_a_period, 1),
            }
            for seen in outcome.kinds_seen((after_last - first).days)
        ],
        "variants": [
            {
                "tolerance_points": one.settings.tolerance_points,
                "one_false_alarm_in_periods": one.settings.one_false_alarm_in_periods,
                "period": one.settings.period,
                "alerts": [_json(alarm) for alarm in one.alarms],
            }
            for one in outcome.variants
        ],
    }


def _json(alarm: Alarm) -> dict[str, Any]:
    from dataclasses import asdict

    return _iso(asdict(alarm))


def _iso(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in fields.items()}
