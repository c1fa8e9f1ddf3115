"""Rows of the store as views, with what this viewer may see of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, cast

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.rules import forms
from desk.rules.lease import is_held
from desk.store.tables import Account, ReviewRow, TaskRow
from desk.store.tasks import lease_of, task_of
from desk.views import Draft, Mark, RatingInput, ReviewView, TaskState, TaskView
from schemas.review import Review
from schemas.scorecard import Scorecard

DRAFT: Final = TypeAdapter(Draft)
MARKS: Final = TypeAdapter(dict[str, tuple[Mark, ...]])


def names(session: Session, account_ids: Iterable[str | None]) -> dict[str, str]:
    """Names by account id."""
    wanted = {one for one in account_ids if one is not None}
    if not wanted:
        return {}
    accounts = session.scalars(select(Account).where(Account.account_id.in_(wanted)))
    return {one.account_id: one.name for one in accounts}


def task_view(
    row: TaskRow, now: datetime, *, known_names: Mapping[str, str], to_reviewer: bool, blind: bool
) -> TaskView:
    """`to_reviewer`: the viewer is one among its reviewers, and sees neither copies nor other people."""
    task = task_of(row)
    hidden = to_reviewer and blind
    held = row.state == "open" and is_held(lease_of(row), now)
    holder = row.holder_id if held and not to_reviewer else None
    assigned = None if to_reviewer else row.assigned_to
    return TaskView(
        number=row.number,
        task_id=None if hidden else row.task_id,
        queue=row.queue,
        channel=task.transaction.channel,
        topic=task.transaction.topic,
        language=row.language,
        purposes=task.purposes,
        priority=row.priority,
        copy_number=None if to_reviewer else row.copy_number,
        copies=None if to_reviewer else task.copies,
        drawn_at=row.drawn_at,
        due_at=row.due_at,
        ended_at=task.transaction.ended_at,
        state=cast("TaskState", row.state),
        overdue=row.state == "open" and row.due_at <= now,
        colleague_id=None if hidden else row.colleague_id,
        team_id=None if hidden else task.transaction.team_id,
        site=task.transaction.site,
        scorecard_id=row.scorecard_id,
        scorecard_version=row.scorecard_version,
        holder_id=holder,
        holder_name=known_names.get(holder) if holder else None,
        lease_ends_at=row.lease_ends_at if held else None,
        assigned_to=assigned,
        assigned_name=known_names.get(assigned) if assigned else None,
        closed_at=row.closed_at,
    )


def review_view(
    row: ReviewRow,
    scorecard: Scorecard,
    *,
    known_names: Mapping[str, str],
    show_reviewer: bool,
    show_colleague: bool,
    may_correct: bool = False,
    in_full: bool = False,
) -> ReviewView:
    """One revision. `in_full`: with ratings, comments and marks."""
    review = Review.model_validate_json(row.document)
    task = review.task
    given = inputs(row, review)
    scored = forms.preview(Draft(ratings=given), scorecard)
    reviewer = row.account_id if show_reviewer else None
    return ReviewView(
        number=row.number,
        task_id=task.task_id,
        revision=row.revision,
        outcome=review.outcome,
        reason=review.reason,
        at=row.at,
        channel=task.transaction.channel,
        topic=task.transaction.topic,
        language=task.transaction.language,
        ended_at=task.transaction.ended_at,
        queue=task.queue,
        scorecard_id=task.scorecard.id,
        scorecard_version=task.scorecard.version,
        purposes=task.purposes,
        total_0_100=row.total_0_100,
        critical_errors=scored.critical_errors,
        time_spent_s=review.time_spent_s,
        colleague_id=row.colleague_id if show_colleague else None,
        team_id=task.transaction.team_id if show_colleague else None,
        reviewer_id=reviewer,
        reviewer_name=known_names.get(reviewer) if reviewer else None,
        ratings=given if in_full else (),
        strengths=review.strengths if in_full else (),
        development_points=review.development_points if in_full else (),
        criteria_0_100=scored.criteria_0_100 if in_full else {},
        may_correct=may_correct,
    )


def inputs(row: ReviewRow, review: Review) -> tuple[RatingInput, ...]:
    """The ratings as the form had them."""
    marks = MARKS.validate_python(row.details.get("marks", {}))
    return tuple(
        RatingInput(
            criterion=one.criterion,
            value=one.value,
            not_applicable=one.value is None,
            comment=one.comment,
            marks=marks.get(one.criterion, ()),
        )
        for one in review.ratings
    )
