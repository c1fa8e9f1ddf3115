"""frame check, diff, list, key, sign, verify-signature: writing a frame and getting it agreed; explain, ineligible.

`tafol.cli.frame_history` has what looks at stored transactions in bulk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tafol.cli import frame_history, session
from tafol.cli.screen import say, show, show_json, show_table, show_verdict

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from schemas.frame import SamplingFrame
    from tafol.frames.check import Caution
    from tafol.frames.sources import Loaded
    from tafol.frames.trial import Trial
    from tafol.publish import Published

FrameName = Annotated[str, typer.Argument(metavar="FRAME", help="A YAML file, or id:version of a published frame.")]
DISAGREES = 1
BY_NOTICE = "notice"
MOST_RECORDS = 1000
"""Read again for `ineligible --by notice`: a few seconds."""


def add_to(app: typer.Typer) -> None:
    """Register the commands; those about a frame join the group that publishes it."""
    group = next(one.typer_instance for one in app.registered_groups if one.name == "frame")
    assert group is not None
    for name, command in (
        ("check", check),
        ("diff", diff),
        ("list", list_),
        ("key", key),
        ("sign", sign),
        ("verify-signature", verify_signature),
    ):
        group.command(name)(command)
    frame_history.add_to(group)
    app.command(rich_help_panel=session.LOOK)(explain)
    app.command(rich_help_panel=session.LOOK)(ineligible)


def check(
    context: typer.Context,
    frame: FrameName,
    *,
    history: frame_history.History = "28d",
    reviewer_hours: frame_history.ReviewerHours = None,
    minutes_per_review: frame_history.Minutes = frame_history.MINUTES_PER_REVIEW,
    as_json: session.Json = False,
) -> None:
    """Look for what is valid and yet perhaps not meant: strata that can never match, quotas that no colleague fills,
    more reviews than reviewers have hours for. Without ClickHouse, the frame alone is looked at.

    Exit code 0 also with warnings; 1 when the file is wrong.
    """
    from tafol.frames.check import on_paper, with_history

    loaded = load(context, frame)
    found = on_paper(loaded.frame)
    tried, why_not = _tried(context, loaded, history)
    if tried is not None:
        found += with_history(loaded.frame, tried, reviewer_hours=reviewer_hours, minutes_per_review=minutes_per_review)
    if as_json:
        warnings = [one._asdict() for one in found]
        show_json({"frame": loaded.frame.ref.key, "history": why_not is None, "warnings": warnings})
        return
    _show_cautions(loaded, found)
    if why_not is not None:
        say(f"Not held against stored transactions: {why_not}")


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A YAML file, or id:version of a published frame.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same.")],
    *,
    as_json: session.Json = False,
) -> None:
    """Say in words what differs between two frames. The seed is compared, never shown."""
    from tafol.frames.differences import differences

    first, second = load(context, before), load(context, after)
    found = differences(first.frame, second.frame)
    if not (first.has_seed and second.has_seed):
        found = [one for one in found if one.part != "seed"]
    if as_json:
        show_json([one._asdict() for one in found])
        return
    for one in found:
        show(one.sentence)
    if not found:
        show("They are the same.")
    if first.has_seed != second.has_seed:
        show("One of the two has no seed yet: publishing makes a new one, and every draw is a fresh one.")


def list_(context: typer.Context, as_json: session.Json = False) -> None:
    """List the published frames: which is active, which are coming, retired, or void because they came too late."""
    from schemas.frame_signature import content_sha256
    from tafol import clock
    from tafol.cli.registers import seed_hash
    from tafol.frames.life import lives

    found = lives(_published(context).frames, clock.now())
    if as_json:
        show_json(
            [
                {
                    "frame": one.frame.ref.key,
                    "title": one.frame.title,
                    "state": one.state,
                    "published_at": one.published_at.isoformat(),
                    "starts": None if one.starts is None else one.starts.isoformat(),
                    "ends": None if one.ends is None else one.ends.isoformat(),
                    "agreed_by": [person.name for person in one.frame.agreed_by],
                    "signed_with": None if one.frame.signature is None else one.frame.signature.key_id,
                    "content_sha256": content_sha256(one.frame),
                    "seed_sha256": seed_hash(one.frame),
                }
                for one in found
            ]
        )
        return
    if not found:
        show("No frame is published yet: tafol frame publish FILE")
        return
    rows = [
        (
            one.frame.ref.key,
            one.state,
            "-" if one.state == "void" else "the beginning" if one.starts is None else _written(one.starts),
            "-" if one.ends is None else _written(one.ends),
            ", ".join(person.name for person in one.frame.agreed_by) or "nobody named",
            "no" if one.frame.signature is None else f"key {one.frame.signature.key_id}",
        )
        for one in found
    ]
    show_table(("frame", "state", "from", "until", "agreed by", "signed"), rows, whole=("frame",))


def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; .pub beside it.")],
) -> None:
    """Make a key pair (Ed25519) to sign frames with."""
    from schemas.frame_signature import key_id
    from tafol.frames.keys import make_key, read_public_key

    public = make_key(file)
    show(f"Private key: {file} (keep it; whoever has it can sign). Public key: {public}, for everyone who checks.")
    show(f"Key id: {key_id(read_public_key(public))}")


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The frame, YAML.")],
    key_file: Annotated[Path, typer.Option("--key", metavar="KEY", help="The private key: tafol frame key FILE.")],
) -> None:
    """Sign a frame file once it is agreed: adds the signature at its end, and a seed where there is none.

    Any change after that shows. With the seed in it the file is for its owner alone (mode 600).
    """
    from tafol.frames.keys import read_private_key, sign_file

    frame = sign_file(file, read_private_key(key_file), secrets.token_bytes(32))
    assert frame.signature is not None
    show(f"{frame.ref} is signed with key {frame.signature.key_id}; content {frame.signature.content_sha256}.")
    if not frame.agreed_by:
        say("It names nobody under agreed_by: a signature shows that it is unchanged, not who agreed to it.")
    show(f"Publish it with: tafol frame publish {file} --key {key_file}.pub")


def verify_signature(
    context: typer.Context,
    frame: FrameName,
    public_keys: Annotated[
        list[Path], typer.Option("--key", metavar="PUB", help="A public key to trust; may be repeated.")
    ],
) -> None:
    """Check that a frame is what was agreed: signed with one of the keys given, unchanged since. Else exit code 1."""
    from schemas.frame_signature import verify
    from tafol.frames.keys import read_public_key

    loaded = load(context, frame)
    verify(loaded.frame, [read_public_key(one) for one in public_keys])
    signature = loaded.frame.signature
    assert signature is not None
    show(f"{loaded.frame.ref} is unchanged since it was signed with key {signature.key_id}.")


def explain(
    context: typer.Context,
    transaction: Annotated[str, typer.Argument(metavar="TRANSACTION", help="Its id.")],
    *,
    as_json: session.Json = False,
) -> None:
    """Make the whole decision about one transaction again, and say whether it agrees with what happened.

    Frame, eligibility, stratum, draw number, threshold or rank, outcome; then its tasks, reviews and score. Exit code 1
    when anything disagrees.
    """
    from schemas.errors import ConfigError
    from sinks.queries.story import story
    from tafol.frames.explain import explain as explained
    from tafol.frames.sources import fetch, registers_of

    connection = session.of(context).connection()
    registers = registers_of(_published(context))
    with session.of(context).store() as store:
        found = story(store, transaction)
        if found is None:
            raise ConfigError(
                f"no transaction {transaction} is stored",
                hint="It was rejected (tafol rejected list), is not read yet (tafol status), or its id is another.",
            )
        told = explained(store, registers, found, lambda origin: fetch(connection, origin))
    if as_json:
        steps = [one._asdict() for one in told.steps]
        show_json({"transaction": told.transaction_id, "agrees": told.agrees, "steps": steps})
    else:
        marks = {True: "agrees", False: "DISAGREES", None: ""}
        show_table(("", "", ""), [(one.name, one.sentence, marks[one.agrees]) for one in told.steps])
        show("\nThis is what happened." if told.agrees else "\nThis is NOT what happened: see the lines that disagree.")
    raise typer.Exit(0 if told.agrees else DISAGREES)


def ineligible(
    context: typer.Context,
    *,
    from_day: frame_history.FromDay = None,
    to_day: frame_history.ToDay = None,
    by: Annotated[
        str, typer.Option(metavar="GROUP", help="all, channel, site, team, colleague, topic, language or notice.")
    ] = "channel",
    as_json: session.Json = False,
) -> None:
    """Report the transactions that may not be reviewed, by reason: who was not told, which notice did not hold.

    Without dates, the last 28 days. `--by notice` reads the latest 1,000 records again from Kafka: which notice they
    name that did not hold, came late or was given otherwise.
    """
    from dataclasses import asdict

    from sinks.queries.ineligible import INELIGIBLE_BY
    from sinks.queries.ineligible import ineligible as ask
    from tafol import clock
    from tafol.frames.explain import REASON_WORDS

    group_by = next((one for one in INELIGIBLE_BY if one == by), None)
    if group_by is None and by != BY_NOTICE:
        raise typer.BadParameter(f"{by}: one of {', '.join((*INELIGIBLE_BY, BY_NOTICE))} is wanted", param_hint="--by")
    published = _published(context)
    zone = frame_history.zone_of(published, clock.now())
    first, after = frame_history.days(from_day, to_day, clock.now(), zone)
    if group_by is None:
        _by_notice(context, published, first, after, zone, as_json=as_json)
        return
    with session.of(context).store() as store:
        found = ask(store, group_by=group_by, from_day=first, to_day=after, time_zone=zone.key)
    if as_json:
        show_json([asdict(one) | {"share": one.share} for one in found])
        return
    if not found:
        show(f"All that ended from {first} to {after - timedelta(days=1)} may be reviewed, as far as it is stored.")
        return
    rows = [
        (
            one.group_id or "all",
            one.reason,
            REASON_WORDS.get(one.reason, "excluded by the frame"),
            f"{one.transactions:,}",
            f"{one.share:.1%}",
            _written(one.last_ended_at),
        )
        for one in found
    ]
    columns = (by if by != "all" else "", "reason", "in words", "transactions", "share", "last")
    show_table(columns, rows, numbers=("transactions", "share"), whole=("reason",))


def _by_notice(
    context: typer.Context, published: Published, first: date, after: date, zone: ZoneInfo, *, as_json: bool
) -> None:
    from sinks.queries.ineligible import unnoticed
    from tafol.frames.explain import REASON_WORDS
    from tafol.frames.notices_named import named_notices

    with session.of(context).store() as store:
        found, of_all = unnoticed(store, from_day=first, to_day=after, time_zone=zone.key, most=MOST_RECORDS)
    rows, gone = named_notices(session.of(context).connection(), found, published.notices)
    if as_json:
        show_json({"notices": [one._asdict() for one in rows], "looked_at": len(found), "of": of_all, "gone": gone})
        return
    cells = [
        (
            one.notice_id, one.channel, REASON_WORDS.get(one.reason, one.reason), f"{one.transactions:,}",
            _written(one.last_ended_at), one.said,
        )
        for one in rows
    ]  # fmt: skip
    if cells:
        columns = ("notice", "channel", "in words", "transactions", "last", "in the register")
        show_table(columns, cells, numbers=("transactions",), whole=("notice",))
    show(f"{len(found):,} of {of_all:,} looked at, the latest; {gone:,} of them are no longer in Kafka.")


def load(context: typer.Context, name: str) -> Loaded:
    """The frame that a person names. Raises ConfigError, Unreachable."""
    from tafol.frames.sources import load as read

    return read(name, lambda: _published(context))


def _published(context: typer.Context) -> Published:
    from tafol import publish

    return publish.read_published(session.of(context).connection())


def _tried(context: typer.Context, loaded: Loaded, history: str) -> tuple[Trial | None, str | None]:
    """The frame tried on stored transactions, or why it could not be."""
    from schemas.errors import TafolError
    from tafol import clock

    try:
        with session.of(context).store() as store:
            period = frame_history.history_period(history, loaded.frame, clock.now())
            return frame_history.tried(store, loaded.frame, period), None
    except TafolError as error:
        return None, error.message


def _show_cautions(loaded: Loaded, found: list[Caution]) -> None:
    frame: SamplingFrame = loaded.frame
    for one in found:
        show_verdict("warn", f"{one.where}: {one.sentence}", "")
    sentence: Callable[[int], str] = lambda count: "1 warning" if count == 1 else f"{count or 'no'} warnings"  # noqa: E731
    show(f"{loaded.name}: {frame.ref} is valid, {len(frame.strata)} strata; {sentence(len(found))}.")


def _written(at: datetime) -> Any:
    return at.strftime("%Y-%m-%d %H:%MZ")
