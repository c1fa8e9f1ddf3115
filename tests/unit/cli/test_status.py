"""What `tafol status --json` promises: its keys, and that a part that is away does not hide the others."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import TafolError
from sinks.queries.coverage import Counts, Coverage, Difference
from tafol.status import GROUP_OF_ROLE, GroupLag, Status, Worker, age_s, report, workers
from tafol.worker import GROUPS

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
COUNTS = Counts(9, 1, {"invalid": 2}, {"too_short": 1}, 5, 2, 3, 0, 0, 1, 0, 0, 0, 0, 1, under_none=2)
COVERED = Coverage(COUNTS, {"phone": COUNTS}, (Difference("phone", "selected by id", 2, 1),), rows_compared=True)


def test_the_groups_are_those_that_workers_join() -> None:
    assert GROUP_OF_ROLE == GROUPS


def test_the_report_holds_what_programs_rely_on() -> None:
    lag = {"tafol-sampling": GroupLag("Stable", 2, {"transactions.phone": {0: 3, 1: 4}})}
    told = json.loads(json.dumps(report(Status(COVERED, lag, {"scores": NOW}), NOW + timedelta(seconds=2))))
    coverage = told["coverage"]
    assert set(coverage["total"]) >= {
        "read", "eligible", "not_selected", "selected", "excluded", "rejected", "repeats", "reviewed", "pending",
    }  # fmt: skip
    assert coverage["total"]["rejected"] == {"invalid": 2}
    assert coverage["total"] == coverage["by_channel"]["phone"]
    assert set(coverage["by_channel"]) == {"phone", "chat", "face_to_face"}
    assert coverage["by_channel"]["chat"]["read"] == 0
    assert coverage["reconciles"] is False
    assert coverage["differences"] == [{"channel": "phone", "what": "selected by id", "expected": 2, "found": 1}]
    assert told["lag"] == {"tafol-sampling": {"transactions.phone": {"0": 3, "1": 4}}}
    assert told["groups"]["tafol-sampling"] == {"state": "Stable", "members": 2, "lag": 7}
    assert told["freshness"]["scores"]["age_s"] == 2.0


def test_a_part_that_is_away_is_null_and_says_why() -> None:
    told = report(Status(problems={"coverage": TafolError("no answer", hint="start it")}), NOW)
    assert told["coverage"] is None
    assert told["lag"] is None
    assert told["problems"] == {"coverage": "no answer\nstart it"}


def test_workers_are_those_that_live(tmp_path: Path) -> None:
    for role, pid in (("sink", os.getpid()), ("scoring", 4_000_000)):
        said = {"role": role, "pid": pid, "url": "http://127.0.0.1:1"}
        (tmp_path / f"worker-{role}-{pid}.json").write_text(json.dumps(said))
    (tmp_path / "worker-all-1.json").write_text("{")
    assert workers(tmp_path) == (Worker("sink", os.getpid(), "http://127.0.0.1:1"),)
    assert workers(tmp_path / "none") == ()


def test_a_clock_that_is_ahead_gives_no_negative_age() -> None:
    assert age_s(NOW + timedelta(seconds=5), NOW) == 0.0
