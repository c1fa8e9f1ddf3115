"""One suite for the desk's store on SQLite and PostgreSQL: migrations, claims, leases, outcomes, outbox, trail."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from desk.audit import Chain
from desk.errors import Invalid, LeaseLost, NotEligible, NotFound, TaskClosed
from desk.outbox import Outgoing, Publisher
from desk.rules import eligibility
from desk.services.dues import end_overdue, forget_content, forget_old
from desk.store import contents, tasks
from desk.store.migrate import migrate
from desk.store.tables import AuditRow, Base, ContentRow, OutboxRow, ReviewRow, TaskRow
from desk.views import Draft, FormView, NewPerson
from schemas.catalogue import REVIEW_TASKS, REVIEWS
from schemas.errors import Retryable
from schemas.review import Review
from tests.fixtures.desk import COMPLETE, MONDAY, DeskForTests, arrived, make_task

pytestmark = pytest.mark.postgresql


class Sent:
    """A broker that keeps what it is sent; `fails`: how often it refuses first."""

    def __init__(self, fails: int = 0) -> None:
        self.records: list[Outgoing] = []
        self.fails = fails

    def send(self, records: Sequence[Outgoing]) -> None:
        if self.fails:
            self.fails -= 1
            raise Retryable("away", retry_after_s=0.1)
        self.records += records

    @property
    def reviews(self) -> list[Review]:
        return [Review.model_validate_json(one.value) for one in self.records]


def token_of(form: FormView | None) -> tuple[int, int]:
    assert form is not None
    assert form.lease is not None
    return form.lease.number, form.lease.token


def published(desk: DeskForTests) -> list[Review]:
    sent = Sent()
    while Publisher(desk.database, sent).send_some(desk.at):
        pass
    return sent.reviews


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment; what each returned, or the error that it raised."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return job()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_migrations_make_exactly_the_tables_that_the_code_has(any_desk: DeskForTests) -> None:
    migrate(any_desk.database)  # a second time changes nothing
    with any_desk.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_task_that_comes_twice_is_one_and_a_further_purpose_joins_it(any_desk: DeskForTests) -> None:
    first = make_task()
    joined = make_task(purposes=["random", "spot"], priority=2)
    any_desk.add(first)
    any_desk.add(joined)
    any_desk.add(first)  # read again after a crash: takes nothing away
    with any_desk.database.read() as session:
        (row,) = session.scalars(select(TaskRow)).all()
        assert tasks.task_of(row).purposes == ("random", "spot")
        assert (row.priority, row.purpose_rank) == (2, 0)


def test_what_is_no_task_is_passed_over_and_its_neighbours_are_taken(any_desk: DeskForTests) -> None:
    good = make_task().model_dump_json()
    assert any_desk.intake.tasks([arrived(REVIEW_TASKS, "{}"), arrived(REVIEW_TASKS, good)]) == 1


def test_tasks_are_given_out_by_purpose_then_priority_then_due_time(any_desk: DeskForTests) -> None:
    soon, later = MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=9)
    any_desk.add(
        make_task("targeted", purposes=["targeted"], priority=0, due_at=soon),
        make_task("random-late", due_at=later),
        make_task("random-soon", due_at=soon),
        make_task("random-urgent", priority=1, due_at=later),
        make_task("spot", purposes=["spot"], priority=9, due_at=later),
    )
    reviewer = any_desk.person("ann")
    order = []
    while (form := any_desk.desk.queues.claim_next(reviewer, "chat")) is not None:
        order.append(form.transaction_id)
        any_desk.desk.queues.skip(reviewer, *token_of(form), "for the test")
    assert order == ["spot", "random-urgent", "random-soon", "random-late", "targeted"]


def test_two_who_claim_at_once_get_different_tasks(any_desk: DeskForTests) -> None:
    any_desk.add(*(make_task(f"t-{number}") for number in range(6)))
    reviewers = [any_desk.person(f"reviewer{number}") for number in range(8)]
    forms = together(*(lambda who=who: any_desk.desk.queues.claim_next(who, "chat") for who in reviewers))
    numbers = Counter(form.task.number for form in forms if form is not None)
    assert len(numbers) == 6
    assert set(numbers.values()) == {1}


def test_one_person_who_claims_twice_at_once_has_one_task(any_desk: DeskForTests) -> None:
    any_desk.add(*(make_task(f"t-{number}") for number in range(4)))
    reviewer = any_desk.person("ann")
    forms = together(*(lambda: any_desk.desk.queues.claim_next(reviewer, "chat") for _ in range(4)))
    assert {token_of(form) for form in forms} == {token_of(forms[0])}


def test_copies_go_to_different_people_even_when_all_claim_at_once(any_desk: DeskForTests) -> None:
    any_desk.add(*(make_task("t-1", copy, copies=3) for copy in (1, 2, 3)))
    ann, ben = any_desk.person("ann"), any_desk.person("ben")
    queues = any_desk.desk.queues
    numbers = any_desk.add(*(make_task("t-1", copy, copies=3) for copy in (1, 2, 3)))
    results = together(*(lambda who=who, n=n: queues.claim(who, n) for who in (ann, ben) for n in numbers))
    held = [token_of(one)[0] for one in results if isinstance(one, FormView)]
    refused = {one.code for one in results if isinstance(one, NotEligible)}
    assert len(held) == 2
    assert len(set(held)) == 2
    assert refused <= {"other_copy", "leased"}


def test_whoever_ended_one_copy_gets_no_other_but_a_lapsed_lease_does_no_harm(any_desk: DeskForTests) -> None:
    any_desk.add(make_task("t-1", 1, copies=2))
    ann = any_desk.person("ann")
    queues = any_desk.desk.queues
    queues.claim_next(ann, "chat")
    (_, second) = any_desk.add(make_task("t-1", 1, copies=2), make_task("t-1", 2, copies=2))
    any_desk.pass_time(minutes=16)  # her lease has ended
    queues.submit(ann, *token_of(queues.claim(ann, second)), COMPLETE)
    assert queues.claim_next(ann, "chat") is None
    (only,) = queues.queues(ann)
    assert (only.open, only.ready, only.state) == (1, 0, "none_for_you")


def test_the_query_for_the_next_task_says_what_the_rule_says(any_desk: DeskForTests) -> None:
    """Every combination of what counts, judged twice: by the rule and by SQL."""
    queues = any_desk.desk.queues
    other = any_desk.person("other")
    numbers = any_desk.add(
        make_task("plain"),
        make_task("welsh", transaction={"language": "cy"}),
        make_task("own", transaction={"colleague_id": "c-9"}),
        make_task("assigned"),
        make_task("mine"),
        make_task("held"),
        make_task("pair", 1, copies=2),
        make_task("pair", 2, copies=2),
        make_task("skilled", skills=["billing", "complaints"]),
    )
    people = [
        any_desk.person("english", languages=("en",), colleague_id="c-9", skills=("complaints", "billing", "x")),
        any_desk.person("half", skills=("billing",)),
        any_desk.person("both"),
        any_desk.person("welsh", languages=("cy",)),
    ]
    lead = any_desk.person("lead", "supervisor")
    queues.reassign(lead, numbers[3], other.account_id, "she knows it")
    queues.reassign(lead, numbers[4], people[2].account_id, "so does she")
    queues.claim(other, numbers[5])
    queues.claim(people[2], numbers[6])
    with pytest.raises(NotEligible, match="skill"):
        queues.claim(people[1], numbers[8])
    for actor in people:
        with any_desk.database.read() as session:
            reviewer = tasks.reviewer_of(session, actor.account_id, any_desk.at)
            assert reviewer is not None
            rows = session.scalars(select(TaskRow)).all()
            by_rule = {
                row.task_id
                for row in rows
                if eligibility.refusal(tasks.offer_of(session, row), reviewer, any_desk.at) is None
                and row.holder_id != actor.account_id
            }
            by_query = {
                row.task_id
                for row in session.scalars(
                    select(TaskRow).where(tasks.IS_OFFERED), tasks.parameters(reviewer, any_desk.at)
                )
            }
        assert by_query == by_rule
        assert by_rule


def test_skills_absence_and_mapping_decide_who_gets_anything(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    queues, people = any_desk.desk.queues, any_desk.desk.people
    lead = any_desk.person("lead", "supervisor", "administrator")
    unmapped = any_desk.person("new", not_a_colleague=False)
    with pytest.raises(NotEligible) as refusal:
        queues.claim_next(unmapped, "chat")
    assert refusal.value.code == "unmapped"
    people.confirm_not_a_colleague(lead, unmapped.account_id)
    queues.set_queue_skills(lead, "chat", ["complaints"])
    assert queues.claim_next(unmapped, "chat") is None
    able = any_desk.person("able", skills=("complaints", "more"))
    absence = people.add_absence(lead, able.account_id, any_desk.at, any_desk.at + timedelta(days=1))
    with pytest.raises(NotEligible) as refusal:
        queues.claim_next(able, "chat")
    assert refusal.value.code == "absent"
    people.end_absence(lead, absence.absence_id)
    assert queues.claim_next(able, "chat") is not None


def test_a_late_submit_after_anothers_claim_is_refused_and_the_draft_is_kept(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann, ben = any_desk.person("ann"), any_desk.person("ben")
    queues = any_desk.desk.queues
    number, old = token_of(queues.claim_next(ann, "chat"))
    any_desk.pass_time(minutes=16)
    _, new = token_of(queues.claim_next(ben, "chat"))
    assert new > old
    with pytest.raises(LeaseLost):
        queues.submit(ann, number, old, COMPLETE)
    with pytest.raises(LeaseLost):
        queues.heartbeat(ann, number, old)
    kept = queues.form(ann, number)
    assert kept.lease is None
    assert kept.draft.ratings == COMPLETE.ratings
    assert queues.form(ben, number).draft.ratings == ()  # nobody sees another's draft
    assert queues.submit(ben, number, new, COMPLETE).revision == 0
    assert [one.reviewer_id for one in published(any_desk)] == [ben.account_id]


def test_a_lease_that_lapsed_and_that_nobody_took_may_go_on(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    queues = any_desk.desk.queues
    number, token = token_of(queues.claim_next(ann, "chat"))
    any_desk.pass_time(hours=2)
    assert queues.heartbeat(ann, number, token).ends_at > any_desk.at
    assert not queues.submit(ann, number, token, COMPLETE).repeated


def test_the_same_submit_again_gives_the_same_receipt_and_one_review(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    number, token = token_of(any_desk.desk.queues.claim_next(ann, "chat"))
    results = together(*(lambda: any_desk.desk.queues.submit(ann, number, token, COMPLETE) for _ in range(4)))
    assert sorted(one.repeated for one in results) == [False, True, True, True]
    assert len({replace(one, repeated=False) for one in results}) == 1
    assert len(published(any_desk)) == 1


def test_an_incomplete_review_is_refused_field_by_field_and_kept(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    queues = any_desk.desk.queues
    number, token = token_of(queues.claim_next(ann, "chat"))
    half = replace(COMPLETE, ratings=COMPLETE.ratings[:1], strengths=(" ",))
    with pytest.raises(Invalid) as refusal:
        queues.submit(ann, number, token, half)
    assert {one.field for one in refusal.value.problems} == {"ratings.answer", "ratings.identity", "strengths"}
    form = queues.form(ann, number)
    assert form.draft.ratings == half.ratings
    assert form.preview.missing == ("answer", "identity")
    assert form.preview.total_0_100 == 100.0


def test_skip_give_back_and_reassign(any_desk: DeskForTests) -> None:
    ann, ben = any_desk.person("ann"), any_desk.person("ben")
    lead = any_desk.person("lead", "supervisor")
    queues = any_desk.desk.queues
    (number,) = any_desk.add(make_task())
    _, first = token_of(queues.claim(ann, number))
    queues.give_back(ann, number, first)
    with pytest.raises(LeaseLost):
        queues.skip(ann, number, first, "too late")
    queues.claim(ann, number)
    queues.reassign(lead, number, ben.account_id, "ann is in a meeting")
    assert queues.claim_next(ann, "chat") is None
    with pytest.raises(NotFound):
        queues.claim(ann, number)
    _, token = token_of(queues.claim_next(ben, "chat"))
    with pytest.raises(Invalid):
        queues.skip(ben, number, token, "  ")
    queues.skip(ben, number, token, "knows the customer")
    assert queues.skip(ben, number, token, "knows the customer").repeated
    (review,) = published(any_desk)
    assert (review.outcome, review.reason, review.reviewer_id) == ("skipped", "knows the customer", ben.account_id)
    with pytest.raises(TaskClosed):
        queues.override(lead, number, "priority", "urgent", priority=0)


def test_overdue_tasks_end_as_shed_or_expired_but_never_under_a_lease(any_desk: DeskForTests) -> None:
    due = MONDAY + timedelta(minutes=30)
    never, begun, held = any_desk.add(*(make_task(name, due_at=due) for name in ("never", "begun", "held")))
    ann, ben = any_desk.person("ann"), any_desk.person("ben")
    queues = any_desk.desk.queues
    queues.claim(ann, begun)
    any_desk.pass_time(minutes=25)
    _, token = token_of(queues.claim(ben, held))
    any_desk.pass_time(minutes=10)
    assert end_overdue(any_desk.here) == 2
    assert queues.submit(ben, held, token, COMPLETE).outcome == "submitted"
    assert end_overdue(any_desk.here) == 0
    outcomes = {one.transaction_id: (one.outcome, one.reviewer_id) for one in published(any_desk)}
    assert outcomes == {"never": ("shed", None), "begun": ("expired", None), "held": ("submitted", ben.account_id)}
    with pytest.raises(NotFound):
        queues.save_draft(ann, never, 1, Draft())
    with pytest.raises(TaskClosed):
        queues.save_draft(ann, begun, 1, COMPLETE)
    assert queues.form(ann, begun).draft.strengths == COMPLETE.strengths


def test_corrections_and_withdrawals_count_revisions_up_in_order(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann, boss = any_desk.person("ann"), any_desk.person("boss", "quality_manager")
    number, token = token_of(any_desk.desk.queues.claim_next(ann, "chat"))
    any_desk.desk.queues.submit(ann, number, token, COMPLETE)
    better = replace(COMPLETE, strengths=("Listened well",))
    assert any_desk.desk.reviews.correct(ann, number, better, "a word").revision == 1
    assert any_desk.desk.reviews.withdraw(boss, number, "wrong customer").revision == 2
    assert [(one.revision, one.outcome) for one in published(any_desk)] == [
        (0, "submitted"),
        (1, "submitted"),
        (2, "withdrawn"),
    ]
    assert any_desk.desk.reviews.recent(ann) == ()  # what is in force now is the manager's
    assert any_desk.desk.reviews.review(boss, number).outcome == "withdrawn"


def test_the_outbox_sends_in_order_again_after_a_failure_and_loses_nothing(any_desk: DeskForTests) -> None:
    ann = any_desk.person("ann")
    for number in range(5):
        any_desk.add(make_task(f"t-{number}"))
        form = any_desk.desk.queues.claim_next(ann, "chat")
        any_desk.desk.queues.submit(ann, *token_of(form), COMPLETE)
    sent = Sent(fails=1)
    publisher = Publisher(any_desk.database, sent)
    with pytest.raises(Retryable):
        publisher.send_some(any_desk.at)
    assert publisher.send_some(any_desk.at) == 5
    assert publisher.send_some(any_desk.at) == 0
    assert [one.transaction_id for one in sent.reviews] == [f"t-{number}" for number in range(5)]
    assert [one.key for one in sent.records] == [f"t-{number}".encode() for number in range(5)]
    any_desk.pass_time(days=8)
    forget_old(any_desk.here)
    with any_desk.database.read() as session:
        assert session.scalars(select(OutboxRow)).all() == []
        assert len(session.scalars(select(ReviewRow)).all()) == 5


def test_a_refused_change_leaves_neither_review_nor_outbox_row(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    number, token = token_of(any_desk.desk.queues.claim_next(ann, "chat"))

    class Crash(Exception):
        pass

    def submit_and_crash() -> None:
        with any_desk.database.write() as session:
            any_desk.desk.queues._submit(session, ann, number, token, COMPLETE)
            raise Crash

    with pytest.raises(Crash):
        submit_and_crash()
    assert published(any_desk) == []
    assert any_desk.desk.queues.submit(ann, number, token, COMPLETE).revision == 0


def test_what_another_tool_reviewed_closes_the_task_here(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    number, token = token_of(any_desk.desk.queues.claim_next(ann, "chat"))
    elsewhere = Review(task=make_task(), outcome="skipped", reason="no sound", reviewer_id="tool-1", at=MONDAY)
    for closed in (1, 0):
        assert any_desk.intake.reviews([arrived(REVIEWS, elsewhere.model_dump_json())]) == closed
    with pytest.raises(TaskClosed):
        any_desk.desk.queues.submit(ann, number, token, COMPLETE)
    assert published(any_desk) == []


def test_content_is_kept_without_the_customer_and_goes_when_its_time_is_over(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    form = any_desk.desk.queues.claim_next(ann, "chat")
    assert form is not None
    assert form.content.state == "coming"
    ((wanted, origin),) = any_desk.intake.wanted(10)
    assert (wanted, str(origin)) == ("t-1", "transactions.chat[0]@17")
    any_desk.intake.content(wanted, TRANSACTION)
    kept = any_desk.desk.queues.form(ann, form.task.number).content
    assert [line.text for line in kept.chat] == ["Hello"]
    assert kept.notice_how == "written"
    with any_desk.database.read() as session:
        (row,) = session.scalars(select(ContentRow)).all()
        assert "customer-77" not in (row.document or "")
    any_desk.pass_time(days=90)
    assert forget_content(any_desk.here) == 1
    assert forget_content(any_desk.here) == 0
    with any_desk.database.read() as session:
        assert contents.content(session, "t-1").state == "gone"


def test_content_that_the_log_no_longer_holds_or_that_is_anothers_is_gone(any_desk: DeskForTests) -> None:
    any_desk.add(make_task("t-1"), make_task("t-2"), make_task("t-3"))
    any_desk.intake.content("t-1", None)
    any_desk.intake.content("t-2", TRANSACTION)
    any_desk.intake.content("t-3", b"no json")
    with any_desk.database.read() as session:
        assert {contents.content(session, one).state for one in ("t-1", "t-2", "t-3")} == {"gone"}


def test_the_trail_is_chained_append_only_and_shows_every_tampering(any_desk: DeskForTests) -> None:
    any_desk.add(make_task())
    ann = any_desk.person("ann")
    any_desk.desk.queues.claim_next(ann, "chat")
    any_desk.desk.queues.form(ann, 1)
    chain = Chain(any_desk.database)
    check = chain.verify()
    assert check.intact
    assert check.entries == 2
    for change in (update(AuditRow).values(subject="other"), delete(AuditRow)):
        with pytest.raises(DBAPIError), any_desk.database.write() as session:
            session.execute(change)
    assert chain.verify() == check
    any_desk.desk.queues.form(ann, 1)
    grown = chain.verify()
    assert (grown.entries, grown.intact) == (3, True)


def test_a_chain_extended_by_many_at_once_stays_one(any_desk: DeskForTests) -> None:
    any_desk.add(*(make_task(f"t-{number}") for number in range(4)))
    people = [any_desk.person(f"r{number}") for number in range(4)]
    chain = Chain(any_desk.database)

    def work(actor: Any) -> None:
        any_desk.desk.queues.claim_next(actor, "chat")
        chain.extend()

    assert together(*(lambda who=who: work(who) for who in people)) == [None] * 4
    assert (chain.verify().entries, chain.verify().intact) == (4, True)


def test_an_import_of_people_is_all_or_nothing_and_repeats_change_nothing(any_desk: DeskForTests) -> None:
    admin = any_desk.person("admin", "administrator")
    text = (
        "login,name,roles,colleague_id,not_a_colleague,languages,skills,teams\n"
        "eve,Eve Parry,reviewer colleague,c-1,,en cy,complaints,billing@2026-01-01/2026-06-01 sales@2026-06-01\n"
        "dai,Dai Rees,supervisor,,yes,cy,,\n"
    )
    people = any_desk.desk.people
    wrong = people.import_csv(admin, text + "x y,X,reviewer,,,,,\nz,Z,king,,,,,\n")
    assert [line for line, _ in wrong.problems] == [4, 5]
    assert len(people.people(admin)) == 1
    assert (people.import_csv(admin, text).created, people.import_csv(admin, text).unchanged) == (2, 2)
    eve = next(one for one in people.people(admin) if one.login == "eve")
    assert [one.team_id for one in eve.teams] == ["billing", "sales"]
    assert people.import_csv(admin, text.replace("en cy", "cy")).changed == 1


def test_two_who_take_the_same_sign_in_name_at_once(any_desk: DeskForTests) -> None:
    admin = any_desk.person("admin", "administrator")
    results = together(
        *(lambda: any_desk.desk.people.create(admin, NewPerson("eve", "Eve", ("reviewer",)), None) for _ in range(3))
    )
    assert sum(not isinstance(one, Exception) for one in results) == 1
    assert all(isinstance(one, Invalid) for one in results if isinstance(one, Exception))


TRANSACTION = (
    b'{"id":"t-1","channel":"chat","colleague_id":"c-1","team_id":"team-1","site":"bangor","topic":"billing",'
    b'"started_at":"2026-09-07T07:00:00Z","ended_at":"2026-09-07T08:00:00Z","language":"en",'
    b'"customer_ref":"customer-77","outcome":"resolved","monitoring_notice":{"customer":{"notice_id":"n-1",'
    b'"how":"written","at":"2026-09-07T07:00:00Z"},"colleague":"policy"},'
    b'"chat":[{"speaker":"customer","text":"Hello"}]}'
)
