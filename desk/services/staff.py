"""Who is there and how much they have to do: absences and workload."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk.errors import Invalid, NotFound, Problem
from desk.people import accounts
from desk.people.authorisation import Actor, require
from desk.people.sign_in import SignIn
from desk.rules.lease import given_up
from desk.store import tasks
from desk.store.tables import AbsenceRow, Account, ReviewRow, TaskRow
from desk.views import Absence, Workload

LONGEST_ABSENCE = timedelta(days=366)
WEEK = timedelta(days=7)


class Staff(SignIn):
    """Absences and workload."""

    def absences(self, actor: Actor, account_id: str | None = None) -> tuple[Absence, ...]:
        """Present and coming absences: one's own, or anybody's with absence.any (None: all)."""
        self._may_see_absence(actor, account_id)
        query = select(AbsenceRow).where(AbsenceRow.to_at > self._here.now())
        if account_id is not None:
            query = query.where(AbsenceRow.account_id == account_id)
        with self._here.database.read() as session:
            rows = session.scalars(query.order_by(AbsenceRow.from_at, AbsenceRow.absence_id)).all()
        return tuple(_absence(row) for row in rows)

    def add_absence(
        self, actor: Actor, account_id: str, from_at: datetime, to_at: datetime, *, reason: str = ""
    ) -> Absence:
        """Leases and assignments of somebody who is away from now on go back to their queues. Raises Invalid."""
        self._may_see_absence(actor, account_id)
        if not from_at < to_at <= from_at + LONGEST_ABSENCE:
            raise Invalid("an absence ends after it begins, within a year", (Problem("to_at", "order", "is wrong"),))
        if len(reason) > 500:
            raise Invalid("the reason is too long", (Problem("reason", "too_long", "at most 500 characters"),))
        now = self._here.now()
        with self._here.database.write() as session:
            accounts.account(session, account_id)
            row = AbsenceRow(account_id=account_id, from_at=from_at, to_at=to_at, reason=reason)
            session.add(row)
            session.flush()
            if from_at <= now < to_at:
                _free_all(session, account_id)
            self._here.note(session, actor, "absence.add", account_id)
            return _absence(row)

    def end_absence(self, actor: Actor, absence_id: int) -> None:
        """Raises NotFound."""
        with self._here.database.write() as session:
            row = session.get(AbsenceRow, absence_id)
            if row is None or not (
                actor.may("absence.any") or (actor.may("absence.own") and row.account_id == actor.account_id)
            ):
                raise NotFound("there is no such absence")
            self._here.note(session, actor, "absence.end", row.account_id)
            session.delete(row)

    def workload(self, actor: Actor) -> tuple[Workload, ...]:
        """All reviewers, by name (task.see_all)."""
        require(actor, "task.see_all")
        now = self._here.now()
        today = datetime.combine(now.astimezone(self._here.config.zone).date(), time(), self._here.config.zone)
        with self._here.database.read() as session:
            rows = session.scalars(select(Account).where(Account.active).order_by(Account.name, Account.login)).all()
            people = accounts.views(session, [row for row in rows if "reviewer" in row.roles], now)
            held = _count(session, TaskRow.holder_id, TaskRow.state == "open", TaskRow.lease_ends_at > now)
            assigned = _count(session, TaskRow.assigned_to, TaskRow.state == "open")
            done = session.execute(
                select(ReviewRow.account_id, ReviewRow.outcome, ReviewRow.at, ReviewRow.time_spent_s).where(
                    ReviewRow.at > now - WEEK, ReviewRow.revision == 0
                )
            ).all()
        by_person: dict[str, list[tuple[str, datetime, float]]] = {}
        for account_id, outcome, at, time_spent_s in done:
            by_person.setdefault(account_id or "", []).append((outcome, at, time_spent_s))
        return tuple(
            Workload(
                account_id=one.account_id,
                name=one.name,
                held=held.get(one.account_id, 0),
                assigned=assigned.get(one.account_id, 0),
                submitted_today=sum(o == "submitted" and at >= today for o, at, _ in mine),
                skipped_today=sum(o == "skipped" and at >= today for o, at, _ in mine),
                submitted_7_days=sum(o == "submitted" for o, _, _ in mine),
                median_time_spent_s=median(spent) if (spent := [s for o, _, s in mine if o == "submitted"]) else None,
                absent=one.absent,
                mapped=one.mapped,
                languages=one.languages,
            )
            for one in people
            for mine in [by_person.get(one.account_id, [])]
        )

    @staticmethod
    def _may_see_absence(actor: Actor, account_id: str | None) -> None:
        require(actor, "absence.own" if account_id == actor.account_id else "absence.any")


def _free_all(session: Session, account_id: str) -> None:
    held = TaskRow.holder_id == account_id
    for row in session.scalars(
        select(TaskRow)
        .where(TaskRow.state == "open", held | (TaskRow.assigned_to == account_id))
        .order_by(TaskRow.number)
        .with_for_update()
    ):
        if row.holder_id == account_id:
            tasks.set_lease(row, given_up(tasks.lease_of(row)))
        if row.assigned_to == account_id:
            row.assigned_to = None


def _count(session: Session, column: object, *conditions: object) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)  # type: ignore[call-overload]
    return {one: number for one, number in session.execute(query) if one is not None}


def _absence(row: AbsenceRow) -> Absence:
    return Absence(row.absence_id, row.account_id, row.from_at, row.to_at, row.reason)
