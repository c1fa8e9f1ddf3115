"""Observations: planned, recorded once however often a phone sends, never of oneself, apart from every population."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from desk.errors import Conflict, Invalid, NotEligible, NotFound
from desk.people.authorisation import Actor
from desk.services.observations import ObservationRecord
from desk.store.tables import OutboxRow
from desk.views import ObservationView
from schemas.review import Review
from schemas.selection import PROBABILITY_PURPOSES
from tests.fixtures.desk import COMPLETE, MONDAY, DeskForTests

pytestmark = pytest.mark.unit
RECORD = ObservationRecord(
    sent_id="0c5f6a52-1f5e-4a44-8f43-3a4d8a1d0b11",
    started_at=MONDAY - timedelta(minutes=20),
    ended_at=MONDAY - timedelta(minutes=5),
    place="Counter 3",
    customer_told=True,
    customer_told_how="sign",
    colleague_told=True,
    ratings=COMPLETE.ratings,
    strengths=COMPLETE.strengths,
    development_points=COMPLETE.development_points,
)


def planned(desk: DeskForTests, lead: Actor, **fields: Any) -> ObservationView:
    about: dict[str, Any] = {
        "colleague_id": "c-1",
        "team_id": "counter",
        "site": "bangor",
        "topic": "parking",
        "language": "cy",
        "scorecard_id": "chat",
        "place": "Counter 3",
        "planned_for": MONDAY,
    }
    return desk.desk.observations.plan(lead, **{**about, **fields})


def test_an_observation_is_recorded_once_and_travels_outside_every_population(a_desk: DeskForTests) -> None:
    lead, ann, ben = a_desk.person("lead", "supervisor"), a_desk.person("ann"), a_desk.person("ben")
    observations = a_desk.desk.observations
    plan = planned(a_desk, lead)
    assert [one.observation_id for one in observations.planned(ann)] == [plan.observation_id]
    first = observations.record(ann, plan.observation_id, RECORD)
    again = observations.record(ann, plan.observation_id, RECORD)
    assert (first.repeated, again.repeated, again.revision) == (False, True, 0)
    with pytest.raises(Conflict):
        observations.record(ann, plan.observation_id, replace(RECORD, sent_id="another-device"))
    with pytest.raises(Conflict):
        observations.record(ben, plan.observation_id, RECORD)
    with a_desk.database.read() as session:
        (row,) = session.scalars(select(OutboxRow)).all()
    review = Review.model_validate_json(row.value)
    assert row.key == review.transaction_id == plan.observation_id
    assert PROBABILITY_PURPOSES.isdisjoint(review.task.purposes)
    assert (review.task.inclusion_probability, review.task.stratum) == (None, "observation")
    (shown,) = observations.recorded(ann)
    assert shown.total_0_100 == first.total_0_100
    assert observations.planned(ann) == ()
    gwen = a_desk.person("gwen", "colleague", colleague_id="c-1")
    assert [one.reviewer_id for one in a_desk.desk.reviews.about_me(gwen)] == [None]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"customer_told": False}, "customer_told"),
        ({"customer_told_how": None}, "customer_told_how"),
        ({"colleague_told": False}, "colleague_told"),
        ({"ended_at": MONDAY + timedelta(minutes=1)}, "ended_at"),
        ({"started_at": MONDAY}, "ended_at"),
        ({"ratings": COMPLETE.ratings[:1]}, "ratings.answer"),
        ({"strengths": ()}, "strengths"),
        ({"sent_id": "x"}, "sent_id"),
    ],
)
def test_what_is_not_complete_or_not_lawful_is_named(a_desk: DeskForTests, change: dict[str, Any], field: str) -> None:
    lead, ann = a_desk.person("lead", "supervisor"), a_desk.person("ann")
    plan = planned(a_desk, lead)
    with pytest.raises(Invalid) as refusal:
        a_desk.desk.observations.record(ann, plan.observation_id, replace(RECORD, **change))
    assert field in {one.field for one in refusal.value.problems}


def test_nobody_observes_themselves_or_in_a_language_they_do_not_know(a_desk: DeskForTests) -> None:
    lead = a_desk.person("lead", "supervisor")
    own, english = a_desk.person("own", colleague_id="c-1"), a_desk.person("english", languages=("en",))
    plan = planned(a_desk, lead)
    for actor, why in ((own, "own_work"), (english, "language")):
        with pytest.raises(NotEligible) as refusal:
            a_desk.desk.observations.form(actor, plan.observation_id)
        assert refusal.value.code == why
    assert a_desk.desk.observations.planned(own) == ()
    with pytest.raises(NotEligible):
        planned(a_desk, lead, observer_id=own.account_id)


def test_a_plan_for_one_observer_is_not_anothers_and_can_be_cancelled(a_desk: DeskForTests) -> None:
    lead, ann, ben = a_desk.person("lead", "supervisor"), a_desk.person("ann"), a_desk.person("ben")
    observations = a_desk.desk.observations
    plan = planned(a_desk, lead, observer_id=ann.account_id)
    assert observations.planned(ben) == ()
    with pytest.raises(NotFound):
        observations.form(ben, plan.observation_id)
    assert observations.form(ann, plan.observation_id).scorecard.id == "chat"
    assert observations.cancel(lead, plan.observation_id, "she is ill").state == "cancelled"
    with pytest.raises(Conflict):
        observations.record(ann, plan.observation_id, RECORD)
    for wrong in ({"scorecard_id": "none"}, {"colleague_id": "not an id"}):
        with pytest.raises(Invalid):
            planned(a_desk, lead, **wrong)
