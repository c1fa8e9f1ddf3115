"""Review: what became of a review task. One envelope for every outcome; the contract of any review desk.

A desk takes a ReviewTask from `review-tasks` and returns one or more Reviews on `reviews`, keyed by transaction id,
with the task as it was given. A correction has the same task and a higher revision; the highest revision wins, never
the last to arrive.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Identifier, Instant, Record
from schemas.selection import ReviewTask

Outcome = Literal["submitted", "skipped", "expired", "shed", "withdrawn"]
OUTCOMES: tuple[Outcome, ...] = ("submitted", "skipped", "expired", "shed", "withdrawn")
Text = Annotated[str, StringConstraints(max_length=4000)]


class Rating(Record):
    """One criterion rated. `value` is on the criterion's scale; None: not applicable."""

    criterion: Identifier
    value: Annotated[float, Field(ge=0, le=100)] | None
    comment: Text = ""


class Review(Record):
    """The outcome of one task. `review_id` is the task id."""

    task: ReviewTask
    revision: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    outcome: Outcome
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    """Why it was skipped, shed or withdrawn; empty for a submitted review."""
    reviewer_id: Identifier | None = None
    """None where nobody took the task (expired, shed)."""
    at: Instant
    """When the outcome came about, by the desk's clock."""
    time_spent_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    ratings: Annotated[tuple[Rating, ...], Field(max_length=5000)] = ()
    strengths: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    development_points: Annotated[tuple[Text, ...], Field(max_length=50)] = ()

    @property
    def review_id(self) -> str:
        return self.task.task_id

    @property
    def transaction_id(self) -> str:
        return self.task.transaction.id

    @model_validator(mode="after")
    def _fields_fit_the_outcome(self) -> Review:
        criteria = [rating.criterion for rating in self.ratings]
        if len(set(criteria)) != len(criteria):
            raise ValueError("a criterion is rated twice")
        if (self.outcome == "submitted") != bool(self.ratings):
            raise ValueError("ratings go with outcome 'submitted', and only with it")
        if self.outcome in ("submitted", "skipped") and self.reviewer_id is None:
            raise ValueError(f"outcome {self.outcome!r} needs a reviewer_id")
        if self.outcome == "skipped" and not self.reason:
            raise ValueError("outcome 'skipped' needs a reason")
        return self
