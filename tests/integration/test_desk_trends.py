"""The desk's trends, alerts and coverage over a real ClickHouse, filled as the sink fills it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from desk.errors import AnalyticsAway
from desk.services import Desk
from desk.services.analytics import Analytics
from desk.services.trends import Filters
from desk.views import Membership
from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from tests.fixtures.clickhouse import ClickHouse
from tests.fixtures.desk import DeskForTests
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import address, migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse

DAYS = Filters(r.NOW.date() - timedelta(days=6), r.NOW.date() + timedelta(days=1), every="day")
SCORES = (90.0, 70.0, 80.0, 60.0, 75.0, 85.0)


@pytest.fixture
def desk(a_desk: DeskForTests, clickhouse: ClickHouse, migrated: ClickHouseStore) -> Iterator[Desk]:
    """Six reviews of team north among sixty transactions, two of one of team south; an alert about each team."""
    for number, score in enumerate(SCORES):
        ended = r.NOW - timedelta(hours=number)
        store_all(
            migrated,
            r.chunk(c.SELECTIONS, r.selection(number, ended), first_offset=number),
            r.chunk(c.REVIEWS, r.review(number, ended_at=ended), first_offset=number),
            r.chunk(c.SCORES, r.score(number, score, ended_at=ended), first_offset=number),
        )
    south = r.alert(9, alert_id="team=south|x", series_id="team=south", series={"team": "south"})
    store_all(
        migrated,
        r.chunk(c.POPULATION_COUNTS, r.population(60, 6)),
        r.chunk(c.READ_COUNTS, r.read_count(read=60, eligible=60, selected=6, not_selected=54)),
        r.chunk(c.ALERTS, r.alert(1), south),
    )
    analytics = Analytics(lambda: ClickHouseStore.at(address(clickhouse, migrated.database)), a_desk.here.now)
    yield Desk(a_desk.here, analytics=analytics)
    analytics.close()


def test_estimates_choices_and_coverage_are_those_of_the_store(desk: Desk, a_desk: DeskForTests) -> None:
    boss = a_desk.person("boss", "quality_manager")
    overall = desk.trends.overall(boss, DAYS)
    assert overall is not None
    assert overall.mean_0_100 == pytest.approx(sum(SCORES) / len(SCORES))
    assert (overall.reviewed, overall.eligible) == (6, 60)
    assert overall.lower_0_100 is not None
    assert overall.upper_0_100 is not None
    assert overall.lower_0_100 < sum(SCORES) / 6 < overall.upper_0_100
    choices = desk.trends.choices(boss, DAYS)
    (team,) = choices.teams
    (by_team,) = {one.group_id for one in desk.trends.over_time(boss, replace(DAYS, by="team"))}
    assert by_team == team
    counts = desk.coverage.coverage(boss).total
    assert (counts.read, counts.selected, counts.reviewed) == (60, 6, 6)
    assert desk.trends.changed(boss, replace(DAYS, by="topic")).comparison is None
    assert desk.trends.distribution(boss, DAYS)
    assert desk.trends.accuracy(boss, DAYS)


def test_a_supervisor_gets_nothing_of_other_teams_out_of_the_store(desk: Desk, a_desk: DeskForTests) -> None:
    since = a_desk.at - timedelta(days=9)
    lead = a_desk.person("lead", "supervisor", teams=(Membership("south", since),))
    assert desk.trends.overall(lead, DAYS) is None
    assert [one.row.series_id for one in desk.alerts.alerts(lead)] == ["team=south"]


def test_an_alert_of_the_store_is_acknowledged_and_told_in_full(desk: Desk, a_desk: DeskForTests) -> None:
    boss = a_desk.person("boss", "quality_manager")
    view = next(one for one in desk.alerts.alerts(boss) if one.row.series_id == "team=north")
    desk.alerts.acknowledge(boss, view.key)
    found = desk.alerts.alert(boss, view.key)
    assert (found.alert.row.status, found.alert.acted_name) == ("acknowledged", "Boss")
    assert found.since.before_0_100 is None


def test_a_store_that_is_gone_is_away(a_desk: DeskForTests, clickhouse: ClickHouse) -> None:
    gone = replace(address(clickhouse, "nowhere"), port=1)
    desk = Desk(a_desk.here, analytics=Analytics(lambda: ClickHouseStore.at(gone), a_desk.here.now))
    with pytest.raises(AnalyticsAway):
        desk.alerts.alerts(a_desk.person("boss", "quality_manager"))
