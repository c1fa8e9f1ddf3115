"""Stored scores come out of ClickHouse in the order in which they came about, page by page, none twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.queries.stored_scores import StoredScore, stored_scores
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse

SPRING = date(2026, 3, 1)
SUMMER = date(2026, 6, 1)
MARCH = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
"""23:30 in London, on the last day of March."""


def asked(store: ClickHouseStore, first: date = SPRING, after_last: date = SUMMER, page: int = 3) -> list[StoredScore]:
    found = stored_scores(store, from_day=first, to_day=after_last, time_zone="Europe/London", page=page)
    return list(found)


def test_scores_come_in_their_order_whatever_the_page(migrated: ClickHouseStore) -> None:
    scores = [
        r.score(n, float(n), as_of_offset=n, ended_at=MARCH - timedelta(days=n)).model_copy(
            update={"scored_at": MARCH + timedelta(hours=n // 2)}
        )
        for n in range(10)
    ]
    store_all(migrated, r.chunk(c.SCORES, *reversed(scores)))

    wanted = [f"t-{n}|service" for n in range(10)]
    assert [[one.score_id for one in asked(migrated, page=page)] for page in (1, 2, 5, 100)] == [wanted] * 4


def test_a_score_comes_as_it_stands_now(migrated: ClickHouseStore) -> None:
    first = r.score(1, 80.0, as_of_offset=1, criteria=("greeting", "solution"), ended_at=MARCH)
    later = r.score(1, 60.0, as_of_offset=2, criteria=("greeting",), ended_at=MARCH)
    later = later.model_copy(update={"critical_errors": ("customer",)})
    store_all(migrated, r.chunk(c.SCORES, first), r.chunk(c.SCORES, later, first_offset=5))

    [score] = asked(migrated)
    assert (score.total_0_100, score.criteria) == (60, {"greeting": 60})
    assert score.critical_errors == frozenset({"customer"})
    assert (score.ended_at, score.scored_at, score.team_id) == (MARCH, r.NOW, "north")
    assert (score.scorecard_id, score.scorecard_version, score.stratum) == ("service", 1, "all")


def test_what_was_not_applicable_or_rests_on_no_draw_is_left_out(migrated: ClickHouseStore) -> None:
    nothing = r.score(1, None, as_of_offset=1, ended_at=MARCH)
    spot = r.score(2, 70.0, as_of_offset=2, ended_at=MARCH).model_copy(update={"purposes": ("spot",)})
    gone = r.score(3, None, as_of_offset=3, ended_at=MARCH).model_copy(update={"reviews": ()})
    store_all(migrated, r.chunk(c.SCORES, nothing, spot, gone))

    [score] = asked(migrated)
    assert (score.transaction_id, score.total_0_100, score.criteria) == ("t-1", None, {})


def test_days_are_local_days(migrated: ClickHouseStore) -> None:
    store_all(migrated, r.chunk(c.SCORES, r.score(1, 80.0, ended_at=MARCH)))

    assert len(asked(migrated, date(2026, 3, 31), date(2026, 4, 1))) == 1
    assert asked(migrated, date(2026, 4, 1), SUMMER) == []
