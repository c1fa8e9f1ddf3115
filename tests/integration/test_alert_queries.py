"""Queries about alerts: which there are, from what to what a series went, and which criteria moved."""

from __future__ import annotations

import math
import statistics
from datetime import timedelta

import pytest

from schemas import catalogue as c
from schemas.score import CriterionScore
from sinks.clickhouse import ClickHouseStore
from sinks.queries.alerts import alert_change, alert_drivers, alerts
from sinks.queries.series_records import series_records
from streams.registers import Appended, Timeline
from tafol.detect.trace import trace
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all
from tests.unit.trends.records import detectors

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse

SINCE = r.NOW - timedelta(days=7)
SERIES = "team=north"

EASY_BEFORE, EASY_SINCE = [90.0, 84.0, 86.0, 88.0], [80.0, 70.0]
HARD_BEFORE, HARD_SINCE = [60.0, 52.0], [41.0, 47.0, 35.0, 45.0]


def store_points(store: ClickHouseStore) -> None:
    """Work moves from easy to hard, and both fall. Greeting is as ever; the solution is what fell."""
    number = 0
    for stratum, before, scores in (
        ("easy", True, EASY_BEFORE), ("easy", False, EASY_SINCE), ("hard", True, HARD_BEFORE),
        ("hard", False, HARD_SINCE), ("rare", False, [10.0]),
    ):  # fmt: skip
        for score in scores:
            number += 1
            ended = SINCE + timedelta(hours=-number if before else number)
            point = r.point(number, score, ended).model_copy(update={"stratum": stratum})
            criteria = (
                CriterionScore(criterion="greeting", score_0_100=50.0 + number % 2, rated_by=1),
                CriterionScore(criterion="solution", score_0_100=score, rated_by=1),
                CriterionScore(criterion="privacy", score_0_100=None, rated_by=0),
            )
            whole = r.score(number, score, ended_at=ended, stratum=stratum).model_copy(update={"criteria": criteria})
            store_all(
                store,
                r.chunk(c.SERIES_POINTS, point, first_offset=number),
                r.chunk(c.SCORES, whole, first_offset=number),
            )


def test_the_change_is_that_of_the_same_mix_of_work(migrated: ClickHouseStore) -> None:
    store_points(migrated)

    change = alert_change(migrated, series_id=SERIES, since=SINCE, until=r.NOW)

    easy, hard = 2 / 6, 4 / 6
    assert (change.before_reviews, change.since_reviews, change.left_out) == (6, 6, 1)
    assert change.before_0_100 == pytest.approx(easy * 87 + hard * 56)
    assert change.since_0_100 == pytest.approx(easy * 75 + hard * 42)
    variance = easy**2 * statistics.variance(EASY_SINCE) / 2 + hard**2 * statistics.variance(HARD_SINCE) / 4
    assert change.since_error == pytest.approx(math.sqrt(variance))
    assert change.since_interval == pytest.approx((53 - 1.959964 * variance**0.5, 53 + 1.959964 * variance**0.5))


def test_drivers_are_the_criteria_that_fell(migrated: ClickHouseStore) -> None:
    store_points(migrated)

    solution, greeting = alert_drivers(migrated, series_id=SERIES, since=SINCE, until=r.NOW)

    assert (solution.scorecard_id, solution.criterion, solution.since_reviews) == ("service", "solution", 6)
    assert solution.change_0_100 == pytest.approx(53 - (87 * 2 + 56 * 4) / 6)
    assert solution.change_error > 0
    assert (greeting.criterion, abs(greeting.change_0_100) < 1) == ("greeting", True)


def test_where_there_is_nothing_to_compare_there_is_no_mean(migrated: ClickHouseStore) -> None:
    change = alert_change(migrated, series_id=SERIES, since=SINCE, until=r.NOW)

    assert (change.before_reviews, change.since_reviews, change.left_out) == (0, 0, 0)
    assert (change.before_0_100, change.since_interval) == (None, None)
    assert alert_drivers(migrated, series_id=SERIES, since=SINCE, until=r.NOW) == ()


def test_alerts_by_status_and_series_the_latest_first(migrated: ClickHouseStore) -> None:
    later = r.NOW + timedelta(hours=2)
    elsewhere = r.alert(3, alert_id="team=south|x", series_id="team=south", series={"team": "south"})
    store_all(
        migrated,
        r.chunk(c.ALERTS, r.alert(1), r.alert(2, raised_at=later, changed_at=later), elsewhere),
        r.chunk(c.ALERT_ACTIONS, r.alert_action(1, "resolve", of=1)),
    )

    latest, *_ = alerts(migrated)
    assert latest.alert_id == r.alert(2).alert_id
    assert [one.series_id for one in alerts(migrated, status="open")] == [SERIES, "team=south"]
    [resolved] = alerts(migrated, status="resolved", series_id=SERIES)
    assert (resolved.alert_id, resolved.acted_by, resolved.action_reason) == (
        r.alert(1).alert_id,
        "supervisor",
        "spoke with the team",
    )
    assert resolved.acted_at == r.NOW + timedelta(hours=1)
    [open_one] = alerts(migrated, series_id="team=south")
    assert (open_one.acted_by, open_one.acted_at, open_one.since) == ("", None, SINCE)


def test_the_course_of_the_evidence_is_that_of_the_stage(migrated: ClickHouseStore) -> None:
    """30 reviews at 80 are the reference, ten more are as ever; then a drop to 20, and an agreed reference."""
    scores = [80.0] * 40 + [20.0] * 5
    ended = [SINCE + timedelta(minutes=number) for number in range(len(scores) + 1)]
    points = [r.point(number, score, ended[number]) for number, score in enumerate(scores)]
    after = r.point(len(scores), 20.0, ended[-1])
    for offset, record in enumerate([*points, r.agreed(1), after]):
        store_all(migrated, r.chunk(c.SERIES_POINTS, record, first_offset=offset))
    entry = detectors(reviews_a_period=1_000_000)
    timeline = Timeline.of("detectors", [Appended(entry, entry.holds_from - timedelta(days=1))])

    rows = series_records(migrated, SERIES)
    course = list(trace(SERIES, rows, timeline))

    assert [one.agreed for one in rows] == [False] * 45 + [True, False]
    assert [one.score_0_100 for one in course] == [*scores, 20.0]
    assert [one.log10_evidence is None for one in course] == [True] * 30 + [False] * 15 + [True]
    fell = [one.log10_evidence or 0.0 for one in course[40:45]]
    assert fell == sorted(fell)
    assert fell[-1] > fell[0] + 1
    assert series_records(migrated, "team=nowhere") == ()
