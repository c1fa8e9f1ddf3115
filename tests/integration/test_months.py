"""A condition on the event time reads only the months that it asks for, through the views, and loses no row by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.migrate import migrate
from tests.fixtures.clickhouse import ClickHouse
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import address, migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse

MONTH = timedelta(days=30)
TIME_OF = {
    "current_population_counts": "day",
    "current_selections": "ended_at",
    "current_review_tasks": "ended_at",
    "current_reviews": "ended_at",
    "current_review_ratings": "ended_at",
    "current_scores": "ended_at",
    "current_score_criteria": "ended_at",
    "current_series_points": "ended_at",
    "current_draw_cells": "starts",
}


def half_a_year(store: ClickHouseStore) -> None:
    """A record a month of everything, each stored twice, in blocks of their own."""
    for _ in range(2):
        for number in range(6):
            chunks = [
                one for one in r.everything(number, r.NOW - number * MONTH) if one.at.topic != c.POPULATION_COUNTS
            ]
            day = (r.NOW - number * MONTH).date()
            store_all(store, *chunks, r.chunk(c.POPULATION_COUNTS, r.population(1, 1, day=day), first_offset=number))


@pytest.fixture(scope="module")
def months(clickhouse: ClickHouse) -> Iterator[ClickHouseStore]:
    """A database with half a year in it, for all views: nothing here changes it."""
    store = ClickHouseStore.at(address(clickhouse, clickhouse.fresh_database()))
    migrate(store, lambda: r.NOW)
    half_a_year(store)
    yield store
    store.close()


@pytest.mark.parametrize(("view", "time"), TIME_OF.items())
def test_only_the_months_that_are_asked_for_are_read(months: ClickHouseStore, view: str, time: str) -> None:
    since = f"{r.NOW - timedelta(days=3):%Y-%m-%d}"
    asked = f"SELECT * FROM {view} WHERE {time} >= '{since}'"

    rows_a_month = 2 if view == "current_review_ratings" else 1
    assert len(months.ask(asked, {})) == rows_a_month
    assert len(months.ask(f"SELECT * FROM {view}", {})) == 6 * rows_a_month
    plan = "\n".join(str(row["explain"]) for row in months.ask(f"EXPLAIN indexes = 1 {asked}", {}))
    of_the_table = re.split(r"ReadFromMergeTree \(", plan)[1]
    read, of = re.findall(r"Parts: (\d+)/(\d+)", of_the_table)[0]
    assert int(of) >= 6
    assert int(read) < int(of) / 2


def test_of_revisions_the_highest_stands_whatever_month_is_asked_for(migrated: ClickHouseStore) -> None:
    ended = r.NOW - 3 * MONTH
    first, second = (r.review(1, ended_at=ended, revision=revision) for revision in (0, 1))
    store_all(migrated, r.chunk(c.REVIEWS, second, first))

    [row] = migrated.ask(f"SELECT revision FROM current_reviews WHERE ended_at <= '{ended:%Y-%m-%d %H:%M:%S}'", {})
    assert row["revision"] == 1
