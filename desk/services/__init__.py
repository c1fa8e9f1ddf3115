"""What pages and API call. One class for each matter, put together as a `Desk`; every method is synchronous.

Each method takes the Actor first, checks the table of desk.people.authorisation itself, writes the audit trail, and
answers a frozen view (desk.views). What it refuses are the errors of desk.errors, with code and HTTP status.
Call them from `def` handlers (FastAPI's thread pool), never from the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from desk.people.authorisation import Actor, Role, Scope
from desk.views import (
    Absence,
    AuditCheck,
    AuditView,
    Draft,
    FormView,
    FrameView,
    ImportReport,
    IssuedToken,
    Lease,
    NewPerson,
    ObservationForm,
    ObservationRecord,
    ObservationView,
    PersonView,
    Preview,
    QueueSummary,
    Receipt,
    RegisterVersion,
    ReviewView,
    ScorePoint,
    SignedIn,
    TaskView,
    TokenView,
    Workload,
)
from schemas.scorecard import Scorecard


class QueueService(Protocol):
    """Queues, leases, the form, outcomes."""

    def queues(self, actor: Actor) -> tuple[QueueSummary, ...]:
        """All queues with work, by name, with this person's counts."""

    def version(self) -> str:
        """Changes whenever any queue changes; looked up at most once a second a process. For server-sent events."""

    def tasks(
        self, actor: Actor, *, queue: str | None = None, overdue: bool = False, limit: int = 100, offset: int = 0
    ) -> tuple[TaskView, ...]:
        """Open tasks in the order in which they are given out (supervisors: task.see_all)."""

    def mine(self, actor: Actor) -> tuple[TaskView, ...]:
        """What this person holds or is assigned, the lease that ends first at the top."""

    def claim_next(self, actor: Actor, queue: str) -> FormView | None:
        """The next task of the queue under a lease; the one already held in it, if any; None when there is none.

        Raises NotEligible: unmapped, absent, too_many_held.
        """

    def claim(self, actor: Actor, number: int) -> FormView:
        """This very task under a lease. Raises NotFound, NotEligible, TaskClosed, Conflict when another holds it."""

    def form(self, actor: Actor, number: int) -> FormView:
        """The form of a task: with the lease for its holder, read only for who may see all. Audited as a view."""

    def heartbeat(self, actor: Actor, number: int, token: int) -> Lease:
        """Prolong the lease. Raises LeaseLost, TaskClosed."""

    def save_draft(self, actor: Actor, number: int, token: int, draft: Draft) -> tuple[Draft, Preview]:
        """Keep the form as it is. Kept even where LeaseLost or TaskClosed is raised: nobody loses their words."""

    def preview(self, actor: Actor, number: int, draft: Draft) -> Preview:
        """The running score; nothing is kept."""

    def submit(self, actor: Actor, number: int, token: int, draft: Draft) -> Receipt:
        """Submit the review. The same again is answered by the same receipt.

        Raises Invalid with `problems` (the draft is kept), LeaseLost, TaskClosed (the draft is kept).
        """

    def skip(self, actor: Actor, number: int, token: int, reason: str) -> Receipt:
        """End the task without a review: non-response, with its reason. Raises Invalid, LeaseLost, TaskClosed."""

    def give_back(self, actor: Actor, number: int, token: int) -> None:
        """Return the task to its queue; the draft stays with this person. Raises LeaseLost."""

    def reassign(self, actor: Actor, number: int, to_account_id: str | None, reason: str) -> TaskView:
        """Only `to_account_id` may take it from now on (None: anybody); a lease of another ends.

        Raises NotEligible when that person may not review it, TaskClosed, Invalid without a reason.
        """

    def override(
        self,
        actor: Actor,
        number: int,
        what: Literal["end_lease", "priority", "withdraw"],
        reason: str,
        priority: int | None = None,
    ) -> TaskView:
        """A supervisor's word: end somebody's lease, change the priority (0 most urgent, to 9), withdraw the task."""

    def set_queue_skills(self, actor: Actor, queue: str, skills: Sequence[str]) -> QueueSummary:
        """Only people with all these skills get tasks of the queue."""


class ReviewService(Protocol):
    """What was reviewed."""

    def recent(self, actor: Actor, limit: int = 50) -> tuple[ReviewView, ...]:
        """This reviewer's own outcomes, latest first."""

    def review(self, actor: Actor, number: int) -> ReviewView:
        """One review in full: for its reviewer, for who may see all, for the colleague it is about. Audited."""

    def correct(self, actor: Actor, number: int, draft: Draft, reason: str) -> Receipt:
        """A new revision by the same reviewer while the desk allows it. Raises Invalid, Conflict."""

    def withdraw(self, actor: Actor, number: int, reason: str) -> Receipt:
        """Take a submitted review out of the score. Raises Invalid, Conflict."""

    def about_me(self, actor: Actor, limit: int = 50) -> tuple[ReviewView, ...]:
        """Submitted reviews of the colleague's own work, without the reviewer's name."""

    def my_scores(self, actor: Actor, limit: int = 200) -> tuple[ScorePoint, ...]:
        """Scores of the colleague's own work, latest first."""


class PeopleService(Protocol):
    """Accounts, sign-in, roles, absence, tokens."""

    def sign_in(self, login: str, password: str, address: str) -> SignedIn:
        """A session for a local account. `address`: the client's, for the rate limit.

        Raises NotSignedIn (the same for an unknown name and a wrong password), TooMany.
        """

    def sign_in_oidc(self, claims: Mapping[str, object]) -> SignedIn:
        """A session for checked ID-token claims. Raises NotSignedIn when no account has that subject or e-mail."""

    def actor_of_session(self, secret: str) -> tuple[Actor, str]:
        """Who a session cookie stands for, and its CSRF token. Raises NotSignedIn."""

    def actor_of_token(self, secret: str) -> Actor:
        """Who a bearer token stands for. Raises NotSignedIn."""

    def sign_out(self, secret: str) -> None:
        """End the session."""

    def change_password(self, actor: Actor, old: str, new: str) -> SignedIn:
        """Ends all other sessions and gives a new one. Raises Invalid, NotSignedIn."""

    def set_language(self, actor: Actor, language: Literal["en", "cy"]) -> None:
        """Of the pages."""

    def me(self, actor: Actor) -> PersonView:
        """The actor's own account."""

    def people(self, actor: Actor) -> tuple[PersonView, ...]:
        """All accounts, by name."""

    def names(self, account_ids: Sequence[str]) -> dict[str, str]:
        """Names by account id, for pages that hold ids; ids that are not known are left out."""

    def person(self, actor: Actor, account_id: str) -> PersonView:
        """One account. Raises NotFound."""

    def create(self, actor: Actor, person: NewPerson, password: str | None) -> PersonView:
        """Raises Invalid (login taken, unknown role, weak password), NotAllowed."""

    def change(self, actor: Actor, account_id: str, person: NewPerson) -> PersonView:
        """Set all fields. Changed roles end the account's sessions. Raises Invalid, NotFound."""

    def set_password(self, actor: Actor, account_id: str, password: str) -> None:
        """By an administrator; ends the account's sessions and its lockout. Raises Invalid."""

    def confirm_not_a_colleague(self, actor: Actor, account_id: str) -> PersonView:
        """Somebody with people.edit confirms that this reviewer serves no customers."""

    def import_csv(self, actor: Actor, text: str) -> ImportReport:
        """login,name,roles,colleague_id,not_a_colleague,languages,skills,teams; all or nothing."""

    def absences(self, actor: Actor, account_id: str | None = None) -> tuple[Absence, ...]:
        """Present and coming absences: one's own, or anybody's with absence.any."""

    def add_absence(
        self, actor: Actor, account_id: str, from_at: datetime, to_at: datetime, reason: str = ""
    ) -> Absence:
        """Leases and assignments of somebody who is away from now on go back to their queues. Raises Invalid."""

    def end_absence(self, actor: Actor, absence_id: int) -> None:
        """Raises NotFound."""

    def workload(self, actor: Actor) -> tuple[Workload, ...]:
        """All reviewers, by name (task.see_all)."""

    def tokens(self, actor: Actor) -> tuple[TokenView, ...]:
        """The actor's own tokens."""

    def issue_token(self, actor: Actor, name: str, scopes: Sequence[Scope], days: int = 90) -> IssuedToken:
        """Raises Invalid."""

    def revoke_token(self, actor: Actor, token_id: int) -> None:
        """Raises NotFound."""

    def roles_of(self, account_id: str) -> frozenset[Role]:
        """Raises NotFound."""


class ScorecardService(Protocol):
    """Scorecards: see, propose, agree, publish."""

    def versions(self, actor: Actor) -> tuple[RegisterVersion, ...]:
        """All versions, published and proposed, newest first."""

    def scorecard(self, actor: Actor, scorecard_id: str, version: int) -> Scorecard:
        """For the preview page. Raises NotFound."""

    def propose(self, actor: Actor, yaml_text: str) -> RegisterVersion:
        """A new version, to be agreed. Raises Invalid with line and field in `problems`."""

    def agree(self, actor: Actor, scorecard_id: str, version: int) -> RegisterVersion:
        """This named person agrees. Raises NotFound, Conflict when it is published."""

    def publish(self, actor: Actor, scorecard_id: str, version: int) -> RegisterVersion:
        """Put an agreed version on its register. Raises Conflict when agreements are missing, TafolError of Kafka."""


class FrameService(Protocol):
    """Sampling frames: see, propose, agree, activate. Same rules as scorecards."""

    def versions(self, actor: Actor) -> tuple[RegisterVersion, ...]: ...

    def frame(self, actor: Actor, frame_id: str, version: int) -> FrameView: ...

    def propose(self, actor: Actor, yaml_text: str) -> RegisterVersion: ...

    def agree(self, actor: Actor, frame_id: str, version: int) -> RegisterVersion: ...

    def activate(self, actor: Actor, frame_id: str, version: int) -> RegisterVersion: ...


class ObservationService(Protocol):
    """Live and face-to-face observations."""

    def plan(
        self,
        actor: Actor,
        *,
        colleague_id: str,
        team_id: str,
        site: str,
        topic: str,
        language: str,
        scorecard_id: str,
        place: str,
        planned_for: datetime,
        observer_id: str | None = None,
        channel: Literal["phone", "chat", "face_to_face"] = "face_to_face",
    ) -> ObservationView:
        """Plan a routine check. Raises Invalid (unknown scorecard, observer who is the colleague)."""

    def planned(self, actor: Actor) -> tuple[ObservationView, ...]:
        """What this observer may record, earliest first; with observation.plan, all that is planned."""

    def recorded(self, actor: Actor, limit: int = 50) -> tuple[ObservationView, ...]:
        """Latest first: one's own, or all with task.see_all."""

    def form(self, actor: Actor, observation_id: str) -> ObservationForm:
        """Raises NotFound, NotEligible (own_work)."""

    def record(self, actor: Actor, observation_id: str, record: ObservationRecord) -> Receipt:
        """Idempotent by `sent_id`: the same again gives the same receipt. Raises Invalid, Conflict, NotEligible."""

    def cancel(self, actor: Actor, observation_id: str, reason: str) -> ObservationView:
        """Raises Conflict when it is recorded."""


class AuditService(Protocol):
    """The trail."""

    def entries(
        self, actor: Actor, *, subject: str | None = None, actor_id: str | None = None, before_seq: int | None = None
    ) -> tuple[AuditView, ...]:
        """100 entries, latest first."""

    def verify(self, actor: Actor) -> AuditCheck:
        """Every hash again, from the first entry on."""


class Desk(Protocol):
    """All services of one desk. desk.api.app.create_app(desk) makes the application; desk.web adds its pages to it."""

    queues: QueueService
    reviews: ReviewService
    people: PeopleService
    scorecards: ScorecardService
    frames: FrameService
    observations: ObservationService
    audit: AuditService

    def now(self) -> datetime:
        """The desk's clock, UTC."""


__all__ = [
    "AuditService",
    "Desk",
    "FrameService",
    "ObservationService",
    "PeopleService",
    "QueueService",
    "ReviewService",
    "ScorecardService",
]
