"""`tafol demo`: four simulated weeks that end now, through the whole pipeline, in about a minute.

It runs on servers and a data folder of its own, begun afresh each time, and ends with what the pipeline made of the
weeks beside what the simulator's ledger says must have come out. It succeeds only when the two agree.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from schemas.catalogue import REVIEW_TASKS
from schemas.errors import ConfigError, TafolError
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from sinks.clickhouse import ClickHouseStore
from sinks.queries.coverage import Coverage, coverage
from streams.connection import Connection
from tafol import clock, demo_report, examples, places, publish
from tafol import settings as all_settings
from tafol.demo_report import Played
from tafol.documents import read_frame, read_notices, read_scorecard
from tafol.kafka_clients import administrator
from tafol.local.jars import Fetched
from tafol.local.process import held, holder_of
from tafol.settings import Settings
from tafol.simulator.config import Expectations, ScoreDrop, SimulationConfig
from tafol.simulator.kafka_edge import Kafka, Reviewed, run_reviewers, send_events
from tafol.simulator.ledger import Ledger
from tafol.simulator.load import Load
from tafol.simulator.reviewers import Reviewers
from tafol.simulator.stream import SimulatedEvent, Simulation
from tafol.stack import DEMO_DESK, Stack, desk_url
from tafol.status import GROUP_OF_ROLE, group_lags

WEEKS: Final = 4
TRANSACTIONS_PER_WEEK: Final = 5_500
DROP_TEAM: Final = "cardiff-billing"
DROP_POINTS: Final = 15.0
DROP_WEEKS_BEFORE_THE_END: Final = 1
SEED: Final = 20
"""The simulated people and their luck are the same in every demo; the draws are not, for the frame's seed is new."""
ALL_DONE_WITHIN_S: Final = 120.0
LOOK_EVERY_S: Final = 0.5
FRESH_TRANSACTIONS: Final = 400
"""For people at the desk: some twenty tasks come of them."""
DESK_OPENS_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo plays."""

    days: int = 7 * WEEKS
    transactions_per_week: float = TRANSACTIONS_PER_WEEK


@dataclass
class _Play:
    """What the threads of a demo share."""

    stop: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None
    sent: int = 0
    reviewed: Reviewed = field(default_factory=Reviewed)
    all_sent: bool = False

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A thread's work; its failure is raised by the main thread."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - handed over, not swallowed: see `check`
            self.failure = self.failure or error
            self.stop.set()

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


def demo_settings(data_dir: Path | None) -> Settings:
    """The demo's profile. Raises ConfigError where the environment names servers that are not the demo's own."""
    found = all_settings.load(examples.DEMO_SETTINGS)
    if found.kafka.bootstrap is not None or found.clickhouse.url is not None:
        raise ConfigError(
            "the demo begins afresh each time, on servers of its own; the environment names others",
            hint="Unset TAFOL_KAFKA__BOOTSTRAP and TAFOL_CLICKHOUSE__URL for it.",
        )
    return found.model_copy(update={"data_dir": data_dir or found.data_dir / "demo"})


def run(data_dir: Path | None, plan: Plan, console: Console, *, stay: bool = False) -> int:
    """Play the demo; the exit code. Raises TafolError when something does not start or does not come to its end.

    `stay`: then open the review desk, with fresh tasks and accounts to try it with, until Ctrl-C.
    """
    settings = demo_settings(data_dir)
    _begin_afresh(settings.data_dir, console)
    console.print("Starting Kafka and ClickHouse ...")
    with (
        _fetching(console) as on_fetched,
        Stack(settings, examples.DEMO_SETTINGS, notify=console.print, on_fetched=on_fetched) as stack,
    ):
        console.print(f"Kafka and ClickHouse run; their data lie in {settings.data_dir}")
        frame, cards = publish_examples(stack.connection)
        stack.start_workers()
        config = simulation(plan, frame, clock.now())
        ledger = Ledger()
        covered = _play(stack, config, ledger, cards, console)
        store = stack.store()
        try:
            agrees = demo_report.show(console, store, covered, Played(ledger, frame, config))
        finally:
            store.close()
        if stay:
            _open_the_desk(stack, config, console)
        console.print("Stopping the servers; the data stay.")
    demo_report.show_how_to_go_on(console, settings.data_dir)
    return 0 if agrees else 1


def _open_the_desk(stack: Stack, config: SimulationConfig, console: Console) -> None:
    """The desk with accounts and tasks that wait for a person, until Ctrl-C."""
    console.print("\nOpening the review desk ...")
    _tasks_so_far_are_done(stack)
    stack.start_workers([DEMO_DESK])
    fresh = Load(config.model_copy(update={"run": "fresh"})).events(clock.now, FRESH_TRANSACTIONS)
    send_events(Kafka(stack.connection), fresh, stop=threading.Event())
    deadline_s = clock.monotonic_s() + DESK_OPENS_WITHIN_S
    while (url := desk_url(stack.settings)) is None:
        stack.look_after()
        if clock.monotonic_s() > deadline_s:
            raise TafolError("the desk did not open", hint=f"Its log: {stack.log_file(DEMO_DESK)}")
        clock.sleep_s(LOOK_EVERY_S)
    accounts = json.loads(places.demo_accounts_file(stack.settings).read_text())
    demo_report.show_desk(console, url, accounts)
    try:
        while True:
            stack.look_after()
            clock.sleep_s(1.0)
    except KeyboardInterrupt:
        console.print()


def _tasks_so_far_are_done(stack: Stack) -> None:
    """The simulated reviewers have answered them: the desk begins behind them."""
    from desk.kafka import GROUP  # noqa: PLC0415 - all of the desk comes with it, for seconds, and most demos end before

    homes = [TopicPartition(REVIEW_TASKS, number) for number in range(stack.settings.topics.partitions)]
    with administrator(stack.connection) as client:
        ends = client.list_partition_offsets(dict.fromkeys(homes, OffsetSpec.LATEST))
        client.alter_group_offsets(
            GROUP, {home: OffsetAndMetadata(int(end.offset), "", -1) for home, end in ends.items()}
        )


def simulation(plan: Plan, frame: SamplingFrame, now: datetime) -> SimulationConfig:
    """The weeks to play: they end now, and one team's handling gets worse in the last of them."""
    ends = now.astimezone(UTC).replace(microsecond=0)
    drop_from = (ends - timedelta(days=plan.days * DROP_WEEKS_BEFORE_THE_END / WEEKS)).astimezone(frame.zone).date()
    return SimulationConfig(
        seed=SEED,
        run="demo",
        starts=ends - timedelta(days=plan.days),
        ends=ends,
        transactions_per_week=plan.transactions_per_week,
        chat_turns=(6, 12),
        drop=ScoreDrop(team_id=DROP_TEAM, from_day=drop_from, points=DROP_POINTS),
        expects=Expectations.of(frame),
    )


def publish_examples(connection: Connection) -> tuple[SamplingFrame, dict[str, Scorecard]]:
    """Publish the shipped scorecards, notices and frame; returns the frame and the scorecards by 'id:version'."""
    cards = [read_scorecard(path) for path in examples.SCORECARDS]
    frame = read_frame(examples.FRAME).with_seed(secrets.token_bytes(32))
    for entry in (*cards, read_notices(examples.NOTICES), frame):
        publish.publish(connection, publish.plan(entry, publish.read_published(connection), clock.now()))
    return frame, {card.ref.key: card for card in cards}


def _play(
    stack: Stack, config: SimulationConfig, ledger: Ledger, cards: dict[str, Scorecard], console: Console
) -> Coverage:
    """Send, review, and wait until everything has arrived where it must."""
    play = _Play()
    broker = Kafka(stack.connection)
    events = list(Simulation(config).events())
    threads = [
        threading.Thread(target=_send, args=(play, broker, ledger, events), name="send"),
        threading.Thread(target=_review, args=(play, broker, Reviewers(config, cards)), name="review"),
    ]
    store = stack.store()
    try:
        for thread in threads:
            thread.start()
        return _until_all_is_done(stack, store, play, len(events), console)
    finally:
        play.stop.set()
        for thread in threads:
            thread.join()
        store.close()


def _send(play: _Play, broker: Kafka, ledger: Ledger, events: Sequence[SimulatedEvent]) -> None:
    with play.part():

        def note(_sent: int, acknowledged: int) -> None:
            play.sent = acknowledged

        send_events(broker, ledger.follow(events), stop=play.stop, progress=note)
        play.all_sent = True


def _review(play: _Play, broker: Kafka, reviewers: Reviewers) -> None:
    with play.part():

        def note(reviewed: Reviewed) -> None:
            play.reviewed = reviewed

        run_reviewers(broker, reviewers, now=clock.now, stop=play.stop, progress=note)


def _until_all_is_done(stack: Stack, store: ClickHouseStore, play: _Play, events: int, console: Console) -> Coverage:
    """Show progress until every event is read, every task answered, every row stored."""
    with _bars(console) as bars:
        sent = bars.add_task("sent by the contact centre", total=events)
        read = bars.add_task("read, judged and drawn", total=events)
        reviewed = bars.add_task("reviewed", total=None)
        deadline_s: float | None = None
        while True:
            play.check()
            stack.look_after()
            covered = coverage(store)
            _show(bars, {sent: play.sent, read: covered.total.read})
            answered = covered.total.selected - covered.total.awaiting
            bars.update(reviewed, completed=answered, total=covered.total.selected or None)
            if play.all_sent and covered.total.read >= events and covered.total.awaiting == 0 and _no_lag(stack):
                return coverage(store)
            now_s = clock.monotonic_s()
            if play.all_sent and deadline_s is None:
                deadline_s = now_s + ALL_DONE_WITHIN_S
            if deadline_s is not None and now_s > deadline_s:
                raise TafolError(
                    f"not everything arrived within {ALL_DONE_WITHIN_S:.0f} s: {covered.total.read} of {events} read, "
                    f"{covered.total.awaiting} tasks unanswered",
                    hint=f"The workers' logs: {stack.log_file('sampling').parent}",
                )
            clock.sleep_s(LOOK_EVERY_S)


def _no_lag(stack: Stack) -> bool:
    """Whether all groups have done all there is."""
    with administrator(stack.connection) as client:
        lags = group_lags(client, GROUP_OF_ROLE.values())
    return all(one.partitions and one.total == 0 for one in lags.values())


def _show(bars: Progress, done: dict[TaskID, int]) -> None:
    for task, completed in done.items():
        bars.update(task, completed=completed)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


@contextlib.contextmanager
def _fetching(console: Console) -> Iterator[Callable[[Fetched], None]]:
    """Progress of the first start's download of Kafka; shows nothing when it is there."""
    bars = Progress(
        TextColumn("fetching Kafka, once for all"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        console=console,
    )
    task: TaskID | None = None

    def fetched(one: Fetched) -> None:
        nonlocal task
        if task is None:
            bars.start()
            task = bars.add_task("", total=one.total_bytes)
        bars.update(task, completed=one.done_bytes)
        if one.done_bytes >= one.total_bytes:
            bars.stop()

    try:
        yield fetched
    finally:
        bars.stop()


def _begin_afresh(data_dir: Path, console: Console) -> None:
    """Remove what a former demo left. Only ever the demo's own folder, known by its mark."""
    mark = data_dir / ".tafol-demo"
    if data_dir.exists() and any(data_dir.iterdir()):
        if not mark.exists():
            raise ConfigError(f"{data_dir} holds something that no demo left there", hint="Name another --data-dir.")
        _refuse_if_in_use(data_dir)
        console.print("The data of the demo before are removed.")
        shutil.rmtree(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _refuse_if_in_use(data_dir: Path) -> None:
    for folder in (data_dir / "kafka", data_dir / "clickhouse"):
        holder = holder_of(folder) if folder.exists() else None
        if holder is not None:
            raise held(folder, holder)
