"""A whole installation to break: real Kafka, real ClickHouse, real worker processes, and the truth to compare with.

The truth is one undisturbed pass of the pure stages over the source log as it stands, after everything is over. Every
table must then hold exactly its records, by id: none lost, none doubled, none changed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec

from schemas import catalogue
from schemas.errors import TafolError
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from sinks.clickhouse import ClickHouseStore
from sinks.migrate import migrate
from sinks.queries.log_of_decisions import Period
from streams.stage import LogRecord, PlainRecord
from streams.topics import topics
from tafol import clock, examples, places, publish, settings, topics_admin
from tafol.documents import read_notices, read_scorecard
from tafol.frames.verify import verify
from tafol.kafka_clients import administrator, producer
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.clickhouse import ClickHouseConfig, LocalClickHouse
from tafol.local.process import Child, any_free_port
from tafol.simulator.config import Disorder, Expectations, ScoreDrop, SimulationConfig
from tafol.simulator.kafka_edge import REVIEWERS_GROUP, Kafka, run_reviewers, send_events
from tafol.simulator.reviewers import Reviewers
from tafol.simulator.stream import SimulatedEvent, Simulation
from tafol.status import GROUP_OF_ROLE, group_lags
from tafol.worker import pseudonyms
from tests.fault import documents
from tests.fault.truth import Truth, Verdict
from tests.integration.lossy_proxy import LossyProxy

MOST_DAYS: Final = 95
"""Events over more than three months, so that blocks of the sink span three partitions of a table."""
WATCH_EACH: Final = 6
"""Every sixth fault is watched until its role gets on; the others come quickly one after the other. Not of scoring:
what it waits for comes when reviewers have worked."""
MOST_RECOVERY_S: Final = 30.0
"""How long a fault may be watched; a role with nothing more to do shows no progress, and is not counted."""
DISK_MB: Final = 900
"""Of a rig with a small disk: room for everything, until something else takes it."""
REGISTERS_BY_TIME: Final = (catalogue.SAMPLING_FRAMES, catalogue.CHECK_REQUESTS)
SESSION_TIMEOUT_S: Final = 2.0
"""As short as the local broker allows twice over: a killed worker's partitions move quickly."""


@dataclass
class Process:
    """One worker process of a role."""

    role: str
    child: Child
    paused: bool = False


@dataclass
class Rig:
    """The installation. `workers`: how many processes of each role."""

    folder: Path
    partitions: int = 2
    workers: dict[str, int] = field(default_factory=lambda: {"sampling": 2, "scoring": 1, "sink": 1})
    small_disk: bool = False
    times_recovery: bool = True
    """Now and then a fault is followed by nothing until its role gets on; without, one follows the other."""
    seed: int = 1
    say: Callable[[str], None] = lambda _: None

    def __enter__(self) -> Self:
        self.chance = random.Random(self.seed)
        self._environment = {
            "TAFOL_WORKER__SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
            "TAFOL_WORKER__MAX_CHUNK_RECORDS": "300",
            "TAFOL_WORKER__SNAPSHOT_EVERY_S": "0.5",
            "TAFOL_WORKER__COMMIT_INTERVAL_S": "0.3",
            "TAFOL_SINK__MAX_AGE_S": "0.2",
            "TAFOL_TOPICS__PARTITIONS": str(self.partitions),
        }
        self._before: dict[str, str | None] = {}
        self._set(self._environment)
        self.settings = settings.load(data_dir=self.folder)
        self.processes: list[Process] = []
        self.faults = 0
        self.recoveries_s: list[float] = []
        self._jump_file = self.folder / "clock-jump-s"
        with ExitStack() as opening:
            if self.small_disk:
                opening.enter_context(_small_disk(self.folder))
            self.broker = LocalBroker(BrokerConfig(places.broker_dir(self.settings), port=any_free_port()))
            opening.enter_context(self.broker)
            self.clickhouse = LocalClickHouse(
                ClickHouseConfig(places.clickhouse_dir(self.settings), port=any_free_port())
            )
            opening.enter_context(self.clickhouse)
            self._prepare()
            access = self.clickhouse.access
            self.proxy = opening.enter_context(LossyProxy(access.host, access.port))
            password = self.folder / "password"
            password.touch(mode=0o600)
            password.write_text(access.password)
            # What is started from here on comes to ClickHouse by the proxy; this process does not.
            self._set(
                {
                    "TAFOL_CLICKHOUSE__URL": f"http://127.0.0.1:{self.proxy.port}",
                    "TAFOL_CLICKHOUSE__USERNAME": access.user,
                    "TAFOL_CLICKHOUSE__PASSWORD_FILE": str(password),
                }
            )
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._open:
            for process in self.processes:
                self._signal(process, signal.SIGCONT)
                process.child.stop(10.0)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _set(self, variables: dict[str, str]) -> None:
        self._before |= {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    def start_workers(self) -> None:
        for role, number in self.workers.items():
            for _ in range(number):
                self.processes.append(Process(role, self._spawn(role)))

    def kill(self, process: Process) -> None:
        """kill -9, and start another at once; notes now and then how long the role then took to get on."""
        watched = self.times_recovery and self.faults % WATCH_EACH == 0 and process.role != "scoring"
        before = self._progress(process.role) if watched else 0
        self._signal(process, signal.SIGKILL)
        process.child.ended.wait()
        killed_at_s = time.monotonic()
        process.child = self._spawn(process.role)
        self.faults += 1
        while watched and time.monotonic() - killed_at_s < MOST_RECOVERY_S:
            if self._progress(process.role) > before:
                self.recoveries_s.append(time.monotonic() - killed_at_s)
                return
            time.sleep(0.1)

    def restart(self, process: Process) -> None:
        """Asked to stop, waited for, started again."""
        process.child.stop(20.0)
        process.child = self._spawn(process.role)
        self.faults += 1

    def join(self, role: str) -> Process:
        process = Process(role, self._spawn(role))
        self.processes.append(process)
        return process

    def leave(self, process: Process, number: int) -> None:
        self.processes.remove(process)
        self._signal(process, number)
        process.child.stop(20.0)

    def jump_clocks(self, seconds: float) -> None:
        """The workers' clocks, which tafol/clock.py reads, are off by so much from now on."""
        self._jump_file.write_text(str(seconds))
        self.faults += 1

    def pause(self, process: Process, seconds: float) -> None:
        """SIGSTOP for longer than the session: others take over, then it wakes up and goes on."""
        self._signal(process, signal.SIGSTOP)
        time.sleep(seconds)
        self._signal(process, signal.SIGCONT)
        self.faults += 1

    def kill_broker(self, away_s: float) -> None:
        self._kill_server(self.broker, away_s)

    def kill_clickhouse(self, away_s: float) -> None:
        self._kill_server(self.clickhouse, away_s)

    def _kill_server(self, server: LocalBroker | LocalClickHouse, away_s: float) -> None:
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(away_s)
        while server.running:  # the kernel takes a moment
            time.sleep(0.01)
        server.start()
        self.faults += 1

    def fill_disk(self, full_s: float) -> None:
        """Something else takes all the space there is, for so long. What ended by itself is started again then."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(2**20))
        time.sleep(full_s)
        filler.unlink()
        for server in (self.broker, self.clickhouse):
            if not server.running:
                self.say(f"{type(server).__name__} had ended by itself")
                server.start()
        for role in self.revive():
            self.say(f"a {role} worker had ended by itself")
        self.faults += 1

    def revive(self) -> list[str]:
        """Start again what ended by itself; which roles that were."""
        ended = [process for process in self.processes if process.child.ended.is_set()]
        for process in ended:
            process.child = self._spawn(process.role)
        return [process.role for process in ended]

    def simulation(self, transactions: int, days: int = MOST_DAYS) -> SimulationConfig:
        """About so many transactions over so many days that end now."""
        ends = clock.now().replace(microsecond=0)
        return SimulationConfig(
            seed=self.seed,
            run=f"rig{self.seed}",
            starts=ends - timedelta(days=days),
            ends=ends,
            transactions_per_week=transactions / days * 7,
            chat_turns=(6, 8),
            disorder=Disorder(late=0.0),
            drop=ScoreDrop(team_id="cardiff-sales", from_day=(ends - timedelta(days=days // 3)).date(), points=30),
            expects=Expectations.of(self.frame),
        )

    def feed(self, config: SimulationConfig, per_second: float) -> Feeding:
        """Send the events and play the reviewers, in threads, while faults happen."""
        return Feeding(self, config, per_second)

    def wait_until_done(self, sent: int, within_s: float) -> None:
        """Until everything is read, answered and stored; then the workers stop, so that nothing more comes.

        Idle sources would go on closing windows. The order is that of the data: what one role leaves, the next reads.
        """
        deadline = time.monotonic() + within_s
        self._until(lambda: self._read() >= sent and self._idle(*GROUP_OF_ROLE.values(), REVIEWERS_GROUP), deadline)
        self._stop("sampling")
        self._until(lambda: self._idle(GROUP_OF_ROLE["scoring"], GROUP_OF_ROLE["sink"], REVIEWERS_GROUP), deadline)
        self._stop("scoring")
        self._until(lambda: self._idle(GROUP_OF_ROLE["sink"]), deadline)
        self._stop("sink")

    def compare(self) -> Verdict:
        """The tables against one undisturbed pass, and every decision in them made again from the tables alone."""
        logs: dict[str, dict[int, list[LogRecord]]] = {}

        def log(topic: str) -> dict[int, list[LogRecord]]:
            if topic not in logs:
                logs[topic] = self.log(topic)
            return logs[topic]

        truth = Truth.of(log, pseudonyms(self.settings))
        store = self.store()
        try:
            verdict = truth.judge(store.rows)
            period = Period(self.begins - timedelta(days=1), clock.now() + timedelta(days=1))
            again = verify(store, truth.registers, period)
        finally:
            store.close()
        assert again.checked == verdict.rows["transactions"], "every stored decision is made again"
        verdict.changed["decisions made again (frame verify)"] = again.disagree
        for example in (*verdict.examples, *again.disagreements):
            self.say(f"NOT EXACT: {example}")
        return verdict

    def announce(self, entry: SamplingFrame | CheckRequest, at: datetime) -> None:
        """Put an entry on its register as if it had been published at `at`, for the rig's days go by in a second.

        Workers know it within seconds; nothing of its time may be decided within a minute from now.
        """
        topic = catalogue.SAMPLING_FRAMES if isinstance(entry, SamplingFrame) else catalogue.CHECK_REQUESTS
        with producer(places.kafka(self.settings)) as client:
            client.send(
                topic,
                key=entry.ref.key.encode(),
                value=entry.model_dump_json().encode(),
                timestamp_ms=round(at.timestamp() * 1000),
            ).get(timeout=60)

    def log(self, topic: str) -> dict[int, list[LogRecord]]:
        """All records of a topic, by partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.broker.bootstrap, enable_auto_commit=False)
        try:
            numbers = sorted(consumer.partitions_for_topic(topic) or ())
            homes = [TopicPartition(topic, number) for number in numbers]
            consumer.assign(homes)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(homes)
            records: dict[int, list[LogRecord]] = {number: [] for number in numbers}
            while any(consumer.position(home) < ends[home] for home in homes):
                for home, batch in consumer.poll(timeout_ms=500).items():
                    records[home.partition] += [
                        PlainRecord(one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in batch
                    ]
            return records
        finally:
            consumer.close()

    def store(self) -> ClickHouseStore:
        return ClickHouseStore.at(places.clickhouse_address(self.settings))

    def _prepare(self) -> None:
        kept = self.settings.topics
        connection = places.kafka(self.settings)
        declared = topics(kept.partitions, MOST_DAYS + 15, kept.record_retention_days)
        topics_admin.apply(connection, declared, 1)
        with administrator(connection) as client:
            by_time = {"message.timestamp.type": "CreateTime"}
            client.alter_configs([ConfigResource("TOPIC", topic, by_time) for topic in REGISTERS_BY_TIME])
        store = self.store()
        migrate(store, clock.now)
        store.close()
        cards = [read_scorecard(path) for path in examples.SCORECARDS]
        self.frame = documents.frame(MOST_DAYS + 5.0)
        self.cards = {card.ref.key: card for card in cards}
        for entry in (*cards, read_notices(examples.NOTICES), documents.detectors(), self.frame):
            publish.publish(connection, publish.plan(entry, publish.read_published(connection), clock.now()))
        self.begins = clock.now().replace(microsecond=0) - timedelta(days=MOST_DAYS)
        for request in documents.checks(self.begins, MOST_DAYS):
            self.announce(request, request.holds_from - timedelta(hours=1))

    def _spawn(self, role: str) -> Child:
        console = self.folder / f"{role}-{len(list(self.folder.glob('*.log')))}.log"
        arguments = ["--data-dir", str(self.folder), "worker", "--role", role]
        program = [sys.executable, str(Path(__file__).with_name("jumpy_worker.py")), str(self._jump_file)]
        return Child([*program, *arguments], folder=Path.cwd(), console=console)

    def _progress(self, role: str) -> int:
        """A number that grows while a role gets on; -1 while the servers do not answer."""
        try:
            if role == "sink":
                store = self.store()
                try:
                    rows = store.ask("SELECT sum(next_offset) AS done FROM sink_positions FINAL", {})
                finally:
                    store.close()
                return int(str(rows[0]["done"]))
            topic = {"sampling": catalogue.DECIDED, "scoring": catalogue.SCORES}[role]
            homes = [TopicPartition(topic, number) for number in range(self.partitions)]
            with administrator(places.kafka(self.settings)) as client:
                ends = client.list_partition_offsets(dict.fromkeys(homes, OffsetSpec.LATEST))
            return sum(int(end.offset) for end in ends.values())
        except TafolError:
            return -1

    @staticmethod
    def _signal(process: Process, number: int) -> None:
        if not process.child.ended.is_set():
            os.kill(process.child.pid, number)

    def _read(self) -> int:
        store = self.store()
        try:
            rows = store.ask("SELECT sum(read) AS read FROM current_read_counts", {})
        finally:
            store.close()
        return int(str(rows[0]["read"]))

    def _lags(self) -> dict[str, int | None]:
        with administrator(places.kafka(self.settings)) as client:
            groups = group_lags(client, (*GROUP_OF_ROLE.values(), REVIEWERS_GROUP))
        return {name: one.total if one.partitions else None for name, one in groups.items()}

    def _idle(self, *groups: str) -> bool:
        lags = self._lags()
        return all(lags[group] == 0 for group in groups)

    def _until(self, done: Callable[[], bool], deadline_s: float) -> None:
        while time.monotonic() < deadline_s:
            self.revive()
            if done():
                return
            time.sleep(0.5)
        raise AssertionError(f"not done in time: {self._lags()}")

    def _stop(self, role: str) -> None:
        for one in [one for one in self.processes if one.role == role]:
            self.processes.remove(one)
            one.child.stop(20.0)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A file system of DISK_MB on `folder`, in memory. Raises PermissionError where this process may not mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        raise PermissionError("a small disk is a tmpfs, and mounting one takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


class Feeding:
    """Events at a pace and reviewers at work, until the events end."""

    def __init__(self, rig: Rig, config: SimulationConfig, per_second: float) -> None:
        self._rig = rig
        self.config = config
        self._per_second = per_second
        self._stop = threading.Event()
        self._failures: list[Exception] = []
        self.sent = 0
        self._sending = threading.Thread(target=self._send)
        self._reviewing = threading.Thread(target=self._review)

    def __enter__(self) -> Self:
        self._sending.start()
        self._reviewing.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._sending.join()
        self._reviewing.join()
        if error is None and self._failures:
            raise self._failures[0]

    @property
    def length_s(self) -> float:
        """How long the events take at their pace, about."""
        config = self.config
        weeks = (config.ends - config.starts) / timedelta(weeks=1)
        return config.transactions_per_week * weeks / self._per_second

    @property
    def running(self) -> bool:
        return self._sending.is_alive()

    def wait(self) -> None:
        """Until the events end."""
        self._sending.join()

    def _send(self) -> None:
        try:
            broker = Kafka(places.kafka(self._rig.settings))
            self.sent = send_events(broker, self._paced(Simulation(self.config).events()), stop=self._stop)
        except Exception as error:  # noqa: BLE001 - raised by __exit__
            self._failures.append(error)

    def _paced(self, events: Iterable[SimulatedEvent]) -> Iterator[SimulatedEvent]:
        begun = time.monotonic()
        for number, event in enumerate(events):
            ahead_s = begun + number / self._per_second - time.monotonic()
            if ahead_s > 0.02 and self._stop.wait(ahead_s):
                return
            yield event

    def _review(self) -> None:
        reviewers = Reviewers(self.config, self._rig.cards)
        while not self._stop.is_set():
            try:
                run_reviewers(Kafka(places.kafka(self._rig.settings)), reviewers, now=clock.now, stop=self._stop)
            except Exception as error:  # noqa: BLE001 - a broker away ends a desk's connection; it comes again
                self._rig.say(f"the reviewers begin again: {type(error).__name__}")
                self._stop.wait(1.0)
