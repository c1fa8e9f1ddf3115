"""A worker: the Faust apps of one role, put together and run until a signal or a failure.

    sampling    sample, draw and route  consumer group tafol-sampling
    scoring     combine and detect      consumer group tafol-scoring
    sink        the ClickHouse writer   consumer group tafol-sink
    all         the three of them in one process

Roles have groups of their own, so that a slow ClickHouse never holds up a review queue.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import secrets
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, get_args

from aiokafka.errors import KafkaError

from schemas.catalogue import CANDIDATES, REVIEW_TASKS, SELECTIONS
from schemas.errors import ConfigError, TafolError
from sinks.batching import BatchLimits
from sinks.clickhouse import ClickHouseStore
from sinks.metrics import Metrics
from sinks.rows import ROWS_OF
from sinks.writer import SharedWait, Surroundings, Writer
from streams.app import Runner, WorkerApp
from streams.connection import Connection
from streams.drawing.stage import DrawStage
from streams.log_reader import LogReader
from streams.register_reader import RegisterReader
from streams.routing.stage import RouteStage
from streams.runner import StageRunner
from streams.sampling.native import Native
from streams.sampling.native import load as load_native
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.scoring.stage import CombineStage
from streams.stage import Partition, Stage
from streams.topics import SNAPSHOTS
from streams.trends.stage import DetectStage
from tafol import clock, logs, places
from tafol.announcement import announced
from tafol.health import HealthServer, Progress
from tafol.series_metrics import series_samples
from tafol.settings import Settings, read_secret
from tafol.sink_runner import NAME as SINK
from tafol.sink_runner import SinkRunner
from tafol.status import GROUP_OF_ROLE
from tafol.table_figures import TableFigures
from tafol.topics_admin import partition_counts, topic_ids, wait_for_broker
from tafol.watch import Watch

Role = Literal["sampling", "scoring", "sink", "all"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
GROUPS: Final = GROUP_OF_ROLE
"""Consumer group by role."""
SINK_TOPICS: Final = tuple(ROWS_OF)
WATCH_FAILURE_S: Final = 0.2
STOP_WITHIN_S: Final = 75.0
"""Longer than all runners together may take for their last snapshots (streams.app.FINISH_WITHIN_S each)."""
FIGURES_WITHIN_S: Final = 10
"""A worker that is asked to stop waits no longer for figures that are being read."""
BATCHES_AT_ONCE: Final = 2
"""That the sink writes: ClickHouse reads the rows of one with one thread, and sorts and stores it afterwards."""

log = logging.getLogger(__name__)

LARGE_CHUNK: Final = 1000
"""Records from which on sampling works beside the loop: less is done sooner than a thread is asked."""


def run(role: Role, settings: Settings) -> int:
    """Run a worker in this process until SIGTERM, SIGINT or a failure; the exit code. Raises TafolError at start."""
    logs.set_up(settings.log_level, clock.monotonic_s)
    connection = places.kafka(settings)
    wait_for_broker(connection, settings.wait_for_broker_s, log.warning)
    worker = _Worker(role, settings, connection)
    # Chunks are freed by reference counts; the collector would only walk the same long-lived objects again and again
    # (43 to 62 % more events/s, measured).
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    try:
        return asyncio.run(worker.run())
    finally:
        worker.hurry.cancel()


@dataclass
class _Worker:
    """The parts of one worker process."""

    role: Role
    settings: Settings
    connection: Connection
    name: str = field(default_factory=lambda: secrets.token_hex(6))
    stopping: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Timer = field(default_factory=lambda: threading.Timer(STOP_WITHIN_S, _give_up))
    """Runs from the moment that the worker stops: clients whose broker is away may wait for it for ever."""

    @cached_property
    def native(self) -> Native | None:
        """The compiled half of sampling, where there is one and it is wanted. Raises ConfigError."""
        try:
            return load_native() if self.settings.worker.compiled else None
        except OSError as error:
            raise ConfigError(
                f"the compiled half of sampling cannot be used: {error}",
                hint="Install Tafol again (uv sync --reinstall-package tafol), or switch it off: worker.compiled.",
            ) from error

    async def run(self) -> int:
        metrics = Metrics(clock.monotonic_s)
        progress = Progress(clock.monotonic_s, self.settings.worker.stalled_after_s)
        watch = Watch(metrics, progress)
        watch.state("starting")
        registers = RegisterReader(self.connection, clock.monotonic_s, watch.registers_read)
        reader = LogReader(self.connection)
        health = HealthServer(
            progress, metrics.registry, host=self.settings.worker.http_host, port=self.settings.worker.http_port
        )
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        apps = [self._app(role, watch, registers, reader) for role in self._roles]
        url = await health.start()
        try:
            with announced(places.runtime_dir(self.settings), self.role, url):
                log.info("worker %s (%s) at %s", self.name, self.role, url)
                await registers.start()
                async with self._figures(metrics):
                    await self._until_stopped(apps, stop, watch)
        finally:
            await registers.stop()
            await reader.stop()
            await health.stop()
        return 1 if any(app.failure is not None for app in apps) else 0

    @property
    def _roles(self) -> tuple[str, ...]:
        return tuple(GROUPS) if self.role == "all" else (self.role,)

    @asynccontextmanager
    async def _figures(self, metrics: Metrics) -> AsyncIterator[None]:
        """While rows are stored, show what only the tables know."""
        if "sink" not in self._roles:
            yield
            return
        address = replace(places.clickhouse_address(self.settings), answer_timeout_s=FIGURES_WITHIN_S)
        store = ClickHouseStore.at(address)
        figures = TableFigures(store, clock.now, clock.monotonic_s)
        metrics.show(figures.samples)
        stop = asyncio.Event()
        reading = asyncio.create_task(figures.read_until(stop), name="figures")
        try:
            yield
        finally:
            stop.set()
            await reading
            store.close()

    async def _until_stopped(self, apps: list[WorkerApp], stop: asyncio.Event, watch: Watch) -> None:
        try:
            for app in apps:
                await app.faust.start()
            watch.state("running")
            while not stop.is_set() and not any(app.failed for app in apps):
                watch.keep_only(_held(apps))
                try:
                    await asyncio.wait_for(stop.wait(), WATCH_FAILURE_S)
                except TimeoutError:
                    continue
        finally:
            watch.state("stopping")
            self.hurry.daemon = True
            self.hurry.start()
            for app in apps:
                try:
                    await app.stop()
                except (KafkaError, OSError, TafolError) as error:
                    log.warning("%s did not stop cleanly: %s", app.faust.conf.id, error)
            self.stopping.set()

    def _app(self, role: str, watch: Watch, registers: RegisterReader, reader: LogReader) -> WorkerApp:
        instance = self.settings.worker.instance_id
        app = WorkerApp(
            GROUPS[role],
            self.connection,
            data_dir=places.runtime_dir(self.settings) / "faust",
            observer=watch,
            tuning=self.settings.tuning,
            instance_id=None if instance is None else f"{instance}-{role}",
            read_columns=dict.fromkeys(SampleStage.sources, self.native.records)
            if role == "sampling" and self.native
            else {},
        )
        app.build(self._runners(role, app, watch, registers, reader))
        return app

    def _runners(
        self, role: str, app: WorkerApp, watch: Watch, registers: RegisterReader, reader: LogReader
    ) -> list[Runner]:
        if role == "sink":
            return [self._sink(watch, reader)]
        every_s = self.settings.worker.snapshot_every_s
        stages: list[tuple[Stage, float]] = (  # type: ignore[type-arg]  # each stage has a state of its own type
            [(self._sample(), 0.0), (DrawStage(), every_s), (RouteStage(), every_s)]
            if role == "sampling"
            else [(CombineStage(), every_s), (DetectStage(), every_s)]
        )
        runners = [
            StageRunner(
                stage,
                group=app,
                registers=registers,
                reader=reader,
                observer=watch,
                topic_ids=topic_ids(self.connection, (*stage.sources, SNAPSHOTS[stage.name])),
                worker=self.name,
                monotonic_s=clock.monotonic_s,
                snapshot_every_s=snapshot_every_s,
                beside_loop_from=LARGE_CHUNK if isinstance(stage, SampleStage) else None,
            )
            for stage, snapshot_every_s in stages
        ]
        if role == "scoring":
            detect = runners[-1]
            watch.metrics.show(lambda: series_samples(detect.states().values()))
        return list(runners)

    def _sample(self) -> SampleStage:
        """Every topic of a flow has as many partitions as the sources: a marker goes to each of `candidates`, and the
        partitions of selections and tasks are known before they are sent.
        """
        counts = partition_counts(self.connection, (*SampleStage.sources, CANDIDATES, SELECTIONS, REVIEW_TASKS))
        if len(set(counts.values())) > 1:
            named = ", ".join(f"{name} has {number}" for name, number in counts.items())
            raise ConfigError(
                f"the topics of transactions, candidates, selections and tasks differ in their partitions: {named}",
                hint="See docs/semantics.md: partition counts are fixed once topics exist.",
            )
        if self.native is None:
            log.warning("sampling works record by record, at several times the cost: tafol doctor says why")
        return SampleStage(pseudonyms(self.settings), counts[CANDIDATES], self.native)

    def _sink(self, watch: Watch, reader: LogReader) -> Runner:
        sink = self.settings.sink
        address = places.clickhouse_address(self.settings)

        def waits(reason: str | None) -> None:
            """In a writer's thread. A wait on purpose: the worker is live, for a restart would not help it."""
            watch.waiting(SINK, reason)
            if reason is None:
                log.info("the sink waits no longer")
            else:
                log.warning("the sink waits for %s", reason)

        around = Surroundings(clock.now, clock.monotonic_s, self.stopping.wait, random.random, SharedWait(waits))
        return SinkRunner(
            [Writer(ClickHouseStore.at(address), around, watch.metrics) for _ in range(BATCHES_AT_ONCE)],
            sources=SINK_TOPICS,
            reader=reader,
            observer=watch,
            topic_ids=topic_ids(self.connection, SINK_TOPICS),
            monotonic_s=clock.monotonic_s,
            limits=BatchLimits(rows=sink.max_rows, bytes=sink.max_bytes, age_s=sink.max_age_s),
        )


def _give_up() -> None:
    """End this process where it stands, as kill -9 would: what is not acknowledged will be read again."""
    log.error("not stopped after %.0f s, so ended without it; nothing is lost by that", STOP_WITHIN_S)
    os._exit(1)


def _held(apps: list[WorkerApp]) -> set[tuple[str, Partition]]:
    """(stage, partition) of everything that this worker holds."""
    return {(runner.name, at) for app in apps for runner in app.runners for at in runner.next_offsets()}


def pseudonyms(settings: Settings) -> Pseudonyms:
    """The key of the customers' pseudonyms: the file of the settings, or one made once in the data folder.

    All workers of an installation need the same key; without a common file only those on this machine share it.
    """
    path = settings.pseudonym_key_file
    if path is None:
        path = settings.data_dir / "pseudonym.key"
        if not path.exists():
            _make_key(path)
    text = read_secret("pseudonym_key_file", path)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigError(f"pseudonym_key_file: {path} must hold 32 bytes as 64 hex digits")
    return Pseudonyms(key)


def _make_key(path: Path) -> None:
    """Write a new key; when two workers start at once, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - mode at birth
        file.write(secrets.token_hex(32) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
