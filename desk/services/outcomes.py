"""How a task ends, and how a review is corrected: the one place where reviews are made and put into the outbox.

Invariant: task row, review row, outbox and audit entry change in one transaction, under the task's lock; revisions of
a task count up by one from 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import outbox
from desk.errors import Invalid, Problem
from desk.people.authorisation import Actor
from desk.rules import forms
from desk.rules.lease import given_up
from desk.store.tables import ReviewRow, TaskRow
from desk.store.tasks import lease_of, set_lease, task_of
from desk.surroundings import Surroundings
from desk.views import Draft, Receipt
from schemas.review import Outcome, Rating, Review
from schemas.scorecard import Scorecard

LONGEST_REASON = 500
"""Characters (schemas.review.Review.reason)."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Ends tasks within one transaction."""

    here: Surroundings
    session: Session

    def submit(
        self, row: TaskRow, actor: Actor, draft: Draft, scorecard: Scorecard, *, why_corrected: str = ""
    ) -> Receipt:
        """Record a draft as the task's next revision. It must be clean and complete (forms.cleaned, forms.problems)."""
        details: dict[str, Any] = {
            "marks": {one.criterion: [asdict(mark) for mark in one.marks] for one in draft.ratings if one.marks}
        }
        if why_corrected:
            details["why_corrected"] = why_corrected
        return self._record(
            row,
            actor.account_id,
            outcome="submitted",
            ratings=forms.ratings(draft, scorecard),
            strengths=forms.points(draft.strengths),
            development_points=forms.points(draft.development_points),
            time_spent_s=draft.time_spent_s,
            total_0_100=forms.preview(draft, scorecard).total_0_100,
            details=details,
        )

    def end(self, row: TaskRow, account_id: str | None, outcome: Outcome, reason: str) -> Receipt:
        """End the task without a review, or take its review back. `account_id` None: nobody's doing."""
        return self._record(row, account_id, outcome=outcome, reason=reason)

    def _record(
        self,
        row: TaskRow,
        account_id: str | None,
        *,
        outcome: Outcome,
        reason: str = "",
        ratings: tuple[Rating, ...] = (),
        strengths: tuple[str, ...] = (),
        development_points: tuple[str, ...] = (),
        time_spent_s: float = 0.0,
        total_0_100: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> Receipt:
        now = self.here.now()
        row.revision += 1
        review = Review(
            task=task_of(row),
            revision=row.revision,
            outcome=outcome,
            reason=reason,
            reviewer_id=account_id,
            at=now,
            time_spent_s=time_spent_s,
            ratings=ratings,
            strengths=strengths,
            development_points=development_points,
        )
        kept = ReviewRow(
            number=row.number,
            revision=row.revision,
            outcome=outcome,
            account_id=account_id,
            colleague_id=row.colleague_id,
            at=now,
            token=row.token,
            document=review.model_dump_json(),
            details=details or {},
            time_spent_s=time_spent_s,
            total_0_100=total_0_100,
        )
        self.session.add(kept)
        if row.state == "open":
            row.closed_by = account_id if outcome in ("submitted", "skipped") else None
            row.closed_at = now
            set_lease(row, given_up(lease_of(row)))
        row.state = outcome
        outbox.put_review(self.session, review, now)
        self.here.note(
            self.session, account_id or "desk", f"review.{outcome}", row.task_id, {"revision": str(row.revision)}
        )
        return receipt(row, kept, outcome)


def latest(session: Session, number: int) -> ReviewRow | None:
    """The last revision of a task."""
    return session.scalar(
        select(ReviewRow).where(ReviewRow.number == number).order_by(ReviewRow.revision.desc()).limit(1)
    )


def receipt(row: TaskRow, review: ReviewRow, outcome: Outcome, *, repeated: bool = False) -> Receipt:
    return Receipt(
        number=row.number,
        task_id=row.task_id,
        outcome=outcome,
        revision=review.revision,
        at=review.at,
        total_0_100=review.total_0_100,
        repeated=repeated,
    )


def checked_reason(reason: str) -> str:
    """A reason that says something. Raises Invalid."""
    reason = reason.replace("\x00", "").strip()
    if not reason:
        raise Invalid("a reason is needed", (Problem("reason", "missing", "say why"),))
    if len(reason) > LONGEST_REASON:
        raise Invalid(
            "the reason is too long", (Problem("reason", "too_long", f"at most {LONGEST_REASON} characters"),)
        )
    return reason
