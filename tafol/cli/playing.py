"""simulate: a plausible contact centre that sends, and reviewers who answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tafol.cli import session
from tafol.cli.screen import say, show, show_json

if TYPE_CHECKING:
    from streams.connection import Connection
    from tafol.simulator.config import SimulationConfig
    from tafol.simulator.ledger import Ledger
    from tafol.simulator.stream import SimulatedEvent

DATE: Final = ["%Y-%m-%d"]
LOOK_EVERY_S: Final = 0.2


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel=session.RUN)(simulate)


def simulate(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(min=1, max=35, help="Simulated days, ending now.")] = 7,
    per_week: Annotated[int, typer.Option("--per-week", min=1, max=10_000_000, help="Transactions a week.")] = 5_500,
    speed: Annotated[
        float | None, typer.Option(help="Simulated seconds a second. Default: as fast as it goes.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Events a second, whatever their times.")] = None,
    load: Annotated[
        bool, typer.Option("--load", help="Sound events that end now, for load: until Ctrl-C or --count.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="With --load: so many events.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, span and run: same bytes.")] = 1,
    run: Annotated[
        str | None, typer.Option(help="First part of every transaction id. Default: sim and the time of the start.")
    ] = None,
    drop_team: Annotated[str | None, typer.Option("--drop-team", help="A team whose quality drops.")] = None,
    drop_from: Annotated[
        datetime | None, typer.Option("--drop-from", formats=DATE, help="First day of the drop.")
    ] = None,
    drop_points: Annotated[float, typer.Option("--drop-points", min=1, max=100, help="By so many points.")] = 12.0,
    send: Annotated[bool, typer.Option("--send/--no-send", help="Whether transactions are sent.")] = True,
    review: Annotated[
        bool, typer.Option("--review/--no-review", help="Whether reviewers answer tasks, until Ctrl-C.")
    ] = False,
    ledger: Annotated[Path | None, typer.Option(help="Write what was sent, and must come of it, to this file.")] = None,
    as_json: session.Json = False,
) -> None:
    """Play a contact centre: send its transactions, and with --review answer the review tasks that come of them.

    A sampling frame must be published: the simulator judges by its rules what must become of each event.
    """
    _refuse_what_does_not_fit(send=send, review=review, load=load, count=count, drop=(drop_team, drop_from))
    here = session.of(context)
    connection = here.connection()
    config = _config(
        connection, days=days, per_week=per_week, seed=seed, run=run, drop=(drop_team, drop_from, drop_points)
    )
    from tafol.simulator.ledger import Ledger

    book = Ledger(keep_transactions=ledger is not None)
    acknowledged, interrupted = 0, False
    stop = threading.Event()
    try:
        with _reviewers(connection, config, stop) if review else _nobody():
            if send:
                events = _events(config, load=load, count=count, speed=speed, rate=rate, stop=stop)
                acknowledged = _send(connection, book, events, stop)
                say(f"{acknowledged} events sent and acknowledged.")
            while review and not stop.is_set():
                _sleep(LOOK_EVERY_S, stop)
    except KeyboardInterrupt:
        interrupted = True
    if ledger is not None:
        book.write(ledger)
    if as_json:
        show_json(book.as_json())
    elif send:
        totals = book.totals()
        show(
            f"Sent {totals.sent}: {totals.eligible} eligible, {totals.repeats} repeats, "
            f"{sum(totals.excluded.values())} to be excluded, {sum(totals.rejected.values())} to be rejected."
        )
    if interrupted and not review:
        raise KeyboardInterrupt


def _refuse_what_does_not_fit(
    *, send: bool, review: bool, load: bool, count: int | None, drop: tuple[str | None, datetime | None]
) -> None:
    if not send and not review:
        raise typer.BadParameter("--no-send without --review leaves nothing to do", param_hint="--no-send")
    if count is not None and not load:
        raise typer.BadParameter("goes with --load", param_hint="--count")
    if (drop[0] is None) != (drop[1] is None):
        raise typer.BadParameter("goes with --drop-from, and that with it", param_hint="--drop-team")


def _config(
    connection: Connection,
    *,
    days: int,
    per_week: int,
    seed: int,
    run: str | None,
    drop: tuple[str | None, datetime | None, float],
) -> SimulationConfig:
    """Raises ConfigError for values that do not fit together, or while no frame is published."""
    from pydantic import ValidationError

    from schemas.errors import ConfigError
    from schemas.transaction import explain
    from streams.registers import Timeline
    from tafol import clock, publish
    from tafol.simulator.config import Expectations, ScoreDrop, SimulationConfig

    ends = clock.now().astimezone(UTC).replace(microsecond=0)
    frame = Timeline.of("sampling frame", publish.read_published(connection).frames).at(ends)
    if frame is None:
        raise ConfigError("no sampling frame is published", hint="Publish one: tafol frame publish FILE")
    team, first_day, points = drop
    try:
        return SimulationConfig(
            seed=seed,
            run=run or f"sim{ends:%Y%m%d%H%M%S}",
            starts=ends - timedelta(days=days),
            ends=ends,
            time_zone=frame.time_zone,
            transactions_per_week=per_week,
            drop=None
            if team is None or first_day is None
            else ScoreDrop(team_id=team, from_day=first_day.date(), points=points),
            expects=Expectations.of(frame),
        )
    except ValidationError as error:
        raise ConfigError(f"this cannot be simulated: {explain(error)}") from None


def _events(
    config: SimulationConfig,
    *,
    load: bool,
    count: int | None,
    speed: float | None,
    rate: float | None,
    stop: threading.Event,
) -> Iterator[SimulatedEvent]:
    from tafol import clock
    from tafol.simulator.load import Load
    from tafol.simulator.pace import paced
    from tafol.simulator.stream import Simulation

    events = Load(config).events(clock.now, count) if load else Simulation(config).events()
    return paced(
        events,
        clock=clock.monotonic_s,
        sleep=partial(_sleep, stop=stop),
        starts=config.starts,
        speed=speed,
        rate_per_s=rate,
    )


def _sleep(seconds: float, stop: threading.Event) -> None:
    """Sleep, until `stop` at the longest. Not by waiting on it: Ctrl-C in there can leave its lock taken for ever."""
    from tafol import clock

    until_s = clock.monotonic_s() + seconds
    while not stop.is_set() and (left_s := until_s - clock.monotonic_s()) > 0:
        clock.sleep_s(min(left_s, LOOK_EVERY_S))


def _send(connection: Connection, book: Ledger, events: Iterator[SimulatedEvent], stop: threading.Event) -> int:
    from tafol.simulator.kafka_edge import Kafka, send_events

    return send_events(Kafka(connection), book.follow(events), stop=stop)


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _reviewers(connection: Connection, config: SimulationConfig, stop: threading.Event) -> Iterator[None]:
    """Reviewers at work in a thread, until the block ends; their failure ends the block and is raised."""
    from tafol import clock
    from tafol.simulator.kafka_edge import Kafka, run_reviewers
    from tafol.simulator.reviewers import Reviewers

    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["done"] = run_reviewers(Kafka(connection), Reviewers(config, {}), now=clock.now, stop=stop)
        except Exception as error:  # noqa: BLE001 - raised again by the main thread, below
            outcome["error"] = error
            stop.set()

    thread = threading.Thread(target=work, name="reviewers")
    thread.start()
    say("Reviewers are at work; Ctrl-C ends.")
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if "error" in outcome:
            raise outcome["error"]
        say(f"{outcome['done'].reviews} reviews of {outcome['done'].tasks} tasks returned.")
