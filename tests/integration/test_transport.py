"""The batch transport, the runner and Faust on a real Kafka, in one process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata

from schemas.headers import StageOrigin, cloud_event
from streams.app import WorkerApp
from streams.connection import Connection
from streams.log_reader import LogReader
from streams.record_columns import RecordColumns
from streams.registers import Registers
from streams.runner import StageRunner
from streams.stage import Chunk, Output, Partition
from streams.topics import SNAPSHOTS
from streams.transport import ReadColumns
from streams.tuning import Tuning
from tests.fakes.broker import FixedRegisters, SilentObserver
from tests.fixtures.kafka import KafkaForTests
from tests.fixtures.native import native, needs_native

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

RECORDS = 2_000


@dataclass
class _Count:
    """Counts records; passes each on; fails where it is told to."""

    sources: tuple[str, ...]
    target: str
    name: str = "count"
    logic_version: int = 1
    side_topic: str | None = None
    fails_at: int | None = None
    chunk_sizes: list[int] = field(default_factory=list)
    slow_s: float = 0.0

    def initial(self, source: Partition) -> list[int]:
        return [0]

    def ready(self, registers: Registers) -> str | None:
        return None

    def step(self, state: list[int], chunk: Chunk, registers: Registers) -> list[Output]:
        time.sleep(self.slow_s)
        self.chunk_sizes.append(len(chunk.records))
        outputs = []
        for record in chunk.records:
            if record.value == b"%d" % (self.fails_at or -1):
                raise ValueError("told to")
            state[0] += 1
            origin = StageOrigin(self.name, *chunk.source, record.offset, 0)
            outputs.append(Output(self.target, record.key, record.value, cloud_event("copy", "x", origin)))
        return outputs

    def dump(self, state: list[int]) -> bytes:
        return json.dumps(state).encode()

    def load(self, source: Partition, raw: bytes) -> list[int]:
        loaded: list[int] = json.loads(raw)
        return loaded

    def recall(self, state: list[int], side_value: bytes, next_offset: int) -> None: ...

    def remembers_from(self, state: list[int], next_offset: int) -> int:
        return next_offset


@dataclass
class _Place:
    """Topics of one test."""

    bootstrap: str
    source: str
    target: str
    group: str

    @property
    def stage(self) -> _Count:
        return _Count((self.source,), self.target)

    def committed(self) -> dict[int, int]:
        with_admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            offsets = with_admin.list_group_offsets([self.group])[self.group]
        finally:
            with_admin.close()
        return {at.partition: found.offset for at, found in offsets.items()}

    async def values(self, topic: str) -> list[bytes]:
        reader = LogReader(Connection(self.bootstrap))
        try:
            homes: dict[Partition, int | None] = {Partition(topic, 0): None, Partition(topic, 1): None}
            return [record.value or b"" async for _, record in reader.read_to_end(homes)]
        finally:
            await reader.stop()


@pytest.fixture
def place(kafka: KafkaForTests, monkeypatch: pytest.MonkeyPatch) -> _Place:
    source, target, snapshots = (kafka.topic_name(name) for name in ("source", "target", "snapshots"))
    monkeypatch.setitem(SNAPSHOTS, "count", snapshots)
    client = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    client.create_topics([NewTopic(name, 2, 1) for name in (source, target)])
    client.create_topics([NewTopic(snapshots, 2, 1, topic_configs={"cleanup.policy": "compact"})])
    client.close()
    return _Place(kafka.bootstrap, source, target, f"group-of-{source}")


def _fill(
    place: _Place, numbers: range, *, in_transactions_of: int | None = None, compression: str | None = None
) -> None:
    options = {} if in_transactions_of is None else {"transactional_id": f"filler-{place.source}"}
    producer = KafkaProducer(bootstrap_servers=place.bootstrap, compression_type=compression, **options)
    if in_transactions_of is not None:
        producer.init_transactions()
    for first in range(numbers.start, numbers.stop, in_transactions_of or len(numbers)):
        if in_transactions_of is not None:
            producer.begin_transaction()
        for number in numbers[first - numbers.start :][: in_transactions_of or len(numbers)]:
            producer.send(place.source, key=b"%d" % number, value=b"%d" % number, partition=number % 2)
        producer.flush()
        if in_transactions_of is not None:
            producer.commit_transaction()
    producer.close()


@asynccontextmanager
async def _running(
    place: _Place, stage: _Count, tmp_path: Path, read_columns: ReadColumns | None = None, **tuning: int
) -> AsyncIterator[WorkerApp]:
    connection = Connection(place.bootstrap)
    app = WorkerApp(
        place.group,
        connection,
        data_dir=tmp_path,
        observer=SilentObserver(),
        tuning=Tuning(commit_interval_s=0.2, session_timeout_s=2.0, **tuning),
        read_columns={place.source: read_columns} if read_columns else None,
    )
    reader = LogReader(connection)
    runner = StageRunner(
        stage,
        group=app,
        registers=FixedRegisters(),
        reader=reader,
        observer=SilentObserver(),
        topic_ids={place.source: "id"},
        worker=f"w{time.monotonic_ns()}",
        monotonic_s=time.monotonic,
    )
    app.build([runner])
    await app.faust.start()
    try:
        yield app
    finally:
        await app.stop()
        await reader.stop()


async def _until(true: Callable[[], bool], within_s: float = 100.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "did not come about in time"
        await asyncio.sleep(0.05)


def _done(app: WorkerApp) -> int:
    return sum(app.runners[0].next_offsets().values())


async def test_everything_passes_once_in_chunks_and_is_committed(place: _Place, tmp_path: Path) -> None:
    _fill(place, range(RECORDS))
    stage = place.stage
    async with _running(place, stage, tmp_path, max_chunk_records=300) as app:
        await _until(lambda: _done(app) == RECORDS)
        await _until(lambda: sum(place.committed().values()) == RECORDS)
    assert sorted(await place.values(place.target)) == sorted(b"%d" % number for number in range(RECORDS))
    assert max(stage.chunk_sizes) <= 300
    assert len(stage.chunk_sizes) < RECORDS / 10, "chunks, not records"


async def test_a_second_worker_goes_on_from_the_snapshot_whatever_the_group_says(place: _Place, tmp_path: Path) -> None:
    _fill(place, range(RECORDS))
    async with _running(place, place.stage, tmp_path) as app:
        await _until(lambda: _done(app) == RECORDS)
    client = KafkaAdminClient(bootstrap_servers=place.bootstrap)
    await _until(lambda: not client.describe_groups([place.group])[place.group]["members"])
    client.alter_group_offsets(
        place.group, {TopicPartition(place.source, number): OffsetAndMetadata(3, "", -1) for number in (0, 1)}
    )
    client.close()
    _fill(place, range(RECORDS, RECORDS + 10))
    async with _running(place, place.stage, tmp_path) as app:
        await _until(lambda: _done(app) == RECORDS + 10)
    assert sorted(await place.values(place.target)) == sorted(b"%d" % number for number in range(RECORDS + 10))


@needs_native
async def test_columns_hold_what_objects_do_compressed_or_not(place: _Place, tmp_path: Path) -> None:
    stage, in_columns = place.stage, 0

    def read(fetched: bytes) -> RecordColumns | None:
        nonlocal in_columns
        found = native().records(fetched)
        in_columns += len(found or ())
        return found

    _fill(place, range(RECORDS), in_transactions_of=500)
    async with _running(place, stage, tmp_path, read, max_chunk_records=300):
        await _until(lambda: sum(stage.chunk_sizes) == RECORDS)
        for nth, codec in enumerate(("gzip", "snappy", "lz4", "zstd"), start=1):
            _fill(place, range(nth * RECORDS, (nth + 1) * RECORDS), compression=codec)
        await _until(lambda: sum(stage.chunk_sizes) == 5 * RECORDS)
    assert in_columns == 5 * RECORDS
    assert sorted(map(int, await place.values(place.target))) == list(range(5 * RECORDS))


async def test_transaction_markers_are_no_gaps(place: _Place, tmp_path: Path) -> None:
    _fill(place, range(100), in_transactions_of=10)
    async with _running(place, place.stage, tmp_path, max_chunk_records=7) as app:
        await _until(lambda: _done(app) == 100 + 2 * 10)
        assert app.failure is None
    assert sorted(await place.values(place.target)) == sorted(b"%d" % number for number in range(100))


async def test_a_stage_that_fails_stops_the_worker_before_anything_of_that_chunk_counts(
    place: _Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(place, range(100))
    stage = place.stage
    stage.fails_at = 61
    async with _running(place, stage, tmp_path, max_chunk_records=10) as app:
        await _until(lambda: app.failed)
        assert isinstance(app.failure, ValueError)
        asked = AsyncMock()
        monkeypatch.setattr(app.consumer, "commit_and_end_transactions", asked)
    asked.assert_not_awaited()  # the thread that crashed would never answer
    assert place.committed().get(1, 0) <= 30
    async with _running(place, place.stage, tmp_path) as app:
        await _until(lambda: _done(app) == 100)
    assert sorted(await place.values(place.target)) == sorted(b"%d" % number for number in range(100))


async def test_a_slow_stage_is_given_no_more_than_it_can_hold(place: _Place, tmp_path: Path) -> None:
    _fill(place, range(RECORDS))
    stage = place.stage
    stage.slow_s = 0.005
    async with _running(place, stage, tmp_path, max_chunk_records=20, buffered_chunks=2) as app:
        await _until(lambda: _done(app) == RECORDS)
    assert sorted(await place.values(place.target)) == sorted(b"%d" % number for number in range(RECORDS))
