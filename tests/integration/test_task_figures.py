"""Review tasks by queue and outcome, on the local ClickHouse, with everything stored twice and revisions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.queries.task_figures import TaskFigures, task_figures
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse

DAY = timedelta(days=1)
LATER = r.NOW + 3 * DAY  # tasks of r.NOW were due a day before


def test_what_waits_what_is_overdue_and_what_became_of_what_was_due(migrated: ClickHouseStore) -> None:
    tasks = [r.task(number) for number in range(5)]
    tasks += [r.task(10, r.NOW + 2 * DAY), r.task(11, r.NOW - 60 * DAY), r.task(12, copies=2, copy=2)]
    reviews = [
        r.review(0),
        r.review(1, "shed"),
        r.review(2),
        r.review(2, "withdrawn", revision=1),
        r.review(11, ended_at=r.NOW - 60 * DAY),
    ]
    for _ in range(2):
        store_all(migrated, r.chunk(c.REVIEW_TASKS, *tasks), r.chunk(c.REVIEWS, *reviews))

    assert task_figures(migrated, now=LATER) == (
        TaskFigures("general", "awaiting", waiting=4, overdue=3, due=3),
        TaskFigures("general", "shed", waiting=0, overdue=0, due=1),
        TaskFigures("general", "submitted", waiting=0, overdue=0, due=1),
        TaskFigures("general", "withdrawn", waiting=0, overdue=0, due=1),
    )


def test_an_empty_database_has_none(migrated: ClickHouseStore) -> None:
    assert task_figures(migrated, now=r.NOW) == ()
