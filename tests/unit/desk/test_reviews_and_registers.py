"""What people see of reviews, and how scorecards and frames are agreed and published."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from desk.errors import Conflict, Invalid, NotFound
from desk.people.authorisation import Actor
from desk.services import Desk
from desk.services.registers import Published, State
from desk.store.tables import AuditInboxRow, RegisterRow
from schemas.catalogue import SAMPLING_FRAMES
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from tafol import examples
from tafol.desk_registers import Registers
from tests.fixtures.desk import COMPLETE, FRAME, MONDAY, DeskForTests, arrived, make_task

pytestmark = pytest.mark.unit
CHAT_YAML = (Path(examples.__file__).parent / "chat.yaml").read_text()
FRAME_YAML = (Path(examples.__file__).parent / "frame.yaml").read_text()


class Port(Registers):
    """Reads as the real one does; publishes into a list."""

    def __init__(self, now: datetime) -> None:
        super().__init__(lambda: pytest.fail("no broker here"), lambda: now)
        self.published: list[Scorecard | SamplingFrame] = []

    def publish(self, entry: Scorecard | SamplingFrame) -> None:
        self.published.append(entry)


def reviewed(desk: DeskForTests, reviewer: Actor, *transactions: str, copies: int = 1) -> list[int]:
    numbers = desk.add(*(make_task(one, copy, copies=copies) for one in transactions for copy in range(1, copies + 1)))
    done = []
    for number in numbers:
        form = desk.desk.queues.claim(reviewer, number)
        assert form.lease is not None
        desk.desk.queues.submit(reviewer, number, form.lease.token, COMPLETE)
        done.append(number)
        if copies > 1:
            break
    return done


def test_a_colleague_sees_own_scores_without_reviewers_and_nobody_elses(a_desk: DeskForTests) -> None:
    ann = a_desk.person("ann")
    gwen, other = (a_desk.person(f"c{n}", "colleague", colleague_id=f"c-{n}") for n in (1, 2))
    (number,) = reviewed(a_desk, ann, "t-1")
    reviews = a_desk.desk.reviews
    (mine,) = reviews.about_me(gwen)
    assert (mine.reviewer_id, mine.reviewer_name, mine.strengths) == (None, None, ("Listened",))
    assert reviews.review(gwen, number).ratings
    assert [one.total_0_100 for one in reviews.my_scores(gwen)] == [mine.total_0_100]
    assert (reviews.about_me(other), reviews.my_scores(other)) == ((), ())
    with pytest.raises(NotFound):
        reviews.review(other, number)
    with a_desk.database.read() as session:
        seen = [row for row in session.scalars(select(AuditInboxRow)) if row.action == "review.view"]
    assert [(row.actor_id, row.subject) for row in seen] == [(gwen.account_id, str(number))]


def test_a_supervisor_who_reviews_a_copy_does_not_see_the_other(a_desk: DeskForTests) -> None:
    ann, both = a_desk.person("ann"), a_desk.person("both", "supervisor", "reviewer")
    (number,) = reviewed(a_desk, ann, "t-1", copies=2)
    assert a_desk.desk.reviews.review(both, number).reviewer_name == "Ann"
    assert a_desk.desk.queues.claim_next(both, "chat") is not None
    with pytest.raises(NotFound):
        a_desk.desk.reviews.review(both, number)


def test_a_blind_frame_hides_whose_work_it_is_from_reviewers_alone(a_desk: DeskForTests) -> None:
    blind = {**FRAME, "version": 2, "blind": True, "holds_from": (MONDAY + timedelta(days=1)).isoformat()}
    a_desk.intake.registers([arrived(SAMPLING_FRAMES, json.dumps(blind), 9)])
    ann, lead = a_desk.person("ann"), a_desk.person("lead", "supervisor")
    (number,) = a_desk.add(make_task(frame={"id": "centre", "version": 2}))
    form = a_desk.desk.queues.claim(ann, number)
    assert form.blind
    shown = form.task
    assert (shown.colleague_id, shown.team_id, shown.task_id, form.transaction_id) == (None, None, None, None)
    assert "c-1" not in repr(form)
    assert a_desk.desk.queues.form(lead, number).task.colleague_id == "c-1"
    assert form.lease is not None
    a_desk.desk.queues.submit(ann, number, form.lease.token, COMPLETE)
    assert a_desk.desk.reviews.review(ann, number).colleague_id is None


def test_a_correction_needs_its_reviewer_its_time_and_a_reason(a_desk: DeskForTests) -> None:
    ann, ben = a_desk.person("ann"), a_desk.person("ben")
    (number,) = reviewed(a_desk, ann, "t-1")
    reviews, better = a_desk.desk.reviews, replace(COMPLETE, strengths=("Patient",))
    with pytest.raises(NotFound):
        reviews.correct(ben, number, better, "mine now")
    with pytest.raises(Invalid):
        reviews.correct(ann, number, better, " ")
    assert reviews.recent(ann)[0].may_correct
    a_desk.pass_time(days=14)
    assert not reviews.recent(ann)[0].may_correct
    with pytest.raises(Conflict):
        reviews.correct(ann, number, better, "late")


def test_a_scorecard_is_published_once_enough_named_people_agreed(a_desk: DeskForTests) -> None:
    port = Port(MONDAY)
    scorecards = Desk(a_desk.here, port).scorecards
    boss, second = (a_desk.person(name, "quality_manager") for name in ("boss", "second"))
    text = CHAT_YAML.replace("version: 1", "version: 2", 1)
    proposed = scorecards.propose(boss, text)
    assert (proposed.state, proposed.version, proposed.needed_agreements) == ("proposed", 2, 2)
    scorecards.agree(boss, "chat", 2)
    with pytest.raises(Conflict):
        scorecards.publish(boss, "chat", 2)
    a_desk.pass_time(minutes=5)
    agreed = scorecards.agree(second, "chat", 2)
    assert (agreed.state, [one.name for one in agreed.agreements]) == ("agreed", ["Boss", "Second"])
    with pytest.raises(Conflict):
        scorecards.propose(boss, text)  # what was agreed to does not change
    published = scorecards.publish(boss, "chat", 2)
    assert published.state in ("holds", "later", "void", "earlier")
    assert [one.ref.key for one in port.published] == ["chat:2"]
    assert [one.version for one in scorecards.versions(boss)] == [2, 1]
    assert scorecards.scorecard(boss, "chat", 2).sections
    with pytest.raises(Conflict):
        scorecards.agree(boss, "chat", 2)


def test_a_mistake_in_a_document_is_named_by_its_line(a_desk: DeskForTests) -> None:
    scorecards = Desk(a_desk.here, Port(MONDAY)).scorecards
    boss = a_desk.person("boss", "quality_manager")
    for wrong in (CHAT_YAML.replace("weight:", "wieght:", 1), "id: [", ""):
        with pytest.raises(Invalid) as refusal:
            scorecards.propose(boss, wrong)
        assert refusal.value.problems


def test_a_frames_seed_is_seen_by_nobody_and_its_hash_by_those_who_may(a_desk: DeskForTests) -> None:
    port = Port(MONDAY)
    frames = Desk(a_desk.here, port).frames
    boss, lead = a_desk.person("boss", "quality_manager"), a_desk.person("lead", "supervisor")
    shown = frames.frame(lead, "centre", 1)
    assert (shown.frame.seed, len(shown.seed_sha256)) == ("0" * 64, 64)
    proposed = frames.propose(boss, FRAME_YAML)
    mine = frames.frame(boss, proposed.id, proposed.version)
    assert mine.frame.seed == "0" * 64
    for actor in (boss, lead):
        frames.agree(actor, proposed.id, proposed.version)
    frames.activate(boss, proposed.id, proposed.version)
    (entry,) = port.published
    assert isinstance(entry, SamplingFrame)
    assert entry.seed != "0" * 64
    with a_desk.database.read() as session:
        assert not any(entry.seed in row.document for row in session.scalars(select(RegisterRow)))


def test_the_states_of_a_register_are_those_of_its_timeline() -> None:
    first = SamplingFrame.model_validate(FRAME)

    def version(number: int, holds_from: datetime, appended_at: datetime) -> Published[SamplingFrame]:
        return Published(first.model_copy(update={"version": number, "holds_from": holds_from}), appended_at)

    hour = timedelta(hours=1)
    log = [
        Published(first, MONDAY),
        version(2, MONDAY + 2 * hour, MONDAY + hour),
        version(3, MONDAY + 3 * hour, MONDAY + 3 * hour),
        version(4, MONDAY + 9 * hour, MONDAY + hour),
    ]
    expected: dict[int, tuple[State, ...]] = {
        1: ("holds", "later", "void", "later"),
        5: ("earlier", "holds", "void", "later"),
        10: ("earlier", "earlier", "void", "holds"),
    }
    for hours, states in expected.items():
        found = Port(MONDAY).states(log, MONDAY + hours * hour)
        assert tuple(found[f"centre:{number}"] for number in (1, 2, 3, 4)) == states
