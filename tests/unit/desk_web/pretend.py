"""A desk of canned views behind the services' signatures: pages are tested for what they show and refuse, no more.

`calls` records what the pages asked for. Whom a call is allowed is decided by the real table of authorisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from desk.config import DeskConfig
from desk.errors import NotSignedIn
from desk.people.authorisation import ACTIONS, ROLES, Action, Actor, Role, require
from desk.services.alerts import AlertDetail, AlertView, Glance
from desk.services.names import Known
from desk.services.sight import Sight
from desk.services.trends import TrendService
from desk.views import (
    Absence,
    Agreement,
    AuditCheck,
    AuditView,
    CheckView,
    Content,
    Draft,
    FormView,
    FrameView,
    ImportReport,
    IssuedToken,
    Lease,
    Mark,
    Membership,
    ObservationForm,
    ObservationView,
    PersonView,
    Preview,
    QueueSummary,
    RatingInput,
    Receipt,
    RegisterVersion,
    ReviewView,
    ScorePoint,
    SignedIn,
    TaskView,
    TokenView,
    Workload,
)
from schemas.base import BilingualText
from schemas.request import CheckRequest
from schemas.transaction import ChatLine
from sinks.queries.alerts import AlertRow, Change, Driver
from sinks.queries.coverage import coverage
from tafol import examples
from tafol.documents import read_frame, read_scorecard
from tests.fakes.analytics import FakeClickHouse, Fall, analytics
from tests.fakes.coverage import coverage_rows
from tests.fakes.estimates import cell_rows, estimate_rows, name_rows

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
FOLDER = Path(examples.__file__).parent
SCORECARD = read_scorecard(FOLDER / "chat.yaml")
FRAME = read_frame(FOLDER / "frame.yaml").with_seed(bytes(32))
PASSWORD = "correct horse battery"
EVIL = "<script>alert(1)</script> %(x)s"
"""What somebody may have written: it must come back as text."""


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def actor(role: Role) -> Actor:
    return Actor(role, role.replace("_", " ").title(), frozenset({role}))


TASK = TaskView(
    number=7,
    task_id="t7|chat|1",
    queue="chat-welsh",
    channel="chat",
    topic="technical-support",
    language="en",
    purposes=("random",),
    priority=5,
    copy_number=1,
    copies=2,
    drawn_at=ago(hours=5),
    due_at=NOW + timedelta(hours=3),
    ended_at=ago(hours=6),
    state="open",
    overdue=False,
    colleague_id="c-014",
    team_id="cardiff-service",
    site="cardiff",
    scorecard_id="chat",
    scorecard_version=1,
    holder_id="reviewer",
    holder_name="Reviewer",
    lease_ends_at=NOW + timedelta(minutes=14),
)
CHAT = (
    ChatLine(speaker="system", text="This chat may be monitored.", at=ago(hours=6)),
    ChatLine(speaker="colleague", text="Good morning, my name is Nia. How can I help you?", at=ago(hours=6)),
    ChatLine(speaker="customer", text=f"My router blinks red since yesterday. {EVIL}", at=ago(hours=6)),
    ChatLine(speaker="colleague", text="I am sorry to hear that. May I ask for your postcode?", at=ago(hours=6)),
)
DRAFT = Draft(
    (RatingInput(SCORECARD.criteria[0].id, 1.0, comment=EVIL, marks=(Mark(line=2),)),),
    ("Kind.",),
    (),
    65.0,
    ago(minutes=2),
)
PREVIEW = Preview(
    100.0, 100.0, {SCORECARD.criteria[0].id: 100.0}, (), (), 1, tuple(c.id for c in SCORECARD.criteria[1:])
)
FORM = FormView(
    task=TASK,
    scorecard=SCORECARD,
    content=Content("kept", CHAT, notice_how="written", notice_at=ago(hours=6)),
    draft=DRAFT,
    preview=PREVIEW,
    blind=False,
    started_at=ago(hours=6.2),
    transaction_id="tx-7",
    lease=Lease(7, 3, NOW + timedelta(minutes=14), 60.0),
)
REVIEW = ReviewView(
    number=7,
    task_id="t7|chat|1",
    revision=0,
    outcome="submitted",
    reason="",
    at=ago(hours=1),
    channel="chat",
    topic="billing",
    language="en",
    ended_at=ago(days=1),
    queue="chat",
    scorecard_id="chat",
    scorecard_version=1,
    purposes=("random", "spot"),
    total_0_100=72.5,
    critical_errors=("customer",),
    time_spent_s=312.0,
    colleague_id="c-014",
    team_id="cardiff-service",
    reviewer_id="reviewer",
    reviewer_name="Reviewer",
    ratings=(RatingInput(SCORECARD.criteria[0].id, 1.0, comment=EVIL, marks=(Mark(line=2, note="greets"),)),),
    strengths=("Patient and clear.",),
    development_points=("Say back what was agreed.",),
    criteria_0_100={SCORECARD.criteria[0].id: 100.0},
    may_correct=True,
)
PERSON = PersonView(
    account_id="reviewer",
    login="rhian",
    name="Rhian Evans",
    roles=("reviewer",),
    colleague_id=None,
    not_a_colleague=False,
    languages=("en", "cy"),
    skills=("chat",),
    teams=(Membership("cardiff-service", ago(days=90)),),
    active=True,
    absent=False,
    has_password=True,
)
VERSION = RegisterVersion(
    kind="scorecard",
    id="chat",
    version=1,
    title="Chat",
    state="proposed",
    holds_from=ago(days=30),
    agreements=(Agreement("s", "Sioned Parry", ago(days=40)),),
    needed_agreements=2,
)
OBSERVATION = ObservationView(
    observation_id="plan-1",
    colleague_id="c-020",
    team_id="bangor-counter",
    site="bangor",
    channel="face_to_face",
    topic="billing",
    language="en",
    scorecard_id="chat",
    place="Bangor, counter 2",
    planned_for=NOW,
    observer_id=None,
    state="planned",
)
CHECK = CheckView(
    CheckRequest.model_validate(
        {
            "id": "spot-0123456789abcdef",
            "holds_from": NOW + timedelta(minutes=7),
            "holds_until": NOW + timedelta(hours=4),
            "purpose": "spot",
            "when": {"colleague_id": "c-014", "channel": "chat"},
            "n": 3,
            "asked_by": "supervisor",
            "reason": EVIL,
        }
    ),
    "to_come",
    NOW,
    "Supervisor",
)
QUEUES = (
    QueueSummary("chat-welsh", 4, 6, 2, 0, 2, 1, ago(hours=30), NOW + timedelta(hours=1), ("chat",)),
    QueueSummary("phone", 0, 3, 3, 0, 0, 0, ago(hours=3), NOW + timedelta(hours=9)),
    QueueSummary("counter", 0, 2, 0, 0, 0, 0, ago(hours=3), NOW + timedelta(hours=9)),
    QueueSummary("sales", 0, 0, 0, 0, 0, 0, None, None),
)
WORKLOAD = Workload("reviewer", "Rhian Evans", 1, 0, 6, 1, 41, 284.0, absent=True, mapped=False, languages=("en", "cy"))

FALL = Fall("team=cardiff-service", NOW)
ALERT = AlertView(
    key="00112233445566aa",
    row=AlertRow(**FALL.alert()),
    series={"team": "cardiff-service"},
    acted_name=None,
    may_acknowledge=True,
    may_resolve=True,
)
ENDED = AlertView(
    key="00112233445566bb",
    row=replace(ALERT.row, status="resolved", acted_by="m", acted_at=ago(days=3), action_reason=EVIL),
    series={"team": "north", "criterion": "chat/unknown"},
    acted_name="Mair",
    may_acknowledge=False,
    may_resolve=False,
)
DETAIL = AlertDetail(
    alert=ALERT,
    since=Change(**FALL.change()),
    after=Change(0, 0, 3, None, None, None, None),
    drivers=tuple(Driver(**one) for one in FALL.drivers([one.id for one in SCORECARD.criteria])),
    course=tuple(FALL.course()),
)
KNOWN = Known(
    criteria={f"chat/{one.id}": one.label for one in SCORECARD.criteria},
    scorecards={"chat": BilingualText(en="Chat", cy="Sgwrs")},
    colleagues={"c-014": "Owain Rees"},
)
ANSWERS: dict[str, tuple[Action | None, Any]] = {
    "queues.queues": ("queue.list", QUEUES),
    "queues.version": (None, "1"),
    "queues.tasks": ("task.see_all", (TASK, replace(TASK, number=8, overdue=True, due_at=ago(hours=2)))),
    "queues.mine": ("task.work", (TASK,)),
    "queues.claim_next": ("task.claim", FORM),
    "queues.claim": ("task.claim", FORM),
    "queues.form": ("queue.list", FORM),
    "queues.heartbeat": ("task.work", Lease(7, 3, NOW + timedelta(minutes=15), 60.0)),
    "queues.save_draft": ("task.work", (DRAFT, PREVIEW)),
    "queues.submit": ("task.work", Receipt(7, "t7|chat|1", "submitted", 0, NOW, 72.5)),
    "queues.skip": ("task.work", Receipt(7, "t7|chat|1", "skipped", 0, NOW)),
    "queues.give_back": ("task.work", None),
    "queues.reassign": ("task.reassign", TASK),
    "queues.override": ("task.override", TASK),
    "reviews.recent": ("review.own", (REVIEW, replace(REVIEW, outcome="skipped", reason="Other", total_0_100=None))),
    "reviews.review": (None, REVIEW),
    "reviews.correct": ("review.own", Receipt(7, "t7|chat|1", "submitted", 1, NOW, 72.5)),
    "reviews.withdraw": ("review.withdraw", Receipt(7, "t7|chat|1", "withdrawn", 1, NOW)),
    "reviews.about_me": ("score.own", (replace(REVIEW, reviewer_id=None, reviewer_name=None),)),
    "reviews.my_scores": ("score.own", (ScorePoint(ago(days=1), "chat", "billing", 72.5, 1),)),
    "people.sign_out": (None, None),
    "people.set_language": (None, None),
    "people.me": (None, PERSON),
    "people.people": ("people.see", (PERSON,)),
    "people.names": (None, {"reviewer": "Rhian Evans"}),
    "people.person": ("people.see", PERSON),
    "people.create": ("people.edit", PERSON),
    "people.change": ("people.edit", PERSON),
    "people.set_password": ("people.edit", None),
    "people.confirm_not_a_colleague": ("people.edit", PERSON),
    "people.import_csv": ("people.edit", ImportReport(1, 0, 2)),
    "people.absences": (None, (Absence(1, "reviewer", NOW, NOW + timedelta(days=1), "leave"),)),
    "people.add_absence": ("absence.own", Absence(1, "reviewer", NOW, NOW)),
    "people.end_absence": ("absence.own", None),
    "people.workload": ("task.see_all", (WORKLOAD,)),
    "people.tokens": ("token.own", (TokenView(1, "sheet", ("queue.read",), NOW, NOW, None, revoked=False),)),
    "people.issue_token": (
        "token.own",
        IssuedToken(TokenView(2, "new", ("queue.read",), NOW, NOW, None, revoked=False), "tafol_secret"),
    ),
    "people.revoke_token": ("token.own", None),
    "people.change_password": (None, SignedIn("reviewer", "another", "csrf-another", NOW)),
    "scorecards.versions": ("scorecard.see", (VERSION,)),
    "scorecards.scorecard": ("scorecard.see", SCORECARD),
    "scorecards.propose": ("register.propose", VERSION),
    "scorecards.agree": ("register.agree", VERSION),
    "scorecards.publish": ("register.activate", VERSION),
    "frames.versions": ("frame.see", (replace(VERSION, kind="frame", id="contact-centre", state="holds"),)),
    "frames.frame": ("frame.see", FrameView(replace(VERSION, kind="frame", state="holds"), FRAME, "ab" * 32)),
    "frames.propose": ("register.propose", VERSION),
    "frames.agree": ("register.agree", VERSION),
    "frames.activate": ("register.activate", VERSION),
    "checks.ask": ("check.ask", CHECK),
    "checks.checks": ("check.ask", (CHECK, replace(CHECK, state="void", asked_name=None))),
    "checks.colleagues": ("check.ask", {"c-014": "Nia Pugh", "c-020": ""}),
    "alerts.alerts": ("alert.see", (ALERT, ENDED)),
    "alerts.glance": ("alert.see", Glance(DETAIL.since, DETAIL.drivers[:2])),
    "alerts.alert": ("alert.see", DETAIL),
    "alerts.acknowledge": ("alert.act", None),
    "alerts.resolve": ("alert.act", None),
    "coverage.coverage": ("coverage.see", coverage(FakeClickHouse({"coverage": lambda _: coverage_rows()}))),
    "names.known": (None, KNOWN),
    "observations.plan": ("observation.plan", OBSERVATION),
    "observations.planned": (None, (OBSERVATION,)),
    "observations.recorded": (None, (replace(OBSERVATION, state="recorded", total_0_100=80.0),)),
    "observations.form": ("observation.record", ObservationForm(OBSERVATION, SCORECARD)),
    "observations.record": ("observation.record", Receipt(9, "o|1", "submitted", 0, NOW, 80.0)),
    "observations.cancel": ("observation.plan", OBSERVATION),
    "audit.entries": ("audit.see", (AuditView(1, NOW, "reviewer", "recording.viewed", "7", {"why": EVIL}, "ab" * 32),)),
    "audit.verify": ("audit.see", AuditCheck(1, None, "ab" * 32)),
}
"""method -> (the action it requires, what it answers)"""


class _Service:
    def __init__(self, desk: PretendDesk, name: str) -> None:
        self._desk, self._name = desk, name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *given, **named: self._desk.answer(f"{self._name}.{method}", *given, **named)


class _People(_Service):
    def sign_in(self, login: str, password: str, address: str) -> SignedIn:
        self._desk.calls.append(("people.sign_in", (login, address)))
        if login not in ROLES or password != PASSWORD:
            raise NotSignedIn("no")
        return SignedIn(login, f"secret-{login}", f"csrf-{login}", NOW)

    def actor_of_session(self, secret: str) -> tuple[Actor, str]:
        for role in ROLES:
            if secret == f"secret-{role}":
                return actor(role), f"csrf-{role}"
        raise NotSignedIn("no such session")


class _NoTeams:
    """A store in which nobody is in a team."""

    @contextmanager
    def read(self) -> Iterator[Any]:
        yield SimpleNamespace(scalars=lambda _query: [])


class _Trends(TrendService):
    """The real service over made-up estimates; every actor serves customers as c-014."""

    def __init__(self) -> None:
        criteria = [one.id for one in SCORECARD.criteria]
        self.clickhouse = FakeClickHouse(
            {
                "estimates": lambda asked: estimate_rows(asked, criteria),
                "score_cells": lambda asked: cell_rows(asked, criteria),
                "known_names": lambda _: name_rows(("chat",)),
            }
        )
        here: Any = SimpleNamespace(now=lambda: NOW, config=DeskConfig(), database=_NoTeams())
        super().__init__(here, analytics(self.clickhouse, lambda: NOW))

    def _sight(self, actor: Actor) -> Sight:
        return super()._sight(replace(actor, colleague_id="c-014"))


class PretendDesk:
    """`raises`: method -> error to raise instead of answering."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.raises: dict[str, Exception] = {}
        self.queues: Any = _Service(self, "queues")
        self.reviews: Any = _Service(self, "reviews")
        self.people: Any = _People(self, "people")
        self.scorecards: Any = _Service(self, "scorecards")
        self.frames: Any = _Service(self, "frames")
        self.checks: Any = _Service(self, "checks")
        self.observations: Any = _Service(self, "observations")
        self.alerts: Any = _Service(self, "alerts")
        self.trends = _Trends()
        self.coverage: Any = _Service(self, "coverage")
        self.names: Any = _Service(self, "names")
        self.audit: Any = _Service(self, "audit")

    def now(self) -> datetime:
        return NOW

    def answer(self, method: str, *given: Any, **named: Any) -> Any:
        action, value = ANSWERS[method]
        if action is not None:
            assert action in ACTIONS
            require(given[0], action)
        self.calls.append((method, (*given[1:], *named.values())))
        if method in self.raises:
            raise self.raises[method]
        return value
