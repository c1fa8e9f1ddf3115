"""A worker's Faust app: thin agents over the runners of its role.

Each runner gets one agent over its source topics; an agent awaits `process` and acknowledges nothing itself. Any error
that comes out of a runner stops the worker before anything after it is acknowledged: Kafka then delivers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import faust
from aiokafka.errors import KafkaError

from streams.around_runner import Acknowledgeable
from streams.connection import Connection
from streams.observer import Observer
from streams.stage import Partition
from streams.transport import ChunkedApp, ChunkSchema, ChunkSettings, Producer, ReadColumns
from streams.transport.consumer import Consumer
from streams.tuning import Tuning

TICK_S: Final = 0.5
RETRY_TAKE_OVER_S: Final = 1.0
FINISH_WITHIN_S: Final = 10.0
MAX_POLL_INTERVAL_S: Final = 7 * 86_400.0
"""A sink whose store is away does not poll, and must keep its place in the group all the same."""

log = logging.getLogger(__name__)


class Runner(Protocol):
    """What an agent drives: a StageRunner, or the sink."""

    @property
    def name(self) -> str: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    async def take_over(self, partitions: Iterable[Partition], generation: int, epoch: int) -> Mapping[Partition, int]:
        """Where each partition goes on."""

    async def process(self, event: Acknowledgeable) -> None:
        """Work on one chunk; acknowledge it when its effects are safe, now or later."""

    async def tick(self) -> None:
        """Called about twice a second: what became due while no chunk came."""

    async def finish(self) -> None:
        """Called before a clean stop: make safe what is owed."""

    def next_offsets(self) -> Mapping[Partition, int]:
        """How far each partition has been read."""


class WorkerApp:
    """One consumer group's member: a Faust app and its runners.

    Runners are made by the caller with this object as their `Group`, and given to `build`.
    """

    def __init__(
        self,
        group_id: str,
        connection: Connection,
        *,
        data_dir: Path,
        observer: Observer,
        tuning: Tuning | None = None,
        instance_id: str | None = None,
        read_columns: Mapping[str, ReadColumns] | None = None,
    ) -> None:
        tuning = tuning or Tuning()
        self._observer = observer
        self._runners: list[Runner] = []
        self._by_topic: dict[str, Runner] = {}
        self.failure: BaseException | None = None
        self.faust = _chunked_app(
            group_id,
            connection,
            tuning,
            ChunkSettings(self._take_over, tuning.max_chunk_records, read_columns or {}),
            datadir=str(data_dir),
            consumer_group_instance_id=instance_id,
        )

    @property
    def producer(self) -> Producer:
        return cast("Producer", self.faust.producer)

    @property
    def consumer(self) -> Consumer:
        return cast("Consumer", self.faust.consumer)

    @property
    def generation(self) -> int:
        return int(self.faust.consumer_generation_id)

    @property
    def runners(self) -> Sequence[Runner]:
        return self._runners

    def seek_again(self) -> None:
        self.consumer.seek_again()

    def log_end(self, source: Partition) -> int | None:
        try:
            end: int | None = self.consumer.highwater(source)  # type: ignore[arg-type]  # any (topic, partition) pair
        except AssertionError:
            return None  # aiokafka insists that it is assigned; a rebalance took it away, and may do so at any moment
        return end

    def build(self, runners: Iterable[Runner]) -> None:
        """Make one agent for each runner. Once, before the app starts."""
        for runner in runners:
            self._runners.append(runner)
            self._by_topic |= dict.fromkeys(runner.sources, runner)
            topic = self.faust.topic(*runner.sources, schema=ChunkSchema())
            self.faust.agent(topic, name=f"{self.faust.conf.id}.{runner.name}")(self._agent(runner))
        self.faust.timer(TICK_S, name="tick")(self._tick)

    @property
    def failed(self) -> bool:
        """Whether this app can't go on: a runner failed, or Faust itself."""
        return self.failure is not None or self.faust.crashed

    async def stop(self) -> None:
        """Make safe what is owed, then leave the group."""
        if not self.failed:
            for runner in self._runners:
                try:
                    await asyncio.wait_for(runner.finish(), FINISH_WITHIN_S)
                except (KafkaError, OSError, TimeoutError) as error:
                    log.warning("%s: stopped before its last snapshot (%s)", runner.name, type(error).__name__)
        await self.faust.stop()

    async def fail(self, error: BaseException) -> None:
        """Stop this worker because of `error`: nothing after it is acknowledged."""
        if self.failure is None:
            self.failure = error
            log.error("stopping: %s", error, exc_info=error)
        await self.faust.crash(error)

    def _agent(self, runner: Runner) -> Callable[[faust.StreamT[Any]], Any]:
        async def agent(stream: faust.StreamT[Any]) -> None:
            async for event in cast("faust.Stream[Any]", stream).noack().events():
                try:
                    await runner.process(cast("Acknowledgeable", event))
                except Exception as error:  # noqa: BLE001 - whatever it is, the worker must not go on past this chunk
                    await self.fail(error)
                    await asyncio.Event().wait()

        return agent

    async def _tick(self) -> None:
        for runner in self._runners:
            try:
                await runner.tick()
            except Exception as error:  # noqa: BLE001 - as in the agent
                await self.fail(error)
                return
            for source, next_offset in runner.next_offsets().items():
                end = self.log_end(source)
                self._observer.position(runner.name, source, next_offset, end if end is not None else next_offset)

    async def _take_over(self, partitions: Iterable[Partition], generation: int, epoch: int) -> dict[Partition, int]:
        """Ask every runner for its partitions; a broker or store that is away is waited for, anything else stops."""
        shares: dict[str, list[Partition]] = {runner.name: [] for runner in self._runners}
        for partition in partitions:
            shares[self._by_topic[partition.topic].name].append(partition)
        positions: dict[Partition, int] = {}
        for runner in self._runners:
            while epoch == self.consumer.epoch:
                try:
                    positions |= await runner.take_over(shares[runner.name], generation, epoch)
                    break
                except (KafkaError, OSError, TimeoutError) as error:
                    log.warning("%s cannot read its state yet: %s", runner.name, type(error).__name__)
                    await asyncio.sleep(RETRY_TAKE_OVER_S)
                except Exception as error:
                    await self.fail(error)
                    raise
        return positions


def _chunked_app(
    group_id: str, connection: Connection, tuning: Tuning, chunks: ChunkSettings, **options: Any
) -> ChunkedApp:
    return ChunkedApp(
        group_id,
        **connection.faust(),
        **options,
        chunks=chunks,
        store="memory://",
        web_enabled=False,  # Faust's own endpoints serve tables and routes to anyone who asks
        topic_disable_leader=True,
        topic_allow_declare=False,  # topics are made by `tafol topics apply` alone
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=int(tuning.metadata_max_age_s * 1000),
        consumer_max_fetch_size=tuning.max_fetch_bytes,
        broker_session_timeout=tuning.session_timeout_s,
        broker_heartbeat_interval=tuning.session_timeout_s / 6,
        broker_commit_interval=tuning.commit_interval_s,
        broker_max_poll_interval=MAX_POLL_INTERVAL_S,
        producer_linger=0.0,
        producer_max_batch_size=1024 * 1024,
        producer_max_request_size=4 * 1024 * 1024,
        stream_buffer_maxsize=tuning.buffered_chunks,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
    )
