"""Queues: what there is to do, for whom, and how it changes."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from desk.people.authorisation import Actor, require
from desk.rules import eligibility
from desk.services import show
from desk.services.supervision import Supervision
from desk.store import tasks
from desk.store.tables import QueueRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import QueueSummary, TaskView

LOOK_EVERY: Final = timedelta(seconds=1)
MOST_LISTED: Final = 500


class QueueService(Supervision):
    """Queues, leases, the form, outcomes: lists here, single tasks in Work, a supervisor's word in Supervision."""

    def __init__(self, here: Surroundings) -> None:
        super().__init__(here)
        self._looked_at: datetime | None = None
        self._version = ""
        self._looking = threading.Lock()

    def queues(self, actor: Actor) -> tuple[QueueSummary, ...]:
        """All queues with work, by name, with this person's counts."""
        require(actor, "queue.list")
        now = self._here.now()
        with self._here.database.read() as session:
            reviewer = tasks.reviewer_of(session, actor.account_id, now) if actor.may("task.claim") else None
            if reviewer is not None and eligibility.reviewer_refusal(reviewer) is not None:
                reviewer = None
            counted = tasks.counts(session, reviewer, now, self._here.config.due_soon)
            skills = {one.queue: frozenset(one.required_skills) for one in session.scalars(select(QueueRow))}
        return tuple(
            QueueSummary(
                queue=one.queue,
                ready=one.ready if reviewer and skills.get(one.queue, frozenset()) <= reviewer.skills else 0,
                open=one.open,
                leased=one.leased,
                mine=one.mine,
                due_soon=one.due_soon,
                overdue=one.overdue,
                oldest_drawn_at=one.oldest_drawn_at,
                next_due_at=one.next_due_at,
                required_skills=tuple(sorted(skills.get(one.queue, frozenset()))),
            )
            for one in counted
        )

    def version(self) -> str:
        """Changes whenever any queue changes; looked up at most once a second a process. For server-sent events."""
        now = self._here.now()
        with self._looking:
            if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
                with self._here.database.read() as session:
                    counted = tasks.counts(session, None, now, self._here.config.due_soon)
                self._version = hashlib.sha256(repr(counted).encode()).hexdigest()[:16]
                self._looked_at = now
            return self._version

    def tasks(
        self, actor: Actor, *, queue: str | None = None, overdue: bool = False, limit: int = 100, offset: int = 0
    ) -> tuple[TaskView, ...]:
        """Open tasks in the order in which they are given out (task.see_all), but none about the viewer's own work."""
        require(actor, "task.see_all")
        now = self._here.now()
        query = select(TaskRow).where(TaskRow.state == "open", TaskRow.colleague_id != (actor.colleague_id or ""))
        if queue is not None:
            query = query.where(TaskRow.queue == queue)
        if overdue:
            query = query.where(TaskRow.due_at <= now)
        query = query.order_by(TaskRow.queue, *tasks.in_order()).limit(min(max(limit, 1), MOST_LISTED))
        with self._here.database.read() as session:
            rows = session.scalars(query.offset(max(offset, 0))).all()
            known = show.names(session, [one for row in rows for one in (row.holder_id, row.assigned_to)])
        return tuple(show.task_view(row, now, known_names=known, to_reviewer=False, blind=False) for row in rows)

    def mine(self, actor: Actor) -> tuple[TaskView, ...]:
        """What this person holds or is assigned, the lease that ends first at the top."""
        require(actor, "task.claim")
        now = self._here.now()
        with self._here.database.read() as session:
            held, assigned = tasks.of_person(session, actor.account_id, now)
            waiting = sorted((one for one in assigned if one not in held), key=tasks.place)
            return tuple(
                show.task_view(
                    row,
                    now,
                    known_names={},
                    to_reviewer=True,
                    blind=self._here.is_blind(session, tasks.task_of(row).frame),
                )
                for row in (*held, *waiting[:MOST_LISTED])
            )
