"""send, rejected: transactions on their way in, and those that could not be used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from tafol.cli import session
from tafol.cli.screen import progress_bar, say, show, show_json, show_table

if TYPE_CHECKING:
    from tafol.rejected import Kept, Wanted
    from tafol.send import Sending

FAILED: Final = 1
SOME_REFUSED: Final = 3
INTERRUPTED: Final = 130
SHOWN_BY_DEFAULT: Final = 50
WHEN: Final = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]

Reason = Annotated[
    list[str] | None, typer.Option("--reason", metavar="CODE", help="Only this reason; may be repeated.")
]
Since = Annotated[
    datetime | None,
    typer.Option("--since", formats=WHEN, help="Only what came from then on; UTC where no offset is given."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=session.FEED)(send)
    rejected = typer.Typer(no_args_is_help=True, help="Records that could not be used: why, and sending them again.")
    rejected.command("list")(rejected_list)
    rejected.command("replay")(rejected_replay)
    app.add_typer(rejected, name="rejected", rich_help_panel=session.LOOK)


def send(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines, also gzipped; - is the standard input.")],
    keep_going: Annotated[
        bool, typer.Option("--keep-going/--stop-at-first", help="What to do at a line that is refused.")
    ] = True,
    as_json: session.Json = False,
) -> None:
    """Send transactions, one JSON object a line, to the topics of their channels.

    Each bad line is reported with its number and the reason. Exit code 0: all were sent; 3: some lines were refused.
    """
    from schemas.catalogue import SOURCE_TOPICS
    from tafol import send as sender
    from tafol.kafka_clients import in_words, producer
    from tafol.topics_admin import topic_ids

    refused: list[sender.Refused] = []

    def note(one: sender.Refused) -> None:
        if as_json:
            refused.append(one)
        else:
            say(f"line {one.line}: {one.reason}: {one.message}")

    with _input(file) as (stream, size):
        connection = session.of(context).connection()
        topic_ids(connection, SOURCE_TOPICS)
        with producer(connection, flush=False) as client, progress_bar(size) as bar:
            task = bar.add_task("sending", total=size)
            done = sender.send(
                sender.opened(stream),
                client,
                on_refused=note,
                on_progress=lambda state: bar.update(task, completed=_read_so_far(stream, state, size)),
                keep_going=keep_going,
            )
    if as_json:
        show_json(_summary(done) | {"refused_lines": [one._asdict() for one in refused]})
    else:
        _show_summary(done)
    if done.failure is not None and not done.interrupted:
        raise in_words(done.failure, connection)
    raise typer.Exit(INTERRUPTED if done.interrupted else SOME_REFUSED if done.refused else 0)


def rejected_list(
    context: typer.Context,
    *,
    reason: Reason = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The newest so many.")] = SHOWN_BY_DEFAULT,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the raw content too: it may hold personal data.")
    ] = False,
    as_json: session.Json = False,
) -> None:
    """Show rejected records: where each came from, why it could not be used, when. Works without ClickHouse."""
    from tafol import rejected

    wanted = rejected.Wanted(reasons=_reasons(reason), since=_utc(since), newest=limit)
    found = rejected.read_kept(session.of(context).connection(), wanted, say, values=payload)
    if as_json:
        show_json([_kept_report(one, payload) for one in found])
        return
    if not found:
        show("Nothing was rejected." if wanted.newest and not (reason or since) else "No such record was rejected.")
        return
    rows = [
        (f"{one.rejected.appended_at:%Y-%m-%d %H:%M:%S}Z", str(one.rejected.origin), one.rejected.reason,
         str(one.rejected.bytes), one.rejected.message)
        for one in found
    ]  # fmt: skip
    show_table(
        ("came at", "origin", "reason", "bytes", "what is wrong"), rows, numbers=("bytes",), whole=("origin", "reason")
    )
    if payload:
        for one in found:
            show(f"\n{one.rejected.origin}\n{rejected.payload_text(one.value)}")


def rejected_replay(
    context: typer.Context,
    *,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", metavar="TOPIC[N]@OFFSET", help="This record; may be repeated.")
    ] = None,
    reason: Reason = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: session.Json = False,
) -> None:
    """Send rejected records again, byte for byte, to the topics they came from: after their cause was mended.

    What is still wrong is rejected again. Repeats of what was taken meanwhile are recognised.
    """
    from tafol import rejected

    if not origin and not reason and since is None:
        raise typer.BadParameter("say which records: --origin, --reason or --since", param_hint="--origin")
    origins = frozenset(str(rejected.parse_origin(one)) for one in origin or ())
    wanted = rejected.Wanted(origins=origins, reasons=_reasons(reason), since=_utc(since))
    connection = session.of(context).connection()
    found = rejected.read_kept(connection, wanted, say)
    by_topic = _count(one.rejected.origin.topic for one in found)
    if not as_json:
        _say_what_is_missing(found, wanted)
        for topic, records in by_topic.items():
            say(f"{records} record(s) for {topic}")
    sent = 0
    if found and not dry_run and (yes or _confirmed(len(found))):
        sent = rejected.replay(connection, found)
    if as_json:
        show_json({"found": [_kept_report(one, payload=False) for one in found], "sent": sent, "dry_run": dry_run})
    else:
        show(f"{len(found)} record(s) would be sent again." if dry_run else f"{sent} record(s) sent again.")


@contextmanager
def _input(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The stream to read, and its size in bytes where that is known."""
    from schemas.errors import ConfigError

    if file == "-":
        if sys.stdin.isatty():
            say("Reading lines from the terminal; Ctrl-D ends them.")
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    with stream:
        yield stream, path.stat().st_size if path.is_file() else None


def _read_so_far(stream: IO[bytes], state: Sending, size: int | None) -> int:
    return state.bytes if size is None else stream.tell()


def _summary(done: Sending) -> dict[str, Any]:
    return {
        "lines": done.lines,
        "acknowledged": done.acknowledged,
        "by_channel": done.by_channel,
        "refused": done.refused,
        "bytes": done.bytes,
        "interrupted": done.interrupted,
        "failure": None if done.failure is None else str(done.failure),
    }


def _show_summary(done: Sending) -> None:
    channels = ", ".join(f"{count} {channel}" for channel, count in sorted(done.by_channel.items()))
    show(f"{done.acknowledged} of {done.lines} lines sent and acknowledged" + (f" ({channels})" if channels else ""))
    if done.refused:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(done.refused.items()))
        show(f"{done.refused_lines} refused: {reasons}")
    if done.interrupted:
        show("Interrupted. To be sure of all, send the whole again: repeats are recognised.")


def _kept_report(one: Kept, payload: bool) -> dict[str, Any]:
    from tafol.rejected import payload_text

    report = {
        "origin": str(one.rejected.origin),
        "reason": one.rejected.reason,
        "message": one.rejected.message,
        "bytes": one.rejected.bytes,
        "appended_at": one.rejected.appended_at.isoformat(),
        "kept_at": str(one.kept_at),
    }
    return report | {"payload": payload_text(one.value)} if payload else report


def _reasons(given: list[str] | None) -> frozenset[str]:
    """Raises BadParameter for a reason that there is not."""
    from typing import get_args

    from schemas.rejected import RejectReason

    known = get_args(RejectReason)
    for one in given or ():
        if one not in known:
            raise typer.BadParameter(f"{one!r} is no reason; they are {', '.join(known)}", param_hint="--reason")
    return frozenset(given or ())


def _utc(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _count(topics: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for topic in topics:
        counts[topic] = counts.get(topic, 0) + 1
    return counts


def _say_what_is_missing(found: list[Kept], wanted: Wanted) -> None:
    for origin in sorted(wanted.origins - {str(one.rejected.origin) for one in found}):
        say(f"{origin} is not among the rejected records (any more).")


def _confirmed(records: int) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to ask: give --yes", param_hint="--yes")
    return typer.confirm(f"Send {records} record(s) again?", err=True)
