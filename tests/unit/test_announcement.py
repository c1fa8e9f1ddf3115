"""Where a worker answers: said while it runs, in the form that Prometheus takes, and cleared up after a killed one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tafol.announcement import announced
from tafol.status import Worker, workers

pytestmark = pytest.mark.unit

URL = "http://127.0.0.1:4711"


def test_status_and_prometheus_find_it_while_it_runs(tmp_path: Path) -> None:
    with announced(tmp_path, "scoring", URL):
        assert workers(tmp_path) == (Worker("scoring", os.getpid(), URL),)
        [file] = (tmp_path / "prometheus").glob("*.json")
        assert json.loads(file.read_text()) == [{"targets": ["127.0.0.1:4711"], "labels": {"role": "scoring"}}]
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_what_a_killed_worker_left_goes_when_the_next_one_starts(tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    for name in ("worker-sink-77.json", "prometheus/worker-sink-77.json", "worker-sink-88.json", "desk.json"):
        (tmp_path / name).write_text("{}")

    with announced(tmp_path, "sink", URL, lives=lambda pid: pid == 88):
        mine = f"worker-sink-{os.getpid()}.json"
        assert {file.name for file in tmp_path.glob("*.json")} == {"worker-sink-88.json", "desk.json", mine}
        assert [file.name for file in (tmp_path / "prometheus").iterdir()] == [mine]
