"""Trends on the desk: what each person's sight makes of what they ask for, and what figures say of too few reviews."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from desk.errors import NoOwnWork, NotAllowed
from desk.people.authorisation import Actor
from desk.services import Desk
from desk.services.trends import Filters, TrendService
from desk.views import Membership
from sinks.store import Parameter
from tests.fakes.analytics import FakeClickHouse, analytics
from tests.fakes.estimates import cell_rows, estimate_rows, name_rows
from tests.fixtures.desk import MONDAY, DeskForTests

pytestmark = pytest.mark.unit
CRITERIA = ("greeting", "answer")
WEEKS = Filters(date(2026, 8, 10), date(2026, 9, 7))


class Here:
    """A desk over made-up estimates that remembers what it was asked."""

    def __init__(self, desk: DeskForTests) -> None:
        self.desk = desk
        self.asked: list[dict[str, Parameter]] = []

        def estimated(asked: Any) -> Any:
            self.asked.append(dict(asked))
            return estimate_rows(asked, CRITERIA)

        clickhouse = FakeClickHouse(
            {
                "estimates": estimated,
                "score_cells": lambda asked: cell_rows(asked, CRITERIA),
                "known_names": lambda _: name_rows(("chat",)),
            }
        )
        self.trends: TrendService = Desk(desk.here, analytics=analytics(clickhouse, desk.here.now)).trends

    def person(self, login: str, role: Any, *teams: str, **fields: Any) -> Actor:
        since = MONDAY - timedelta(days=9)
        return self.desk.person(login, role, teams=tuple(Membership(one, since) for one in teams), **fields)


@pytest.fixture
def here(a_desk: DeskForTests) -> Here:
    return Here(a_desk)


def test_a_supervisor_of_teams_asks_for_these_teams_whatever_the_address_says(here: Here) -> None:
    lead = here.person("lead", "supervisor", "bangor-service", "cardiff-sales")
    for wanted, asked in (
        ((), ["bangor-service", "cardiff-sales"]),
        (("cardiff-sales", "swansea-service"), ["cardiff-sales"]),
        (("swansea-service",), ["-"]),
    ):
        here.trends.overall(lead, replace(WEEKS, teams=wanted))
        assert here.asked[-1]["teams"] == asked
    assert set(here.trends.choices(lead, WEEKS).teams) == {"bangor-service", "cardiff-sales"}


def test_a_quality_manager_and_a_supervisor_of_no_team_ask_for_everything(here: Here) -> None:
    for actor in (here.person("boss", "quality_manager", "cardiff-sales"), here.person("lead", "supervisor")):
        here.trends.overall(actor, WEEKS)
        assert (here.asked[-1]["teams"], here.asked[-1]["colleagues"]) == ([], [])
        assert len(here.trends.choices(actor, WEEKS).teams) == 8
        here.desk.pass_time(minutes=2)


def test_a_colleague_sees_their_own_and_no_league(here: Here) -> None:
    gwen = here.person("gwen", "colleague", "cardiff-sales", colleague_id="c-cardiff-03")
    found = here.trends.over_time(gwen, replace(WEEKS, by="colleague", colleagues=("c-cardiff-01",)))
    assert here.asked[-1]["colleagues"] == ["c-cardiff-03"]
    assert {one.group_id for one in found} == {""}
    choices = here.trends.choices(gwen, WEEKS)
    assert (choices.teams, choices.colleagues, choices.sites) == ((), (), ())
    with pytest.raises(NotAllowed):
        here.trends.league(gwen, replace(WEEKS, by="colleague"))
    with pytest.raises(NoOwnWork):
        here.trends.overall(here.person("new", "colleague"), WEEKS)
    with pytest.raises(NotAllowed):
        here.trends.overall(here.person("ann", "reviewer"), WEEKS)


def test_the_same_days_give_the_same_ranks(here: Here) -> None:
    boss = here.person("boss", "quality_manager")
    first = here.trends.league(boss, replace(WEEKS, by="colleague"))
    here.desk.pass_time(minutes=5)
    assert first == here.trends.league(boss, replace(WEEKS, by="colleague"))
    assert first is not None
    assert all(one.best_rank <= one.worst_rank for one in first.standings)


def test_a_change_is_that_against_as_many_days_before(here: Here) -> None:
    found = here.trends.changed(here.person("boss", "quality_manager"), replace(WEEKS, by="topic"))
    assert found.before_from == date(2026, 7, 13)
    assert found.comparison is not None
    assert found.comparison.mix + found.comparison.within == pytest.approx(found.comparison.change.value)
    assert {one.criterion for one in found.drivers} == set(CRITERIA)


def test_usual_days_are_whole_weeks_up_to_today(here: Here) -> None:
    first, after_last = here.trends.default_days()
    assert (first.weekday(), after_last - timedelta(days=1)) == (0, MONDAY.date())
