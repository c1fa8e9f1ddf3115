"""Observations: routine checks of live and face-to-face service, planned ahead and recorded by an observer (D13-7, 8).

An observation belongs to no population: its review has purpose 'planned', no inclusion probability and the stratum
'observation', so it enters no mean. It has an id of its own in place of a transaction's; the pipeline's transaction,
where the observer knows it, is kept beside it in the desk. Recording is idempotent by the device's `sent_id`, so that
a phone without network may send until it hears an answer.

They are planned at the desk, or come from the calendar of planned checks by the register of check requests.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from desk.errors import Conflict, Invalid, NotFound, Problem
from desk.people.authorisation import Actor, require
from desk.rules import checks, eligibility, forms
from desk.rules.lease import LeaseState
from desk.services import outcomes
from desk.services.outcomes import Outcomes
from desk.services.work import refused
from desk.store import contents, tasks
from desk.store.database import add_if_new
from desk.store.tables import Account, ObservationRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import Draft, ObservationForm, ObservationView, RatingInput, Receipt
from schemas.base import Channel, Origin, Versioned
from schemas.request import CheckRequest
from schemas.selection import ReviewTask, TransactionFields, task_id

STRATUM: Final = "observation"
TOPIC: Final = "desk.observations"
"""In the origin of an observation: it stands in no log."""
QUEUE: Final = "observations"
NO_CUSTOMER: Final = "0" * 32
"""An observer notes nothing about who the customer is."""
LONGEST: Final = timedelta(hours=12)
MOST_LISTED: Final = 500
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObservationRecord:
    """What an observer sends. `sent_id`: made once by the device (a UUID), so that sending again does no harm."""

    sent_id: str
    started_at: datetime
    ended_at: datetime
    place: str
    customer_told: bool
    customer_told_how: Literal["recorded_message", "spoken", "written", "sign"] | None
    colleague_told: bool
    ratings: tuple[RatingInput, ...]
    strengths: tuple[str, ...]
    development_points: tuple[str, ...]
    transaction_id: str | None = None
    """Of the pipeline, where the observer knows it."""


class ObservationService:
    """Live and face-to-face observations."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

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
        channel: Channel = "face_to_face",
    ) -> ObservationView:
        """Plan a routine check. Raises Invalid (unknown scorecard), NotEligible (the observer may not do it)."""
        require(actor, "observation.plan")
        now = self._here.now()
        row = ObservationRow(
            observation_id=f"obs-{self._here.random_bytes(8).hex()}",
            colleague_id=colleague_id,
            team_id=team_id,
            site=site,
            channel=channel,
            topic=topic,
            language=language,
            scorecard_id=scorecard_id,
            scorecard_version=0,
            place=place[:200],
            planned_for=planned_for,
            planned_by=actor.account_id,
            observer_id=observer_id,
            state="planned",
            details={},
        )
        with self._here.database.write() as session:
            row.scorecard_version = contents.version_at(session, scorecard_id, planned_for)
            if not row.scorecard_version:
                raise Invalid("there is no such scorecard", (Problem("scorecard_id", "unknown", "is not published"),))
            try:
                _task(row, now, now)
            except ValueError:
                wrong = Problem("colleague_id", "wrong", "letters, digits and . _ : @ / # + - only")
                raise Invalid("colleague, team, site, topic and language are ids", (wrong,)) from None
            if observer_id is not None:
                self._may_observe(session, observer_id, row)
            session.add(row)
            self._here.note(session, actor, "observation.plan", row.observation_id)
        return _view(row)

    def planned(self, actor: Actor) -> tuple[ObservationView, ...]:
        """What this observer may record, earliest first; with observation.plan, all that is planned."""
        require(actor, "observation.plan" if actor.may("observation.plan") else "observation.record")
        query = select(ObservationRow).where(
            ObservationRow.state == "planned", ObservationRow.colleague_id != (actor.colleague_id or "")
        )
        if not actor.may("observation.plan"):
            mine = ObservationRow.observer_id
            query = query.where(or_(mine.is_(None), mine == actor.account_id))
        with self._here.database.read() as session:
            return tuple(
                _view(row) for row in session.scalars(query.order_by(ObservationRow.planned_for).limit(MOST_LISTED))
            )

    def recorded(self, actor: Actor, limit: int = 50) -> tuple[ObservationView, ...]:
        """Latest first: one's own, or all with task.see_all."""
        require(actor, "task.see_all" if actor.may("task.see_all") else "observation.record")
        query = select(ObservationRow).where(
            ObservationRow.state == "recorded", ObservationRow.colleague_id != (actor.colleague_id or "")
        )
        if not actor.may("task.see_all"):
            query = query.where(ObservationRow.recorded_by == actor.account_id)
        query = query.order_by(ObservationRow.recorded_at.desc()).limit(min(max(limit, 1), MOST_LISTED))
        with self._here.database.read() as session:
            return tuple(_view(row) for row in session.scalars(query))

    def form(self, actor: Actor, observation_id: str) -> ObservationForm:
        """Raises NotFound, NotEligible (own_work, unmapped ...), Conflict when it is recorded or cancelled."""
        require(actor, "observation.record")
        with self._here.database.write() as session:
            row = self._open(session, actor, observation_id)
            self._here.note(session, actor, "observation.view", observation_id)
            return ObservationForm(_view(row), self._here.scorecard(session, _card(row)))

    def record(self, actor: Actor, observation_id: str, record: ObservationRecord) -> Receipt:
        """Idempotent by `sent_id`: the same again gives the same receipt. Raises Invalid, Conflict, NotEligible."""
        require(actor, "observation.record")
        now = self._here.now()
        with self._here.database.write() as session:
            known = session.scalar(
                select(ObservationRow).where(ObservationRow.observation_id == observation_id).with_for_update()
            )
            again = known is not None and known.state == "recorded" and known.recorded_by == actor.account_id
            if known is not None and again and known.sent_id == record.sent_id:
                return self._repeated(session, known)
            row = self._open(session, actor, observation_id)
            scorecard, config = self._here.scorecard(session, _card(row)), self._here.config
            draft = forms.cleaned(
                Draft(
                    ratings=record.ratings,
                    strengths=record.strengths,
                    development_points=record.development_points,
                    time_spent_s=(record.ended_at - record.started_at).total_seconds(),
                )
            )
            found = _problems(record, now) + forms.problems(
                draft,
                scorecard,
                min_strengths=config.min_strengths,
                min_development_points=config.min_development_points,
            )
            if found:
                raise Invalid("the observation is not complete", tuple(found))
            task = TaskRow(task_id=task_id(row.observation_id, row.scorecard_id, 1), arrived_at=now, state="open")
            task.token, task.revision = 0, -1
            tasks.fill(task, _task(row, record.started_at, record.ended_at))
            session.add(task)
            session.flush()
            receipt = Outcomes(self._here, session).submit(task, actor, draft, scorecard)
            row.state, row.sent_id = "recorded", record.sent_id
            row.recorded_by, row.recorded_at, row.total_0_100 = actor.account_id, now, receipt.total_0_100
            row.place = record.place[:200]
            row.details = {
                "customer_told_how": record.customer_told_how if record.customer_told else None,
                "colleague_told": record.colleague_told,
                "transaction_id": record.transaction_id,
            }
            return receipt

    def cancel(self, actor: Actor, observation_id: str, reason: str) -> ObservationView:
        """Raises Conflict when it is recorded, NotFound, Invalid without a reason."""
        require(actor, "observation.plan")
        outcomes.checked_reason(reason)
        with self._here.database.write() as session:
            row = session.scalar(
                select(ObservationRow).where(ObservationRow.observation_id == observation_id).with_for_update()
            )
            if row is None:
                raise NotFound(f"there is no observation {observation_id}")
            if row.state != "planned":
                raise Conflict("only a planned observation can be cancelled")
            row.state = "cancelled"
            self._here.note(session, actor, "observation.cancel", observation_id)
            return _view(row)

    def _open(self, session: Session, actor: Actor, observation_id: str) -> ObservationRow:
        row = session.get(ObservationRow, observation_id)
        if row is None or row.observer_id not in (None, actor.account_id):
            raise NotFound(f"there is no observation {observation_id} for you")
        if row.state != "planned":
            raise Conflict(f"this observation is {row.state} already")
        if not row.scorecard_version:
            row.scorecard_version = contents.version_at(session, row.scorecard_id, row.planned_for)
        if not row.scorecard_version:
            raise Conflict(f"scorecard {row.scorecard_id} is not published", hint="Publish it, then try again.")
        self._may_observe(session, actor.account_id, row)
        return row

    def _may_observe(self, session: Session, account_id: str, row: ObservationRow) -> None:
        observer = tasks.reviewer_of(session, account_id, self._here.now())
        if observer is None:
            raise Invalid("there is no such observer", (Problem("observer_id", "unknown", "is not known"),))
        offer = eligibility.Offer(row.language, row.colleague_id, frozenset(), None, LeaseState())
        why = eligibility.refusal(offer, observer._replace(absent=False), self._here.now())
        if why is not None:
            raise refused(why)

    def _repeated(self, session: Session, row: ObservationRow) -> Receipt:
        task = session.scalar(
            select(TaskRow).where(TaskRow.task_id == task_id(row.observation_id, row.scorecard_id, 1))
        )
        review = None if task is None else outcomes.latest(session, task.number)
        assert task is not None
        assert review is not None
        return outcomes.receipt(task, review, "submitted", repeated=True)


def arrived(here: Surroundings, session: Session, request: CheckRequest, appended_at: datetime) -> bool:
    """A planned check that is an observation came by its register; whether it was news.

    One that came too late is void for everyone. Once it is here it is the desk's: what was cancelled stays cancelled.
    """
    wanted = request.observation
    if wanted is None or session.get(ObservationRow, request.id) is not None:
        return False
    if appended_at > request.holds_from - checks.LEAD:
        log.warning("planned observation %s reached the log too late: it is void", request.id)
        return False
    observer = _observer(session, wanted.observer_id)
    row = ObservationRow(
        observation_id=request.id,
        colleague_id=wanted.colleague_id,
        team_id=wanted.team_id,
        site=wanted.site,
        channel=wanted.channel,
        topic=wanted.topic,
        language=wanted.language,
        scorecard_id=wanted.scorecard,
        scorecard_version=contents.version_at(session, wanted.scorecard, request.holds_from),
        place=wanted.place,
        planned_for=request.holds_from,
        planned_until=request.holds_until,
        planned_by=request.asked_by,
        observer_id=observer,
        state="planned",
        details={"plan": request.plan, "reason": request.reason},
    )
    if not add_if_new(session, row):
        return False
    detail = {} if observer == wanted.observer_id else {"observer": observer or "unknown"}
    here.note(session, "desk", "observation.from_plan", request.id, detail)
    return True


def _observer(session: Session, wanted: str | None) -> str | None:
    """The account that a calendar means, by its id or its sign-in name; None: anybody, also where it is not known."""
    if wanted is None:
        return None
    named = or_(Account.account_id == wanted, Account.login == wanted)
    return session.scalar(select(Account.account_id).where(named).limit(1))


def _problems(record: ObservationRecord, now: datetime) -> list[Problem]:
    found = []
    if not record.started_at <= record.ended_at <= now or record.ended_at - record.started_at > LONGEST:
        found.append(Problem("ended_at", "order", "ends after it begins, within 12 hours, and not in the future"))
    if record.customer_told and record.customer_told_how is None:
        found.append(Problem("customer_told_how", "missing", "say how the customer was told"))
    if not record.customer_told:
        found.append(Problem("customer_told", "missing", "only what the customer was told of may be observed"))
    if not record.colleague_told:
        found.append(Problem("colleague_told", "missing", "only what the colleague was told of may be observed"))
    if not 8 <= len(record.sent_id) <= 64:
        found.append(Problem("sent_id", "wrong", "a UUID"))
    return found


def _task(row: ObservationRow, started_at: datetime, ended_at: datetime) -> ReviewTask:
    """The observation as a review task. Raises ValueError (pydantic) where an id does not fit."""
    return ReviewTask(
        task_id=task_id(row.observation_id, row.scorecard_id, 1),
        copy_number=1,
        copies=1,
        purposes=("planned",),
        frame=Versioned(id=STRATUM, version=1),
        stratum=STRATUM,
        inclusion_probability=None,
        scorecard=_card(row),
        queue=QUEUE,
        priority=1,
        drawn_at=row.planned_for,
        due_at=row.planned_for,
        transaction=TransactionFields(
            id=row.observation_id,
            channel=cast("Channel", row.channel),
            colleague_id=row.colleague_id,
            team_id=row.team_id,
            site=row.site,
            topic=row.topic,
            language=row.language,
            started_at=started_at,
            ended_at=ended_at,
            customer_pseudonym=NO_CUSTOMER,
            outcome="observed",
        ),
        origin=Origin(topic=TOPIC, partition=0, offset=0),
    )


def _card(row: ObservationRow) -> Versioned:
    return Versioned(id=row.scorecard_id, version=row.scorecard_version)


def _view(row: ObservationRow) -> ObservationView:
    return ObservationView(
        observation_id=row.observation_id,
        colleague_id=row.colleague_id,
        team_id=row.team_id,
        site=row.site,
        channel=cast("Channel", row.channel),
        topic=row.topic,
        language=row.language,
        scorecard_id=row.scorecard_id,
        place=row.place,
        planned_for=row.planned_for,
        planned_until=row.planned_until,
        observer_id=row.observer_id,
        state=cast("Literal['planned', 'recorded', 'cancelled']", row.state),
        recorded_at=row.recorded_at,
        total_0_100=row.total_0_100,
    )
