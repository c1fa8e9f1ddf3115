"""Everything on one machine: the local servers and the workers, as children of this process.

Servers of the settings are used as they are; those that the settings leave out are run here. Children end with this
process, kill -9 included; Ctrl-C reaches this process alone, which stops the workers first and the servers last.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from sinks.clickhouse import ClickHouseStore
from sinks.migrate import migrate
from sinks.retention import Retention, apply_retention
from streams.connection import Connection
from streams.topics import topics
from tafol import clock, places, topics_admin
from tafol.errors import StartFailed
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.clickhouse import ClickHouseConfig, LocalClickHouse
from tafol.local.jars import Fetched
from tafol.local.process import Child
from tafol.settings import Settings
from tafol.status import GROUP_OF_ROLE

DESK: Final = "desk"
DEMO_DESK: Final = "demo-desk"
"""The desk with accounts to try it with."""
COMMANDS: Final = {
    **{role: ["worker", "--role", role] for role in GROUP_OF_ROLE},
    DESK: ["desk", "run"],
    DEMO_DESK: ["desk", "run", "--demo"],
}
"""What each child process runs."""
WORKER_GRACE_S: Final = 20.0
RESTART_AFTER_S: Final = 1.0
MOST_QUICK_DEATHS: Final = 5
"""A worker that dies so often, each time within QUICK_DEATH_S of its start, is not started again."""
QUICK_DEATH_S: Final = 30.0
LOG_LINES_QUOTED: Final = 8
LOOK_EVERY_S: Final = 1.0
HEAR_EVERY_S: Final = 0.1
"""How often `up` asks whether a signal came: a sleep goes on after one that was only noted."""

log = logging.getLogger(__name__)


@dataclass
class _Worker:
    """One worker process, and how it has fared."""

    role: str
    child: Child
    started_at_s: float
    quick_deaths: int = 0


class Server(Protocol):
    """A local server; LocalBroker and LocalClickHouse fit."""

    @property
    def running(self) -> bool: ...

    def start(self) -> object: ...


@dataclass
class _Served:
    """One local server, and when it was started again."""

    server: Server
    restarted_at_s: float | None = None


@dataclass
class Stack:
    """The stack of one data folder. `notify` takes sentences for a person; `on_fetched` the first download's progress.

    Enter it to have the servers running, topics and tables made; then `start_workers`, and `look_after` them about
    once a second. Leaving it stops everything.
    """

    settings: Settings
    config_file: Path | None = None
    notify: Callable[[str], None] = log.info
    on_fetched: Callable[[Fetched], None] = lambda _: None
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _workers: list[_Worker] = field(default_factory=list)
    _servers: dict[str, _Served] = field(default_factory=dict)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            if self.settings.kafka.bootstrap is None:
                config = BrokerConfig(places.broker_dir(self.settings), port=self.settings.kafka.local_port)
                broker = LocalBroker(config, notify=self.notify, on_fetched=self.on_fetched)
                self.serve("Kafka", opening.enter_context(broker))
            if self.settings.clickhouse.url is None:
                store = ClickHouseConfig(places.clickhouse_dir(self.settings), port=self.settings.clickhouse.local_port)
                clickhouse = LocalClickHouse(store, notify=self.notify)
                self.serve("ClickHouse", opening.enter_context(clickhouse))
            self._prepare()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._open:
            self.stop_workers()

    @property
    def connection(self) -> Connection:
        return places.kafka(self.settings)

    def store(self) -> ClickHouseStore:
        """A store of its own for the caller."""
        return ClickHouseStore.at(places.clickhouse_address(self.settings))

    def start_workers(self, roles: Sequence[str] = tuple(GROUP_OF_ROLE)) -> None:
        """Start one process a role; of COMMANDS."""
        for role in roles:
            self._workers.append(_Worker(role, self._spawn(role), clock.monotonic_s()))

    def look_after(self) -> None:
        """Start servers and workers that died again. Raises StartFailed when one keeps dying."""
        for name, served in self._servers.items():
            self._keep_running(name, served)
        for worker in self._workers:
            if not worker.child.ended.is_set():
                continue
            now_s = clock.monotonic_s()
            lived_s = now_s - worker.started_at_s
            worker.quick_deaths = worker.quick_deaths + 1 if lived_s < QUICK_DEATH_S else 0
            if worker.quick_deaths >= MOST_QUICK_DEATHS:
                raise StartFailed(
                    f"the {worker.role} worker died {worker.quick_deaths} times in a row; the end of its log "
                    f"({self.log_file(worker.role)}):\n{self._last_lines(worker.role)}"
                )
            if lived_s >= RESTART_AFTER_S:
                self.notify(f"The {worker.role} worker ended (exit code {worker.child.exit_code}) and starts again.")
                worker.child, worker.started_at_s = self._spawn(worker.role), now_s

    def serve(self, name: str, server: Server) -> None:
        """Look after a server that runs."""
        self._servers[name] = _Served(server)

    def _keep_running(self, name: str, served: _Served) -> None:
        if served.server.running:
            return
        now_s = clock.monotonic_s()
        if served.restarted_at_s is not None and now_s - served.restarted_at_s < QUICK_DEATH_S:
            raise StartFailed(
                f"the local {name} ended by itself, and once more within {QUICK_DEATH_S:.0f} s",
                hint=f"Is the disk of {self.settings.data_dir} full? Its log is in there, under {name.lower()}/log.",
            )
        self.notify(f"The local {name} ended by itself and starts again. If the disk is full, free space first.")
        served.server.start()
        served.restarted_at_s = clock.monotonic_s()

    def stop_workers(self) -> None:
        """Ask all workers to end, then wait for each."""
        for worker in self._workers:
            worker.child.terminate()
        for worker in self._workers:
            worker.child.stop(WORKER_GRACE_S)
        self._workers = []

    def worker_pids(self) -> dict[str, int]:
        """Process id by role."""
        return {worker.role: worker.child.pid for worker in self._workers}

    def log_file(self, role: str) -> Path:
        return places.runtime_dir(self.settings) / f"{role}.log"

    def _prepare(self) -> None:
        """Topics and tables as they are declared; both harmless when they are there."""
        connection = self.connection
        topics_admin.wait_for_broker(connection, self.settings.wait_for_broker_s, self.notify)
        kept = self.settings.topics
        declared = topics(kept.partitions, kept.source_retention_days, kept.record_retention_days)
        topics_admin.apply(connection, declared, self.settings.kafka.replication)
        store = self.store()
        try:
            migrate(store, clock.now)
            apply_retention(store, retention(self.settings))
        finally:
            store.close()

    def _spawn(self, role: str) -> Child:
        console = self.log_file(role)
        console.parent.mkdir(parents=True, exist_ok=True)
        if console.exists():
            console.replace(console.with_suffix(".log.1"))
        config = [] if self.config_file is None else ["--config", str(self.config_file.absolute())]
        argv = [sys.executable, "-m", "tafol", *config, "--data-dir", str(self.settings.data_dir.absolute())]
        return Child([*argv, *COMMANDS[role]], folder=Path.cwd(), console=console)

    def _last_lines(self, role: str) -> str:
        try:
            lines = self.log_file(role).read_text(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-LOG_LINES_QUOTED:])


def desk_url(settings: Settings) -> str | None:
    """Where the desk of this data folder answers; None while it does not."""
    try:
        said = json.loads(places.desk_address_file(settings).read_text())
        os.kill(said["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    return str(said["url"])


def retention(settings: Settings) -> Retention:
    """How long rows are kept."""
    kept = settings.clickhouse
    return Retention(
        transactions_days=kept.transactions_retention_days,
        reviews_days=kept.reviews_retention_days,
        rejected_days=kept.rejected_retention_days,
    )


class Told:
    """Whether a signal asked to stop; to be made in the main thread.

    While something starts (the first time, a download that takes a while) it raises KeyboardInterrupt, so that Ctrl-C
    is heard at once; later it only notes it, so that nothing is cut off half-way. No threading.Event: setting one in a
    signal's handler may wait for the very lock that the interrupted wait holds.
    """

    def __init__(self) -> None:
        self.to_stop = False
        self._starting = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def started(self) -> None:
        """From here on signals are only noted."""
        self._starting = False

    def _hear(self, *_: object) -> None:
        self.to_stop = True
        if self._starting:
            raise KeyboardInterrupt


def up(settings: Settings, config_file: Path | None, say: Callable[[str], None]) -> int:
    """Run the whole stack until a signal; the exit code. Raises TafolError when something does not start,
    KeyboardInterrupt when a signal came while the servers start."""
    told = Told()
    say("Starting Kafka and ClickHouse, where the settings name none ...")
    with Stack(settings, config_file, notify=say) as stack:
        told.started()
        stack.start_workers((*GROUP_OF_ROLE, DESK))
        address = places.clickhouse_address(settings)
        say(f"Kafka at {stack.connection.bootstrap}, ClickHouse at {address.host}:{address.port}; Ctrl-C stops all.")
        said, looked_at_s = False, clock.monotonic_s()
        while not told.to_stop:
            clock.sleep_s(HEAR_EVERY_S)
            if clock.monotonic_s() - looked_at_s < LOOK_EVERY_S:
                continue
            looked_at_s = clock.monotonic_s()
            stack.look_after()
            url = desk_url(settings)
            if url is not None and not said:
                said = True
                say(f"The desk is at {url}; accounts: tafol desk account add --help")
        say("Stopping.")
    return 0
