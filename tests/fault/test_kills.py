"""A part of `make faults` for every run of the tests: at least twenty faults in mid-stream, and every table exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault.rig import Rig
from tests.fault.scenarios import clickhouse_fails, kill_everything, rebalance_storm

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(900)]

PER_SECOND = 200.0
"""Slow enough that every fault happens in mid-stream."""
PLENTY = (
    "transactions", "selections", "draw_cells", "review_tasks", "reviews", "scores", "series_points", "rejected",
)  # fmt: skip


def test_workers_broker_and_store_are_killed_in_mid_stream(tmp_path: Path) -> None:
    with Rig(tmp_path, times_recovery=False) as rig:
        rig.start_workers()
        with rig.feed(rig.simulation(12_000), PER_SECOND) as feeding:
            kill_everything(rig, feeding)
            rig.wait_until_done(feeding.sent, within_s=400)
        verdict = rig.compare()
    assert verdict.exact, verdict
    assert rig.faults >= 10
    assert min(verdict.rows[table] for table in PLENTY) > 50, "there was something to lose"
    assert verdict.rows["alerts"] > 0


def test_workers_come_and_go(tmp_path: Path) -> None:
    with Rig(tmp_path, partitions=4, times_recovery=False) as rig:
        rig.start_workers()
        with rig.feed(rig.simulation(6_000), PER_SECOND) as feeding:
            rebalance_storm(rig, feeding)
            rig.wait_until_done(feeding.sent, within_s=400)
        verdict = rig.compare()
    assert verdict.exact, verdict
    assert rig.faults >= 8


def test_clickhouse_answers_errors_hangs_refuses_and_loses_answers(tmp_path: Path) -> None:
    with Rig(tmp_path, times_recovery=False) as rig:
        rig.start_workers()
        with rig.feed(rig.simulation(5_000), PER_SECOND) as feeding:
            clickhouse_fails(rig, feeding)
            rig.wait_until_done(feeding.sent, within_s=400)
        verdict = rig.compare()
    assert verdict.exact, verdict
    assert rig.faults >= 4
