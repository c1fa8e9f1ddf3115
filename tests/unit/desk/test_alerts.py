"""Alerts on the desk: who sees which, what people do about them, and what becomes of it on the way to Kafka."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from desk.errors import AnalyticsAway, Conflict, Invalid, NotFound
from desk.outbox import Outgoing, Publisher
from desk.people.authorisation import Actor
from desk.services import Desk
from desk.services.alerts import key_of, series_of
from desk.store.tables import AuditInboxRow
from desk.views import Membership
from schemas.alert import AlertAction
from schemas.catalogue import ALERT_ACTIONS
from tests.fakes.analytics import FakeClickHouse, Fall, analytics
from tests.fixtures.desk import MONDAY, DeskForTests

pytestmark = pytest.mark.unit
CRITERIA = ("greeting", "answer")


class Here:
    """A desk with an analytics store behind it, and one alert: team north fell."""

    def __init__(self, desk: DeskForTests, *others: dict[str, Any]) -> None:
        self.desk = desk
        self.fall = Fall("team=north", MONDAY)
        self.clickhouse = FakeClickHouse(self.fall.answers(CRITERIA, *others))
        self.alerts = Desk(desk.here, analytics=analytics(self.clickhouse, desk.here.now, self.fall.detectors)).alerts
        self.key = key_of(self.fall.alert()["alert_id"])
        self.lead = desk.person("lead", "supervisor")

    def status(self, actor: Actor | None = None) -> str:
        return next(one for one in self.alerts.alerts(actor or self.lead) if one.key == self.key).row.status

    def stored(self, **fields: Any) -> None:
        """ClickHouse has taken in what was done, and is asked anew."""
        row = self.fall.alert(**fields)
        self.clickhouse.answers["alerts"] = lambda _: [row]
        self.desk.pass_time(minutes=2)

    def sent(self) -> list[Outgoing]:
        """What leaves for Kafka now."""
        sender = Sent()
        Publisher(self.desk.database, sender).send_some(self.desk.at)
        return sender.records


class Sent:
    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def send(self, records: Any) -> None:
        self.records += records


@pytest.fixture
def here(a_desk: DeskForTests) -> Here:
    return Here(a_desk)


def test_an_alert_is_acknowledged_at_once_and_leaves_once_with_the_trail(here: Here) -> None:
    assert here.status() == "open"

    here.alerts.acknowledge(here.lead, here.key)

    assert here.status() == "acknowledged"
    (record,) = here.sent()
    done = AlertAction.model_validate_json(record.value)
    assert (record.topic, record.key) == (ALERT_ACTIONS, b"team=north")
    assert ("ce_type", b"tafol.alert-action.v1") in record.headers
    assert (done.action, done.by, done.alert_id) == ("acknowledge", here.lead.account_id, here.fall.alert()["alert_id"])
    with here.desk.database.read() as session:
        noted = [row for row in session.scalars(select(AuditInboxRow)) if row.action.startswith("alert.")]
    assert [(row.actor_id, row.action, row.subject) for row in noted] == [
        (here.lead.account_id, "alert.acknowledge", here.key)
    ]


def test_who_acts_second_hears_of_the_first(here: Here) -> None:
    here.alerts.acknowledge(here.lead, here.key)
    for actor in (here.lead, here.desk.person("other", "quality_manager")):
        with pytest.raises(Conflict):
            here.alerts.acknowledge(actor, here.key)
    here.alerts.resolve(here.lead, here.key, "a new script was read out")
    with pytest.raises(Conflict):
        here.alerts.resolve(here.lead, here.key, "another reason")
    assert [AlertAction.model_validate_json(one.value).action for one in here.sent()] == ["acknowledge", "resolve"]


def test_resolving_needs_a_reason(here: Here) -> None:
    for nothing in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            here.alerts.resolve(here.lead, here.key, nothing)
    assert here.sent() == []


def test_a_resolved_alert_that_is_raised_again_is_to_be_looked_at_again(here: Here) -> None:
    here.alerts.resolve(here.lead, here.key, "spoke with the team")
    assert here.status() == "resolved"
    later = here.desk.at + timedelta(days=2)
    here.stored(times_raised=2, changed_at=later, acted_by=here.lead.account_id, acted_at=MONDAY, status="acknowledged")
    assert here.status() == "acknowledged"
    here.desk.pass_time(days=3)
    here.alerts.resolve(here.lead, here.key, "spoke with them again")
    actions = [AlertAction.model_validate_json(one.value) for one in here.sent()]
    assert len({one.action_id for one in actions}) == 2


def test_what_clickhouse_has_later_outweighs_what_was_done_here(here: Here) -> None:
    here.alerts.acknowledge(here.lead, here.key)
    after = here.desk.at + timedelta(hours=1)
    here.stored(status="resolved", acted_by="somebody", acted_at=after, action_reason="by the command line")
    (view,) = here.alerts.alerts(here.lead)
    assert (view.row.status, view.row.action_reason, view.may_resolve) == ("resolved", "by the command line", False)


def test_a_supervisor_of_teams_sees_their_alerts_and_those_of_no_team(a_desk: DeskForTests) -> None:
    fall = Fall("team=north", MONDAY)
    others = [
        fall.alert(alert_id=f"{series}|x", series_id=series)
        for series in ("team=south", "channel=chat", "colleague=c-1", "colleague=c-2")
    ]
    here = Here(a_desk, *others)
    south = (Membership("south", MONDAY - timedelta(days=9)),)
    a_desk.person("gwen", "colleague", colleague_id="c-2", teams=south)
    of_south = a_desk.person("other", "supervisor", teams=south)
    was_there = (Membership("south", MONDAY - timedelta(days=9), MONDAY - timedelta(days=1)),)
    boss = a_desk.person("boss", "quality_manager", teams=south)
    seen = {
        actor.name: {one.row.series_id for one in here.alerts.alerts(actor)}
        for actor in (of_south, boss, a_desk.person("gone", "supervisor", teams=was_there))
    }
    everything = {"team=north", "team=south", "channel=chat", "colleague=c-1", "colleague=c-2"}
    assert seen == {"Other": {"team=south", "channel=chat", "colleague=c-2"}, "Boss": everything, "Gone": everything}
    for call in (here.alerts.alert, here.alerts.acknowledge):
        with pytest.raises(NotFound):
            call(of_south, here.key)


def test_one_alert_tells_what_drives_it_and_how_its_evidence_grew(here: Here) -> None:
    found = here.alerts.alert(here.lead, here.key)
    assert [one.criterion for one in found.drivers] == list(CRITERIA)
    assert len(found.course) == here.fall.days * here.fall.a_day
    learned = [one for one in found.course if one.log10_evidence is None]
    assert len(learned) == here.fall.detectors.reference_reviews
    at_alarm = next(one for one in found.course if one.reviewed_at == found.alert.row.raised_at)
    assert 10 ** (at_alarm.log10_evidence or 0) >= found.alert.row.threshold
    with pytest.raises(NotFound):
        here.alerts.alert(here.lead, "0" * 16)


def test_a_page_and_its_pictures_ask_once(here: Here) -> None:
    for _ in range(3):
        here.alerts.alert(here.lead, here.key)
    assert here.clickhouse.asked.count("series_records") == 1
    here.desk.pass_time(seconds=91)
    here.alerts.alert(here.lead, here.key)
    assert here.clickhouse.asked.count("series_records") == 2


def test_an_analytics_store_that_is_away_is_said_and_nothing_is_written(here: Here) -> None:
    here.clickhouse.away = True
    for call in (
        lambda: here.alerts.alerts(here.lead),
        lambda: here.alerts.alert(here.lead, here.key),
        lambda: here.alerts.resolve(here.lead, here.key, "why"),
        lambda: here.desk.desk.alerts.alerts(here.lead),
    ):
        with pytest.raises(AnalyticsAway):
            call()
    assert here.sent() == []


def test_a_series_is_read_from_its_id() -> None:
    assert series_of("team=north,criterion=chat/greeting") == {"team": "north", "criterion": "chat/greeting"}
