"""frame, notices, scorecard, detectors: publishing what enters decisions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tafol.cli import session
from tafol.cli.screen import say, show, show_json, show_table

if TYPE_CHECKING:
    from schemas.base import RegisterEntry
    from schemas.frame import SamplingFrame
    from tafol.publish import Plan, Published

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML; see tafol/examples.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the file and show what would happen; publish nothing.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for name, help_text, command in (
        ("frame", "The sampling frame: what may be reviewed, and how it is drawn.", frame_publish),
        ("notices", "Monitoring notices: what customers and colleagues are told.", notices_publish),
        ("scorecard", "Scorecards: the criteria that reviewers score by.", scorecard_publish),
        ("detectors", "Detectors: what is watched for a drop in quality.", detectors_publish),
    ):
        group = typer.Typer(no_args_is_help=True, help=help_text)
        # A group of one command would swallow its name.
        group.callback()(_nothing_more)
        group.command("publish")(command)
        app.add_typer(group, name=name, rich_help_panel=session.FEED)


def frame_publish(
    context: typer.Context,
    file: File,
    *,
    public_keys: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="PUB", help="A public key to trust; may be repeated. Else frame_keys."),
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Publish a frame that nobody signed: a draft, to try it out.")
    ] = False,
    dry_run: DryRun = False,
    as_json: session.Json = False,
) -> None:
    """Publish a sampling frame, for transactions that end from its holds_from on.

    It must be signed (tafol frame sign) with a key you name or the setting frame_keys names. What is published never
    changes: a change is a new version, at least 15 minutes ahead. An unsigned draft without a seed is given one.
    """
    from tafol.documents import read_frame

    document = read_frame(file)
    agreed = _agreed(context, public_keys or [], unsigned=unsigned)

    def entry(published: Published) -> SamplingFrame:
        # The file of a frame that is published already, without its seed, is the same file.
        bare = document.with_seed(bytes(32))
        there = published.frame(bare.id, bare.version)
        return document.with_seed(secrets.token_bytes(32) if there is None else there.seed_bytes)

    _publish(context, entry, dry_run=dry_run, as_json=as_json, seed_in_file=document.has_seed, agreed=agreed)


def notices_publish(context: typer.Context, file: File, dry_run: DryRun = False, as_json: session.Json = False) -> None:
    """Publish the monitoring notices that hold from an instant on; each publication holds all of them."""
    from tafol.documents import read_notices

    notices = read_notices(file)
    _publish(context, lambda _: notices, dry_run=dry_run, as_json=as_json)


def scorecard_publish(
    context: typer.Context, file: File, dry_run: DryRun = False, as_json: session.Json = False
) -> None:
    """Publish one version of a scorecard. Publish scorecards before the frame that routes to them."""
    from tafol.documents import read_scorecard

    scorecard = read_scorecard(file)
    _publish(context, lambda _: scorecard, dry_run=dry_run, as_json=as_json)


def detectors_publish(
    context: typer.Context, file: File, dry_run: DryRun = False, as_json: session.Json = False
) -> None:
    """Publish what is watched for a drop, and how many false alarms are bearable; each publication holds all of it."""
    from tafol.documents import read_detectors

    detectors = read_detectors(file)
    _publish(context, lambda _: detectors, dry_run=dry_run, as_json=as_json)


def _agreed(context: typer.Context, public_keys: list[Path], *, unsigned: bool) -> Callable[[RegisterEntry], None]:
    """What refuses a frame that is not signed as it must be. Raises ConfigError for keys that cannot be read."""
    from schemas.errors import ConfigError
    from schemas.frame import SamplingFrame
    from tafol.frames.keys import read_trusted, refuse_unless_agreed

    folder = session.of(context).settings().frame_keys
    if unsigned and (public_keys or folder is not None):
        named = "--key" if public_keys else "the setting frame_keys"
        raise ConfigError(f"--unsigned does not go with {named}, which says that frames must be signed")
    if public_keys and folder is not None:
        raise ConfigError(f"--key does not go with the setting frame_keys: the keys in {folder} are the ones to trust")
    paths = public_keys if folder is None else [folder]
    trusted = [key for path in paths for key in read_trusted(path)]

    def refuse(frame: RegisterEntry) -> None:
        assert isinstance(frame, SamplingFrame)
        if not (unsigned and frame.signature is None):
            refuse_unless_agreed(frame, trusted)

    return refuse


def _nothing_more() -> None:
    """A group's options: none."""


def _publish(
    context: typer.Context,
    entry: Callable[[Published], RegisterEntry],
    *,
    dry_run: bool,
    as_json: bool,
    seed_in_file: bool = True,
    agreed: Callable[[RegisterEntry], None] = lambda _: None,
) -> None:
    from schemas.errors import ConfigError
    from tafol import clock, publish

    connection = session.of(context).connection()
    published = publish.read_published(connection)
    planned = publish.plan(entry(published), published, clock.now())
    try:
        if planned.outcome == "new":
            agreed(planned.entry)
    except ConfigError as error:
        if not dry_run:
            raise
        say(f"Publishing would refuse it: {error.message}")
    # Without a seed in the file, a trial makes another one than the publication will.
    seed_known = seed_in_file or not dry_run or planned.outcome == "already there"
    if not as_json:
        _show_plan(planned, seed_known=seed_known)
    appended_at = None if dry_run else publish.publish(connection, planned)
    if as_json:
        show_json(_report(planned, appended_at, seed_known=seed_known))
    elif dry_run:
        show("Nothing was published (--dry-run).")
    elif appended_at is not None:
        show(f"Published {planned.name} at {_written(appended_at)}.")


def _show_plan(planned: Plan, *, seed_known: bool) -> None:
    from schemas.frame import SamplingFrame

    if planned.outcome == "already there":
        show(f"{planned.name} is published already, with this very content.")
        return
    begins = "from the beginning of time (it is the first)" if planned.holds_from is None else _from(planned.holds_from)
    ends = "" if planned.holds_until is None else f" until {_written(planned.holds_until)}"
    show(f"{planned.name} holds {begins}{ends}.")
    if planned.replaces is not None:
        show(f"It takes over from {planned.replaces.ref} then.")
    if isinstance(planned.entry, SamplingFrame):
        show(
            f"Seed: SHA-256 {seed_hash(planned.entry)}"
            if seed_known
            else "Seed: none in the file; publishing makes one."
        )
        strata = planned.entry.strata
        rows = [(one.name, one.draw.method, _rate(one.draw)) for one in strata]
        show_table(("stratum", "draw", "of each"), rows)
    for warning in planned.warnings:
        say(warning)


def _report(planned: Plan, appended_at: datetime | None, *, seed_known: bool) -> dict[str, Any]:
    from schemas.frame import SamplingFrame

    entry = planned.entry
    report = {
        "id": entry.id,
        "version": entry.version,
        "topic": planned.topic,
        "outcome": planned.outcome,
        "published": appended_at is not None,
        "appended_at": None if appended_at is None else appended_at.isoformat(),
        "holds_from": None if planned.holds_from is None else planned.holds_from.isoformat(),
        "holds_until": None if planned.holds_until is None else planned.holds_until.isoformat(),
        "replaces": None if planned.replaces is None else planned.replaces.ref.key,
        "warnings": list(planned.warnings),
    }
    return (
        report | {"seed_sha256": seed_hash(entry) if seed_known else None}
        if isinstance(entry, SamplingFrame)
        else report
    )


def seed_hash(frame: SamplingFrame) -> str:
    """SHA-256 of the seed's 32 bytes, as hex: what may be shown of a seed."""
    return hashlib.sha256(frame.seed_bytes).hexdigest()


def _rate(draw: Any) -> str:
    if draw.method == "random":
        return f"{draw.rate:.2%}"
    if draw.method == "quota":
        parts = f" in {draw.parts} parts" if draw.parts > 1 else ""
        return f"{draw.n} a {draw.window} for each {draw.per}{parts}"
    return f"one in {draw.every}" if draw.method == "systematic" else "-"


def _from(at: datetime) -> str:
    return f"from {_written(at)} on"


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
