"""What the services answer: frozen, plain, ready to be shown. Times are aware UTC datetimes, scores 0 to 100.

`number` is the desk's own number of a task, short enough for an address; `task_id` is the pipeline's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from desk.people.authorisation import Role, Scope
from desk.rules.checks import CheckState
from schemas.base import Channel
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from schemas.review import Outcome
from schemas.scorecard import ErrorClass, Scorecard
from schemas.selection import Purpose
from schemas.transaction import ChatLine

TaskState = Literal["open", "submitted", "skipped", "expired", "shed", "withdrawn"]
QueueState = Literal["ready", "all_leased", "none_for_you", "empty"]


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """One queue as one person sees it. Counts are tasks that have not ended."""

    queue: str
    ready: int
    """This person could claim them now."""
    open: int
    leased: int
    """Of `open`: somebody works on them."""
    mine: int
    """Of `leased`: this person does."""
    due_soon: int
    """Due within the desk's `due_soon` (4 h)."""
    overdue: int
    oldest_drawn_at: datetime | None
    next_due_at: datetime | None
    required_skills: tuple[str, ...] = ()

    @property
    def state(self) -> QueueState:
        """'all_leased': there is work, but others are doing all of it; 'none_for_you': language, skill or own work."""
        if self.ready or self.mine:
            return "ready"
        if self.open == 0:
            return "empty"
        return "all_leased" if self.leased == self.open else "none_for_you"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one person to work on one task until `ends_at`. `token`: fences off every earlier holder."""

    number: int
    token: int
    ends_at: datetime
    heartbeat_every_s: float


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task in a list. `colleague_id`, `team_id`: None where reviews are blind and the viewer is its reviewer."""

    number: int
    task_id: str | None
    """None where reviews are blind and the viewer is its reviewer: ids may tell."""
    queue: str
    channel: Channel
    topic: str
    language: str
    purposes: tuple[Purpose, ...]
    priority: int
    copy_number: int | None
    """None for reviewers: a copy is not to know of others."""
    copies: int | None
    drawn_at: datetime
    due_at: datetime
    ended_at: datetime
    """When the transaction ended."""
    state: TaskState
    overdue: bool
    colleague_id: str | None
    team_id: str | None
    site: str
    scorecard_id: str
    scorecard_version: int
    holder_id: str | None = None
    holder_name: str | None = None
    lease_ends_at: datetime | None = None
    assigned_to: str | None = None
    assigned_name: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What there is to listen to, read or know of a transaction.

    `state`: 'kept' it is here; 'coming' it is being fetched; 'gone' the log no longer holds it, or its retention is
    over, or it was erased.
    """

    state: Literal["kept", "coming", "gone"]
    chat: tuple[ChatLine, ...] = ()
    """Line n of an evidence mark is the n-th of these, from 1."""
    recording_ref: str | None = None
    transcript_ref: str | None = None
    place: str | None = None
    notice_how: str | None = None
    """How the customer was told: recorded_message, spoken, written or sign."""
    notice_at: datetime | None = None
    flags: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the evidence for a rating is: a second of the recording, or a line of the chat. One of the two."""

    at_s: float | None = None
    line: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RatingInput:
    """One criterion as the form has it. `value` None and not `not_applicable`: not rated yet."""

    criterion: str
    value: float | None = None
    not_applicable: bool = False
    comment: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as far as it is filled in; anything may be missing. `saved_at` is set by the desk."""

    ratings: tuple[RatingInput, ...] = ()
    strengths: tuple[str, ...] = ()
    development_points: tuple[str, ...] = ()
    time_spent_s: float = 0.0
    saved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The running score of a draft, by the same arithmetic as the quality score.

    `total_0_100` is over what is rated so far; None while nothing applicable is. `missing`: criteria yet to rate.
    """

    total_0_100: float | None
    before_critical_0_100: float | None
    criteria_0_100: Mapping[str, float | None]
    critical_errors: tuple[ErrorClass, ...]
    auto_failed: tuple[str, ...]
    """Criteria whose critical error zeroes or caps the total."""
    rated: int
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class FormView:
    """All that the form needs. `lease` None: the viewer does not hold the task, and the form is read only."""

    task: TaskView
    scorecard: Scorecard
    content: Content
    draft: Draft
    preview: Preview
    blind: bool
    """Colleague and team are hidden from the reviewer."""
    started_at: datetime
    """Of the transaction."""
    transaction_id: str | None
    """None where `blind`, for ids may tell."""
    lease: Lease | None = None
    min_strengths: int = 1
    min_development_points: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """An outcome was recorded. `repeated`: it had been recorded by an earlier try of the same person."""

    number: int
    task_id: str
    outcome: Outcome
    revision: int
    at: datetime
    total_0_100: float | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One review in a list, or in full. `reviewer_*`: None where the viewer is the colleague reviewed."""

    number: int
    task_id: str
    revision: int
    outcome: Outcome
    reason: str
    at: datetime
    channel: Channel
    topic: str
    language: str
    ended_at: datetime
    queue: str
    scorecard_id: str
    scorecard_version: int
    purposes: tuple[Purpose, ...]
    total_0_100: float | None
    critical_errors: tuple[ErrorClass, ...]
    time_spent_s: float
    colleague_id: str | None
    team_id: str | None
    reviewer_id: str | None
    reviewer_name: str | None
    ratings: tuple[RatingInput, ...] = ()
    strengths: tuple[str, ...] = ()
    development_points: tuple[str, ...] = ()
    criteria_0_100: Mapping[str, float | None] = field(default_factory=dict)
    may_correct: bool = False


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """One score of a colleague, for a list or a small chart: the mean of the reviews of one transaction."""

    ended_at: datetime
    channel: Channel
    topic: str
    total_0_100: float
    reviews: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A team from a moment to another; `to_at` None: until further notice."""

    team_id: str
    from_at: datetime
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """Away in [from_at, to_at); gets no tasks."""

    absence_id: int
    account_id: str
    from_at: datetime
    to_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PersonView:
    """One account."""

    account_id: str
    login: str
    name: str
    roles: tuple[Role, ...]
    colleague_id: str | None
    not_a_colleague: bool
    languages: tuple[str, ...]
    """That the person can review in."""
    skills: tuple[str, ...]
    teams: tuple[Membership, ...]
    active: bool
    absent: bool
    has_password: bool
    locked_until: datetime | None = None

    @property
    def mapped(self) -> bool:
        """Whether tasks may go to them: their own work is known, or they were confirmed to do none."""
        return self.colleague_id is not None or self.not_a_colleague


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account to be made or changed."""

    login: str
    name: str
    roles: tuple[Role, ...]
    colleague_id: str | None = None
    not_a_colleague: bool = False
    languages: tuple[str, ...] = ("en",)
    skills: tuple[str, ...] = ()
    teams: tuple[Membership, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Workload:
    """What one reviewer has and has done."""

    account_id: str
    name: str
    held: int
    assigned: int
    submitted_today: int
    skipped_today: int
    submitted_7_days: int
    median_time_spent_s: float | None
    absent: bool
    mapped: bool
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenView:
    """A tool's token, without its secret."""

    token_id: int
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    ends_at: datetime
    last_used_at: datetime | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """`secret` is shown once, never again."""

    token: TokenView
    secret: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `secret` goes into a cookie that is Secure, HttpOnly and SameSite=Lax; `csrf` into forms."""

    actor_id: str
    secret: str
    csrf: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """A named person agreed to a version."""

    account_id: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RegisterVersion:
    """One version of a scorecard or a frame, published or proposed.

    `state`: 'proposed' it waits for agreement; 'agreed' enough named people agreed;
    'holds' it is the one in force now; 'earlier' another has taken over;
    'later' published, to hold later; 'void' published too late to hold.
    """

    kind: Literal["scorecard", "frame"]
    id: str
    version: int
    title: str
    state: Literal["proposed", "agreed", "earlier", "holds", "later", "void"]
    holds_from: datetime
    agreements: tuple[Agreement, ...]
    needed_agreements: int
    proposed_by: str | None = None
    proposed_at: datetime | None = None
    i_agreed: bool = False


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame without its seed: `frame.seed` is all zeros. `seed_sha256`: of the seed's 32 bytes."""

    version: RegisterVersion
    frame: SamplingFrame
    seed_sha256: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """A spot or planned check. `asked_name` None: it was asked for outside the desk."""

    request: CheckRequest
    state: CheckState
    asked_at: datetime
    asked_name: str | None

    @property
    def about(self) -> Mapping[str, tuple[str, ...]]:
        """Whose or which transactions: values by field, of what the check names by value."""
        return {field: wanted for field, wanted in self.request.when.named.items() if isinstance(wanted, tuple)}


@dataclass(frozen=True, slots=True)
class ObservationView:
    """A live or face-to-face observation: planned, or recorded."""

    observation_id: str
    colleague_id: str
    team_id: str
    site: str
    channel: Channel
    topic: str
    language: str
    scorecard_id: str
    place: str
    planned_for: datetime
    observer_id: str | None
    """Who is to do it; None: any observer of the queue."""
    state: Literal["planned", "recorded", "cancelled"]
    planned_until: datetime | None = None
    recorded_at: datetime | None = None
    total_0_100: float | None = None


@dataclass(frozen=True, slots=True)
class ObservationForm:
    """All that the observer's screen needs, also when the network is gone."""

    observation: ObservationView
    scorecard: Scorecard


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took away. `number` names it in the audit trail."""

    number: int
    transactions: int
    """Whose content was here."""
    notes: int
    """Of evidence marks."""


@dataclass(frozen=True, slots=True)
class AuditView:
    """One entry of the trail. Ids only; names are looked up by the page."""

    seq: int
    at: datetime
    actor_id: str
    action: str
    subject: str
    detail: Mapping[str, str]
    hash_hex: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What the verification of the chain found. `first_bad_seq` None: every entry fits."""

    entries: int
    first_bad_seq: int | None
    head_hex: str

    @property
    def intact(self) -> bool:
        return self.first_bad_seq is None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a CSV of people did. `problems`: line and sentence; with any, nothing was changed."""

    created: int
    changed: int
    unchanged: int
    problems: tuple[tuple[int, str], ...] = ()
