"""What was reviewed: a reviewer's own, one in full, corrections; what a colleague sees of their own work."""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from desk.errors import Conflict, Invalid, NotFound
from desk.people.authorisation import Actor, require
from desk.rules import forms
from desk.rules.lease import is_held
from desk.services import outcomes, show
from desk.services.outcomes import Outcomes
from desk.store import tasks
from desk.store.tables import ReviewRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import Draft, Receipt, ReviewView, ScorePoint
from schemas.base import Versioned
from schemas.review import Review

MOST_LISTED = 500


class ReviewService:
    """Reviews of one desk."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def recent(self, actor: Actor, limit: int = 50) -> tuple[ReviewView, ...]:
        """This reviewer's own outcomes, latest first."""
        require(actor, "review.own")
        with self._here.database.read() as session:
            rows = session.scalars(
                _latest().where(ReviewRow.account_id == actor.account_id).limit(_within(limit))
            ).all()
            return tuple(self._view(session, row, actor) for row in rows)

    def review(self, actor: Actor, number: int) -> ReviewView:
        """One review in full: for its reviewer, for who may see all, for the colleague it is about. Audited.

        Raises NotFound, also for who is about to review another copy of it: reviewers are blind to each other.
        """
        with self._here.database.write() as session:
            row = outcomes.latest(session, number)
            task = session.get(TaskRow, number)
            if row is None or task is None or not self._may_see(session, actor, task, row):
                raise NotFound(f"there is no review {number} for you")
            self._here.note(session, actor, "review.view", number)
            return self._view(session, row, actor, in_full=True)

    def correct(self, actor: Actor, number: int, draft: Draft, reason: str) -> Receipt:
        """A new revision by the same reviewer while the desk allows it. Raises Invalid, Conflict, NotFound."""
        require(actor, "task.work")
        reason, draft = outcomes.checked_reason(reason), forms.cleaned(draft)
        config = self._here.config
        with self._here.database.write() as session:
            task, row = self._submitted(session, number)
            if row.account_id != actor.account_id:
                raise NotFound(f"there is no review {number} of yours")
            if not self._may_correct(row, actor):
                raise Conflict("it is too late to correct this review", hint="A quality manager can withdraw it.")
            scorecard = self._here.scorecard(session, _ref(row))
            found = forms.problems(
                draft,
                scorecard,
                min_strengths=config.min_strengths,
                min_development_points=config.min_development_points,
            )
            if found:
                raise Invalid("the review is not complete", tuple(found))
            return Outcomes(self._here, session).submit(task, actor, draft, scorecard, why_corrected=reason)

    def withdraw(self, actor: Actor, number: int, reason: str) -> Receipt:
        """Take a submitted review out of the score. Raises Invalid, Conflict, NotFound."""
        require(actor, "review.withdraw")
        reason = outcomes.checked_reason(reason)
        with self._here.database.write() as session:
            task, _ = self._submitted(session, number)
            return Outcomes(self._here, session).end(task, actor.account_id, "withdrawn", reason)

    def about_me(self, actor: Actor, limit: int = 50) -> tuple[ReviewView, ...]:
        """Submitted reviews of the colleague's own work, without the reviewer's name."""
        require(actor, "score.own")
        if actor.colleague_id is None:
            return ()
        with self._here.database.read() as session:
            rows = session.scalars(_submitted_of(actor.colleague_id).limit(_within(limit))).all()
            return tuple(self._view(session, row, actor, in_full=True) for row in rows)

    def my_scores(self, actor: Actor, limit: int = 200) -> tuple[ScorePoint, ...]:
        """Scores of the colleague's own work, latest first: the mean of the reviews of each transaction."""
        require(actor, "score.own")
        if actor.colleague_id is None:
            return ()
        with self._here.database.read() as session:
            rows = session.scalars(
                _submitted_of(actor.colleague_id).where(ReviewRow.total_0_100.is_not(None)).limit(_within(limit) * 2)
            ).all()
        together: dict[tuple[str, str], list[tuple[Review, float]]] = {}
        for row in rows:
            review = Review.model_validate_json(row.document)
            assert row.total_0_100 is not None
            key = review.transaction_id, review.task.scorecard.id
            together.setdefault(key, []).append((review, row.total_0_100))
        points = [
            ScorePoint(
                ended_at=reviews[0][0].task.transaction.ended_at,
                channel=reviews[0][0].task.transaction.channel,
                topic=reviews[0][0].task.transaction.topic,
                total_0_100=float(sum(Fraction(total) for _, total in reviews) / len(reviews)),
                reviews=len(reviews),
            )
            for reviews in together.values()
        ]
        return tuple(sorted(points, key=lambda one: one.ended_at, reverse=True)[: _within(limit)])

    def _view(self, session: Session, row: ReviewRow, actor: Actor, *, in_full: bool = False) -> ReviewView:
        review = Review.model_validate_json(row.document)
        about_me = row.colleague_id == actor.colleague_id
        sees_all = actor.may("task.see_all") and not about_me
        return show.review_view(
            row,
            self._here.scorecard(session, _ref(row)),
            known_names=show.names(session, (row.account_id,)),
            show_reviewer=not about_me,
            show_colleague=sees_all or about_me or not self._here.is_blind(session, review.task.frame),
            may_correct=self._may_correct(row, actor),
            in_full=in_full,
        )

    def _may_see(self, session: Session, actor: Actor, task: TaskRow, row: ReviewRow) -> bool:
        if row.colleague_id == actor.colleague_id:
            return actor.may("score.own") and row.outcome == "submitted"
        if row.account_id == actor.account_id and actor.may("review.own"):
            return True
        now = self._here.now()
        others = tasks.offer_of(session, task).other_copies
        about_to_review = any(one.lease.holder_id == actor.account_id and is_held(one.lease, now) for one in others)
        return actor.may("task.see_all") and not about_to_review

    def _may_correct(self, row: ReviewRow, actor: Actor) -> bool:
        in_time = self._here.now() < row.at + self._here.config.correct_within
        return row.outcome == "submitted" and row.account_id == actor.account_id and in_time

    def _submitted(self, session: Session, number: int) -> tuple[TaskRow, ReviewRow]:
        task = tasks.locked(session, number)
        row = outcomes.latest(session, number)
        if task is None or row is None:
            raise NotFound(f"there is no review {number}")
        if task.state != "submitted" or row.outcome != "submitted":
            raise Conflict("only a submitted review can be corrected or withdrawn")
        return task, row


def _latest() -> Select[ReviewRow]:
    """Reviews that are the last revision of their task, latest first."""
    return (
        select(ReviewRow)
        .join(TaskRow, (TaskRow.number == ReviewRow.number) & (TaskRow.revision == ReviewRow.revision))
        .order_by(ReviewRow.at.desc(), ReviewRow.number.desc())
    )


def _submitted_of(colleague_id: str) -> Select[ReviewRow]:
    """Of `_latest`, the submitted reviews of one colleague's work."""
    return _latest().where(ReviewRow.colleague_id == colleague_id, ReviewRow.outcome == "submitted")


def _ref(row: ReviewRow) -> Versioned:
    return Review.model_validate_json(row.document).task.scorecard


def _within(limit: int) -> int:
    return min(max(limit, 1), MOST_LISTED)
