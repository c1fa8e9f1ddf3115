"""check: spot checks, planned checks, and what was asked for."""

from __future__ import annotations

import getpass
import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tafol.cli import session
from tafol.cli.screen import say, show, show_json, show_table

if TYPE_CHECKING:
    from schemas.request import CheckRequest

By = Annotated[str | None, typer.Option("--by", help="Who asks: an id, not a name. Default: the user of this machine.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be asked for; publish nothing.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(no_args_is_help=True, help="Spot and planned checks: reviews that somebody asks for.")
    group.command("spot")(spot)
    group.command("list")(listed)
    plan = typer.Typer(no_args_is_help=True, help="Planned checks, from a calendar.")
    plan.callback()(_nothing_more)
    plan.command("apply")(plan_apply)
    group.add_typer(plan, name="plan")
    app.add_typer(group, name="check", rich_help_panel=session.FEED)


def spot(
    context: typer.Context,
    *,
    colleague: Annotated[str, typer.Option(metavar="ID", help="Whose work.")],
    n: Annotated[int, typer.Option("--n", help="How many transactions.", min=1, max=100)] = 1,
    within: Annotated[str, typer.Option(metavar="SPAN", help="How long to look out for them: 90m, 4h, 2d.")] = "4h",
    pick: Annotated[
        str, typer.Option(metavar="HOW", help="next: the first that come; random: drawn when the time is over.")
    ] = "next",
    channel: Annotated[str | None, typer.Option(help="phone, chat or face_to_face only.")] = None,
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")] = "",
    by: By = None,
    dry_run: DryRun = False,
    as_json: session.Json = False,
) -> None:
    """Ask for an unannounced check of one colleague's next transactions.

    It begins about six minutes from now, for every worker must know of it before it decides. It respects the monitoring
    notices, and its scores enter no trend.
    """
    from schemas.base import CHANNELS
    from schemas.errors import ConfigError
    from tafol import checks, clock

    on = next((one for one in CHANNELS if one == channel), None)
    if channel is not None and on is None:
        raise ConfigError(f"--channel {channel}: one of {', '.join(CHANNELS)} is wanted")
    if pick not in ("next", "random"):
        raise ConfigError(f"--pick {pick}: next or random is wanted")
    now = clock.now()
    request = checks.spot_check(
        colleague,
        n=n,
        within=checks.span_of(within, "--within"),
        pick=pick,
        channel=on,
        asked_by=by or getpass.getuser(),
        reason=reason,
        now=now,
        name=f"spot-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
    )
    if not dry_run:
        checks.ask(session.of(context).connection(), [request])
    if as_json:
        show_json(request.model_dump(mode="json", exclude_none=True) | {"published": not dry_run})
        return
    how = "the next" if request.pick == "next" else "drawn at random,"
    show(
        f"Check {request.id}: {how} {request.n} of {colleague}, of what ends from {_written(request.holds_from)} to "
        f"{_written(request.holds_until)}."
    )
    if dry_run:
        show("Nothing was published (--dry-run).")


def plan_apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Calendar, YAML; see tafol/examples/checks.yaml.")],
    *,
    ahead: Annotated[str, typer.Option(metavar="SPAN", help="How far ahead to ask.")] = "7d",
    dry_run: DryRun = False,
    as_json: session.Json = False,
) -> None:
    """Ask for the planned checks of a calendar, ahead of time. Run it once a day: nothing is asked for twice."""
    from streams.registers import Timeline
    from tafol import checks, clock, publish
    from tafol.documents import read_check_calendar

    calendar = read_check_calendar(file)
    requests = checks.planned(calendar, clock.now(), checks.span_of(ahead, "--ahead"))
    untold: list[tuple[CheckRequest, Literal["customer", "colleague"]]] = []
    if any(one.observation is not None for one in requests) and not dry_run:
        log = publish.read_published(session.of(context).connection()).notices
        untold = checks.without_notice(requests, Timeline.of("notices", log))
        requests = [one for one in requests if one not in [without for without, _ in untold]]
    asked = checks.Asked((), ()) if dry_run else checks.ask(session.of(context).connection(), requests)
    if as_json:
        show_json(
            {
                "requests": [one.model_dump(mode="json", exclude_none=True) for one in requests],
                "published": [one.id for one in asked.published],
                "there_already": [one.id for one in asked.there_already],
                "without_notice": [{"id": one.id, "audience": audience} for one, audience in untold],
            }
        )
        return
    _show(requests)
    for one, audience in untold:
        say(f"Not asked for: {one.id}. No notice holds then that tells the {audience} (tafol notices publish FILE).")
    if dry_run:
        show("Nothing was published (--dry-run).")
        if any(one.observation is not None for one in requests):
            show("Whether notices hold at the time of an observation is looked at when it is published.")
    else:
        show(f"{len(asked.published)} new, {len(asked.there_already)} asked for before.")


def listed(context: typer.Context, as_json: session.Json = False) -> None:
    """Show the check requests that are running or still to come."""
    from streams.registers import Requests
    from tafol import checks, clock

    held = Requests.of(checks.requests_in_log(session.of(context).connection()))
    now = clock.now()
    both = (*held.by_id.values(), *held.observations)
    current = sorted((one for one in both if one.holds_until > now), key=lambda one: one.holds_from)
    if as_json:
        show_json([one.model_dump(mode="json", exclude_none=True) for one in current])
        return
    _show(current)
    show(f"{len(current)} check request(s).")


def _nothing_more() -> None:
    """A group's options: none."""


def _show(requests: list[CheckRequest]) -> None:
    if not requests:
        return
    show_table(
        ("check", "from", "for", "takes"),
        [(one.id, _written(one.holds_from), _span(one), _takes(one)) for one in requests],
        whole=("check", "from", "for"),
    )


def _span(request: CheckRequest) -> str:
    hours = (request.holds_until - request.holds_from).total_seconds() / 3600
    return f"{hours:g} h"


def _takes(request: CheckRequest) -> str:
    seen = request.observation
    return f"{request.n} {request.pick}" if seen is None else f"observation of {seen.colleague_id}, {seen.place}"


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%MZ")
