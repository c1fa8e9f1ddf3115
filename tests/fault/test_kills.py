"""Everything is killed in mid-stream, again and again; every table equals one undisturbed pass, by id."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fault.rig import Rig

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(600)]

TRANSACTIONS = 12_000
PER_SECOND = 250.0
"""Slow enough that every fault happens in mid-stream."""


def test_workers_broker_and_store_are_killed_in_mid_stream(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.start_workers()
        with rig.feed(rig.simulation(TRANSACTIONS), PER_SECOND) as feeding:
            while feeding.running:
                time.sleep(rig.chance.uniform(0.5, 1.5))
                fault = rig.chance.random()
                if fault < 0.05:
                    rig.kill_broker(away_s=rig.chance.uniform(0.0, 2.0))
                elif fault < 0.12:
                    rig.kill_clickhouse(away_s=rig.chance.uniform(0.0, 2.0))
                elif fault < 0.2:
                    rig.pause(rig.chance.choice(rig.processes), seconds=3.0)
                else:
                    rig.kill(rig.chance.choice(rig.processes))
            rig.wait_until_done(feeding.sent, within_s=120)
        verdict = rig.compare()
    assert rig.kills >= 15
    assert verdict.exact, verdict
    assert min(verdict.rows.values()) > 50, "there was something to lose"
