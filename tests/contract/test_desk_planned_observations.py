"""Observations that come from the calendar of planned checks, on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from desk.errors import Conflict
from desk.intake import Arrived
from desk.people.authorisation import Actor
from desk.store import contents
from desk.views import ObservationView
from schemas.catalogue import CHECK_REQUESTS, SCORECARDS
from schemas.request import CheckRequest
from streams import registers
from tests.contract.test_desk_store import published, together
from tests.fixtures.desk import CARD, MONDAY, DeskForTests
from tests.unit.desk.test_observations import RECORD

pytestmark = pytest.mark.postgresql
VISIT = "counter-visits/2026-09-08T10:00/c-201"


def asked(**observation: Any) -> CheckRequest:
    return CheckRequest.model_validate(
        {
            "id": VISIT,
            "holds_from": MONDAY + timedelta(days=1),
            "holds_until": MONDAY + timedelta(days=1, hours=2),
            "purpose": "planned",
            "when": {"colleague_id": "c-201"},
            "asked_by": "quality-office",
            "plan": "counter-visits",
            "observation": {
                "colleague_id": "c-201",
                "team_id": "bangor-counter",
                "site": "bangor",
                "place": "Bangor, counter 2",
                "scorecard": "chat",
                **observation,
            },
        }
    )


def come(desk: DeskForTests, request: CheckRequest, at: datetime = MONDAY) -> int:
    raw = request.model_dump_json().encode()
    return desk.intake.registers([Arrived(CHECK_REQUESTS, 0, 0, int(at.timestamp() * 1000), raw)])


def planned(desk: DeskForTests, actor: Actor) -> ObservationView:
    (found,) = desk.desk.observations.planned(actor)
    return found


def test_a_planned_visit_is_one_observation_however_often_and_where_it_is_read(any_desk: DeskForTests) -> None:
    ann, lead = any_desk.person("ann"), any_desk.person("lead", "supervisor")
    assert sum(together(*[lambda: come(any_desk, asked())] * 4)) == 1
    found = planned(any_desk, ann)
    assert (found.observation_id, found.place, found.colleague_id) == (VISIT, "Bangor, counter 2", "c-201")
    assert (found.planned_for, found.planned_until) == (MONDAY + timedelta(days=1), MONDAY + timedelta(days=1, hours=2))
    assert any_desk.desk.checks.checks(lead) == ()
    any_desk.at = MONDAY + timedelta(days=1, hours=1)
    record = replace(RECORD, started_at=any_desk.at - timedelta(minutes=9), ended_at=any_desk.at)
    receipts = [any_desk.desk.observations.record(ann, VISIT, record) for _ in range(2)]
    assert [one.repeated for one in receipts] == [False, True]
    (review,) = published(any_desk)
    assert (review.transaction_id, review.task.purposes, review.task.inclusion_probability) == (
        VISIT,
        ("planned",),
        None,
    )
    assert come(any_desk, asked()) == 0


def test_what_came_too_late_is_void_and_what_was_cancelled_stays_cancelled(any_desk: DeskForTests) -> None:
    lead = any_desk.person("lead", "supervisor")
    assert come(any_desk, asked(), MONDAY + timedelta(days=1) - timedelta(minutes=5)) == 0
    assert any_desk.desk.observations.planned(lead) == ()
    assert come(any_desk, asked()) == 1
    any_desk.desk.observations.cancel(lead, VISIT, "the counter is closed")
    assert come(any_desk, asked()) == 0
    assert any_desk.desk.observations.planned(lead) == ()


def test_the_observer_is_named_by_account_or_sign_in_name_else_it_is_for_anybody(any_desk: DeskForTests) -> None:
    ann, ben = any_desk.person("ann"), any_desk.person("ben")
    admin = any_desk.person("admin", "administrator")
    for number, observer in enumerate(("ann", ann.account_id, "nobody-here")):
        come(any_desk, asked(observer_id=observer).model_copy(update={"id": f"visit-{number}"}))
    assert [one.observation_id for one in any_desk.desk.observations.planned(ann)] == ["visit-0", "visit-1", "visit-2"]
    assert [one.observation_id for one in any_desk.desk.observations.planned(ben)] == ["visit-2"]
    trail = {one.subject: one.detail for one in any_desk.desk.audit.entries(admin) if "from_plan" in one.action}
    assert trail == {"visit-0": {"observer": ann.account_id}, "visit-1": {}, "visit-2": {"observer": "unknown"}}


def test_a_scorecard_that_is_not_there_yet_is_looked_for_again(any_desk: DeskForTests) -> None:
    ann = any_desk.person("ann")
    come(any_desk, asked(scorecard="counter"))
    with pytest.raises(Conflict, match="counter is not published"):
        any_desk.desk.observations.form(ann, VISIT)
    card = CARD.model_copy(update={"id": "counter"})
    raw = card.model_dump_json().encode()
    any_desk.intake.registers([Arrived(SCORECARDS, 0, 9, int(MONDAY.timestamp() * 1000), raw)])
    assert any_desk.desk.observations.form(ann, VISIT).scorecard.id == "counter"


def test_the_version_is_the_one_that_the_register_says_holds_then(any_desk: DeskForTests) -> None:
    day = timedelta(days=1)
    log = [
        (CARD, MONDAY),
        (CARD.model_copy(update={"version": 2, "holds_from": MONDAY + 7 * day}), MONDAY),
        (CARD.model_copy(update={"version": 3, "holds_from": MONDAY + 9 * day}), MONDAY + 9 * day),  # too late
        (CARD.model_copy(update={"version": 4, "holds_from": MONDAY + 3 * day}), MONDAY),
    ]
    for offset, (card, at) in enumerate(log):
        raw = card.model_dump_json().encode()
        any_desk.intake.registers([Arrived(SCORECARDS, 0, offset, int(at.timestamp() * 1000), raw)])
    timeline = registers.Timeline.of("chat", [registers.Appended(card, at) for card, at in log])
    with any_desk.database.read() as session:
        for days in range(-1, 12):
            held = timeline.at(MONDAY + days * day)
            assert held is not None
            assert contents.version_at(session, "chat", MONDAY + days * day) == held.version
        assert contents.version_at(session, "nothing", MONDAY) == 0
    assert contents.LEAD == registers.LEAD
