"""Tasks in the store: what is next for whom, and the queues' counts.

`IS_OFFERED` says in SQL what desk.rules.eligibility says of one task and one person; tests hold the two to each other.
Queries take the session of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from desk.rules import order
from desk.rules.eligibility import Offer, OtherCopy, Reviewer
from desk.rules.lease import LeaseState, is_held
from desk.store.tables import ID, AbsenceRow, Account, DraftRow, QueueRow, RegisterRow, TaskRow, TaskSkill, UtcDateTime
from schemas.selection import ReviewTask


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """One queue's open tasks, counted."""

    queue: str
    open: int
    leased: int
    mine: int
    ready: int
    due_soon: int
    overdue: int
    oldest_drawn_at: datetime | None
    next_due_at: datetime | None


def lease_of(row: TaskRow) -> LeaseState:
    return LeaseState(row.token, row.holder_id, row.lease_ends_at)


def set_lease(row: TaskRow, lease: LeaseState) -> None:
    row.token, row.holder_id, row.lease_ends_at = lease


def task_of(row: TaskRow) -> ReviewTask:
    return ReviewTask.model_validate_json(row.document)


def fill(row: TaskRow, task: ReviewTask) -> None:
    """Set the columns that are read from the task."""
    row.group_id = f"{task.transaction.id}|{task.scorecard.id}"
    row.transaction_id = task.transaction.id
    row.copy_number = task.copy_number
    row.scorecard_id, row.scorecard_version = task.scorecard.id, task.scorecard.version
    row.queue = task.queue
    row.language = task.transaction.language
    row.colleague_id = task.transaction.colleague_id
    row.purpose_rank = order.purpose_rank(task.purposes)
    row.priority = task.priority
    row.due_at, row.drawn_at = task.due_at, task.drawn_at
    row.chance = order.chance(task.transaction.id)
    row.document = task.model_dump_json()


def locked(session: Session, number: int) -> TaskRow | None:
    """The task, its row locked to the end of the transaction."""
    return session.scalar(select(TaskRow).where(TaskRow.number == number).with_for_update())


def reviewer_of(session: Session, account_id: str, now: datetime, *, lock: bool = False) -> Reviewer | None:
    """What counts of a person. `lock`: their row, so that two claims of one person never run at once."""
    found = claimant(session, account_id, "", now, lock=lock)
    return None if found is None else found[0]


def claimant(
    session: Session, account_id: str, queue: str, now: datetime, *, lock: bool = True
) -> tuple[Reviewer, frozenset[str]] | None:
    """What counts of a person, and the skills that a queue asks for, in one statement."""
    row = session.execute(
        _CLAIMANT.with_for_update(of=Account) if lock else _CLAIMANT, {"me": account_id, "queue": queue, "now": now}
    ).one_or_none()
    if row is None:
        return None
    account, absent, wanted = row
    reviewer = Reviewer(
        account_id=account_id,
        colleague_id=account.colleague_id,
        not_a_colleague=account.not_a_colleague,
        languages=frozenset(account.languages),
        skills=frozenset(account.skills),
        absent=bool(absent),
        active=account.active,
    )
    return reviewer, frozenset(wanted or ())


def required_skills(session: Session, queue: str) -> frozenset[str]:
    """What a queue asks of its reviewers."""
    row = session.get(QueueRow, queue)
    return frozenset() if row is None else frozenset(row.required_skills)


def offer_of(session: Session, row: TaskRow) -> Offer:
    """What the eligibility rule looks at."""
    others = session.scalars(
        select(TaskRow).where(TaskRow.group_id == row.group_id, TaskRow.number != row.number)
    ).all()
    own_skills = session.scalars(select(TaskSkill.skill).where(TaskSkill.number == row.number)).all()
    return Offer(
        language=row.language,
        colleague_id=row.colleague_id,
        required_skills=required_skills(session, row.queue) | set(own_skills),
        assigned_to=row.assigned_to,
        lease=lease_of(row),
        other_copies=tuple(OtherCopy(lease_of(one), one.closed_by) for one in others),
    )


def is_free(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Nobody works on it."""
    return or_(TaskRow.holder_id.is_(None), TaskRow.lease_ends_at <= now)


def _is_offered() -> ColumnElement[bool]:
    """Free, and for this person as far as task and other copies go. Person and queue are judged beforehand.

    Built once, with the parameters of `_parameters`: building it for every claim cost more than running it.
    """
    me, now = bindparam("me", type_=ID), bindparam("now", type_=UtcDateTime())
    other = aliased(TaskRow)
    has_other_copy = exists().where(
        other.group_id == TaskRow.group_id,
        other.number != TaskRow.number,
        or_(other.closed_by == me, and_(other.holder_id == me, other.lease_ends_at > now)),
    )
    wants_another_skill = exists().where(
        TaskSkill.number == TaskRow.number, TaskSkill.skill.not_in(bindparam("skills", expanding=True))
    )
    has_scorecard = exists().where(
        RegisterRow.kind == "scorecard",
        RegisterRow.id == TaskRow.scorecard_id,
        RegisterRow.version == TaskRow.scorecard_version,
    )
    return and_(
        TaskRow.state == "open",
        is_free(now),
        TaskRow.language.in_(bindparam("languages", expanding=True)),
        TaskRow.colleague_id != bindparam("own_work", type_=ID),
        or_(TaskRow.assigned_to.is_(None), TaskRow.assigned_to == me),
        has_scorecard,
        ~wants_another_skill,
        ~has_other_copy,
    )


def in_order() -> tuple[InstrumentedAttribute[int] | InstrumentedAttribute[datetime], ...]:
    """desk.rules.order.Place as columns."""
    return (TaskRow.purpose_rank, TaskRow.priority, TaskRow.due_at, TaskRow.chance, TaskRow.number)


def place(row: TaskRow) -> tuple[int, int, datetime, int, int]:
    """Where a row stands in that order."""
    return row.purpose_rank, row.priority, row.due_at, row.chance, row.number


IS_OFFERED: Final = _is_offered()
_ME: Final = bindparam("me", type_=ID)
_NOW: Final = bindparam("now", type_=UtcDateTime())
_QUEUE: Final = bindparam("queue", type_=ID)
_NEXT: Final = (
    select(TaskRow, DraftRow)
    .outerjoin(DraftRow, and_(DraftRow.number == TaskRow.number, DraftRow.account_id == _ME))
    .where(TaskRow.queue == _QUEUE, IS_OFFERED)
    .order_by(*in_order())
    .limit(1)
    .with_for_update(skip_locked=True, of=TaskRow)
)
_NEXT_ASSIGNED: Final = _NEXT.where(TaskRow.assigned_to == _ME)
_CLAIMANT: Final = select(
    Account,
    exists().where(AbsenceRow.account_id == _ME, AbsenceRow.from_at <= _NOW, AbsenceRow.to_at > _NOW),
    select(QueueRow.required_skills).where(QueueRow.queue == _QUEUE).scalar_subquery(),
).where(Account.account_id == _ME)
_OF_PERSON: Final = (
    select(TaskRow)
    .where(TaskRow.state == "open")
    .where(or_(and_(TaskRow.holder_id == _ME, TaskRow.lease_ends_at > _NOW), TaskRow.assigned_to == _ME))
    .order_by(TaskRow.lease_ends_at, TaskRow.number)
)


def parameters(reviewer: Reviewer, now: datetime) -> dict[str, object]:
    """What IS_OFFERED is about."""
    return {
        "me": reviewer.account_id,
        "own_work": reviewer.colleague_id or "",
        "languages": sorted(reviewer.languages),
        "skills": sorted(reviewer.skills),
        "now": now,
    }


def next_for(
    session: Session, queue: str, reviewer: Reviewer, now: datetime, *, assigned: bool
) -> tuple[TaskRow, DraftRow | None] | None:
    """The first task of the queue that this person may take, its row locked, with the draft they once left.

    `assigned`: look among those assigned to them first. Rows that another transaction is about to give away are passed
    over, never waited for.
    """
    about = {"queue": queue, **parameters(reviewer, now)}
    row = session.execute(_NEXT_ASSIGNED, about).first() if assigned else None
    row = row or session.execute(_NEXT, about).first()
    return None if row is None else (row[0], row[1])


def of_person(session: Session, account_id: str, now: datetime) -> tuple[list[TaskRow], list[TaskRow]]:
    """The open tasks that a person holds, the lease that ends first at the top; and those assigned to them."""
    rows = session.scalars(_OF_PERSON, {"me": account_id, "now": now}).all()
    held = [one for one in rows if one.holder_id == account_id and is_held(lease_of(one), now)]
    return held, [one for one in rows if one.assigned_to == account_id]


def counts(session: Session, reviewer: Reviewer | None, now: datetime, due_soon: timedelta) -> list[QueueCounts]:
    """Open tasks by queue. `ready` is 0 without a reviewer; skills of queues are the caller's to judge."""
    leased = and_(TaskRow.holder_id.is_not(None), TaskRow.lease_ends_at > now)
    mine = and_(leased, TaskRow.holder_id == reviewer.account_id) if reviewer else None
    ready = IS_OFFERED if reviewer else None
    rows = session.execute(
        select(
            TaskRow.queue,
            func.count(),
            _number_of(leased),
            _number_of(mine),
            _number_of(ready),
            _number_of(and_(TaskRow.due_at > now, TaskRow.due_at <= now + due_soon)),
            _number_of(TaskRow.due_at <= now),
            func.min(TaskRow.drawn_at),
            func.min(TaskRow.due_at),
        )
        .where(TaskRow.state == "open")
        .group_by(TaskRow.queue)
        .order_by(TaskRow.queue),
        parameters(reviewer, now) if reviewer else {},
    )
    return [
        QueueCounts(
            queue=queue,
            open=open_,
            leased=leased_,
            mine=mine_,
            ready=ready_,
            due_soon=soon,
            overdue=overdue,
            oldest_drawn_at=oldest,
            next_due_at=next_due,
        )
        for queue, open_, leased_, mine_, ready_, soon, overdue, oldest, next_due in rows
    ]


def past_due(session: Session, now: datetime, limit: int) -> Sequence[TaskRow]:
    """Open tasks past their due time that nobody works on, their rows locked."""
    return session.scalars(
        select(TaskRow)
        .where(TaskRow.state == "open", TaskRow.due_at <= now, is_free(now))
        .order_by(TaskRow.due_at, TaskRow.number)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def _number_of(condition: ColumnElement[bool] | None) -> ColumnElement[int]:
    if condition is None:
        return func.coalesce(0, 0)
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
