"""A supervisor's word on tasks: reassign, end a lease, change the priority, withdraw; what a queue asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy.orm import Session

from desk.errors import Invalid, NotFound, Problem, TaskClosed
from desk.people.authorisation import Actor, require
from desk.rules import eligibility
from desk.rules.lease import given_up, is_held
from desk.services import outcomes, show
from desk.services.outcomes import Outcomes
from desk.services.work import CLOSED, Work, refused
from desk.store import tasks
from desk.store.tables import QueueRow, TaskRow
from desk.views import TaskView

MOST_SKILLS = 50


class Supervision(Work):
    """Adds what supervisors may do."""

    def reassign(self, actor: Actor, number: int, to_account_id: str | None, reason: str) -> TaskView:
        """Only `to_account_id` may take it from now on (None: anybody); a lease of another ends.

        Raises NotEligible when that person may not review it, TaskClosed, NotFound, Invalid without a reason.
        """
        require(actor, "task.reassign")
        outcomes.checked_reason(reason)
        now = self._here.now()
        with self._here.database.write() as session:
            target = None
            if to_account_id is not None:
                target = tasks.reviewer_of(session, to_account_id, now, lock=True)
                if target is None:
                    raise NotFound(f"there is no account {to_account_id}")
            row = self._open(session, number)
            lease = tasks.lease_of(row)
            if target is not None:
                free = tasks.offer_of(session, row)._replace(assigned_to=None, lease=given_up(lease))
                why = eligibility.refusal(free, target, now)
                if why is not None:
                    raise refused(why)
            row.assigned_to = to_account_id
            if row.holder_id not in (None, to_account_id):
                tasks.set_lease(row, given_up(lease))
            self._here.note(session, actor, "task.reassign", row.task_id, {"to": to_account_id or "anybody"})
            return self._seen(session, row)

    def override(
        self,
        actor: Actor,
        number: int,
        what: Literal["end_lease", "priority", "withdraw"],
        reason: str,
        *,
        priority: int | None = None,
    ) -> TaskView:
        """End somebody's lease, change the priority (0 most urgent, to 9), or withdraw the task.

        Raises Invalid, TaskClosed, NotFound.
        """
        require(actor, "task.override")
        reason = outcomes.checked_reason(reason)
        if what == "priority" and (priority is None or not 0 <= priority <= 9):
            raise Invalid("a priority is 0 to 9", (Problem("priority", "off_scale", "0 most urgent, to 9"),))
        with self._here.database.write() as session:
            row = self._open(session, number)
            if what == "end_lease":
                tasks.set_lease(row, given_up(tasks.lease_of(row)))
            elif what == "withdraw":
                Outcomes(self._here, session).end(row, None, "withdrawn", reason)
            else:
                assert priority is not None
                row.priority = priority
            self._here.note(session, actor, f"task.override.{what}", row.task_id)
            return self._seen(session, row)

    def set_queue_skills(self, actor: Actor, queue: str, skills: Sequence[str]) -> tuple[str, ...]:
        """Only people with all these skills get tasks of the queue. Raises Invalid."""
        require(actor, "task.override")
        wanted = sorted({one.strip() for one in skills if one.strip()})
        if len(wanted) > MOST_SKILLS or any(len(one) > 100 for one in wanted):
            raise Invalid("too many or too long skills", (Problem("skills", "too_long", f"at most {MOST_SKILLS}"),))
        with self._here.database.write() as session:
            row = session.get(QueueRow, queue)
            if row is None:
                session.add(QueueRow(queue=queue, required_skills=wanted))
            else:
                row.required_skills = wanted
            self._here.note(session, actor, "queue.skills", queue)
        return tuple(wanted)

    def _open(self, session: Session, number: int) -> TaskRow:
        row = self._locked(session, number)
        if row.state != "open":
            raise TaskClosed(CLOSED)
        return row

    def _seen(self, session: Session, row: TaskRow) -> TaskView:
        now = self._here.now()
        holder = row.holder_id if is_held(tasks.lease_of(row), now) else None
        known = show.names(session, (holder, row.assigned_to))
        return show.task_view(row, now, known_names=known, to_reviewer=False, blind=False)
