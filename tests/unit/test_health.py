"""A worker's endpoints: live while something moves, ready while it decides, and plain words for what is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from sinks.metrics import Metrics
from streams.stage import Partition
from tafol.health import HealthServer, Progress
from tafol.watch import Watch

HERE = Partition("transactions.chat", 0)
THERE = Partition("transactions.chat", 1)


@dataclass
class _Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def progress(clock: _Clock) -> Progress:
    return Progress(clock, stalled_after_s=60)


@pytest.mark.unit
def test_stalled_is_a_partition_with_waiting_records_that_does_not_move(progress: Progress, clock: _Clock) -> None:
    progress.position("sample", HERE, 10, 100)
    clock.now_s = 61
    assert progress.stalled() == ["sample transactions.chat[0]: at 10 of 100 for 61 s"]
    progress.position("sample", HERE, 11, 100)
    assert progress.stalled() == []


@pytest.mark.unit
def test_nothing_to_do_is_not_stalled(progress: Progress, clock: _Clock) -> None:
    progress.position("sample", HERE, 100, 100)
    clock.now_s = 3600
    progress.position("sample", HERE, 100, 100)
    assert progress.stalled() == []


@pytest.mark.unit
def test_a_stage_that_waits_on_purpose_is_live_but_not_ready(progress: Progress, clock: _Clock) -> None:
    watch = Watch(Metrics(clock), progress)
    progress.position("sample", HERE, 10, 100)
    watch.waiting("sample", "the first sampling frame")
    clock.now_s = 3600
    assert progress.stalled() == []
    assert progress.not_ready() == ["sample waits for the first sampling frame"]
    watch.waiting("sample", None)
    assert progress.not_ready() == []
    assert progress.stalled() == []  # it has just begun
    clock.now_s += 61
    assert len(progress.stalled()) == 1


@pytest.mark.unit
def test_what_a_worker_without_partitions_waits_for_is_said(progress: Progress, clock: _Clock) -> None:
    Watch(Metrics(clock), progress).waiting("sink", "ClickHouse, query: no answer")
    assert progress.not_ready() == ["sink waits for ClickHouse, query: no answer"]


@pytest.mark.unit
def test_partitions_of_another_worker_are_forgotten(progress: Progress, clock: _Clock) -> None:
    watch = Watch(Metrics(clock), progress)
    for source in (HERE, THERE):
        watch.position("sample", source, 1, 2)
    watch.keep_only({("sample", HERE), ("sample", THERE)})
    watch.keep_only({("sample", HERE)})
    clock.now_s = 100
    assert progress.stalled() == ["sample transactions.chat[0]: at 1 of 2 for 100 s"]


@pytest.fixture
async def base(progress: Progress, clock: _Clock) -> AsyncIterator[str]:
    metrics = Metrics(clock)
    metrics.chunk_done("sample", HERE, 5, 1000, 0.01)
    server = HealthServer(progress, metrics.registry, host="127.0.0.1", port=0)
    yield await server.start()
    await server.stop()


async def test_the_endpoints(base: str, progress: Progress, clock: _Clock) -> None:
    async with aiohttp.ClientSession(base) as client:
        assert (await client.get("/healthz")).status == 200
        unready = await client.get("/readyz")
        assert (unready.status, await unready.json()) == (
            503,
            {"ok": False, "wrong": ["no partitions are assigned yet"]},
        )
        progress.position("sample", HERE, 1, 9)
        assert (await client.get("/readyz")).status == 200
        clock.now_s = 61
        stalled = await client.get("/healthz")
        assert (stalled.status, (await stalled.json())["ok"]) == (503, False)
        metrics = await client.get("/metrics")
        assert 'tafol_records_total{partition="0",stage="sample",topic="transactions.chat"} 5.0' in await metrics.text()
        assert (await client.get("/table/")).status == 404
