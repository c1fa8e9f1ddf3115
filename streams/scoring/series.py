"""Which series a review belongs to, and what it scores in each: the points that detection rests on.

Only copy 1, revision 0 of a transaction that a probability draw took gives points. A purposive check says nothing about
the rest; a second opinion is no second transaction; and evidence that was weighed cannot be weighed again, so a
correction changes tables only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from schemas.detector import Detectors, Dimension, SeriesKind
from schemas.review import Review
from schemas.scorecard import ErrorClass, Scorecard
from schemas.scoring import Scored
from schemas.selection import PROBABILITY_PURPOSES, TransactionFields
from schemas.series import SeriesPoint, series_id

TransactionValues = Mapping[Dimension, str]
"""What a transaction says of the dimensions that are its own: all but criterion and error class."""


class Facts(NamedTuple):
    """What a review found, 0-100. `criteria`: those that were applicable; `errors`: class -> whether one was found."""

    total_0_100: float | None
    criteria: Mapping[str, float]
    errors: Mapping[ErrorClass, bool]


def gives_points(review: Review) -> bool:
    """Whether a review can give points at all. That it is the first of its id is for the caller to know."""
    task = review.task
    return (
        review.outcome == "submitted"
        and review.revision == 0
        and task.copy_number == 1
        and not PROBABILITY_PURPOSES.isdisjoint(task.purposes)
    )


def points(
    entry: Detectors, review: Review, scored: Scored, scorecard: Scorecard, reviewed_at: datetime
) -> list[SeriesPoint]:
    """One point for each series of `entry` that the review belongs to, in the order of the entry."""
    task = review.task
    facts = facts_of(scored, scorecard)
    return [
        SeriesPoint(
            series_id=series_id(values),
            series=values,
            score_0_100=score,
            scorecard=scorecard.ref,
            stratum=task.stratum,
            detectors=entry.ref,
            review_id=review.review_id,
            transaction_id=review.transaction_id,
            ended_at=task.transaction.ended_at,
            reviewed_at=reviewed_at,
        )
        for values, score in scores_by_series(entry, values_of(task.transaction), scorecard.id, facts)
    ]


def values_of(transaction: TransactionFields) -> TransactionValues:
    """The transaction's own dimensions: the team is the event's, at that time."""
    return {
        "team": transaction.team_id,
        "colleague": transaction.colleague_id,
        "channel": transaction.channel,
        "site": transaction.site,
        "topic": transaction.topic,
        "language": transaction.language,
    }


def facts_of(scored: Scored, scorecard: Scorecard) -> Facts:
    """The facts of one scored review. A class all of whose criteria were not applicable could not fail, and is out."""
    rated = [
        (criterion, score)
        for criterion, score in zip(scorecard.criteria, scored.criteria_0_100, strict=True)
        if score is not None
    ]
    classes = {one.error_class for one, _ in rated if one.error_class is not None}
    return Facts(
        scored.total_0_100,
        {criterion.id: score for criterion, score in rated},
        {one: one in scored.critical_errors for one in sorted(classes)},
    )


def scores_by_series(
    entry: Detectors, transaction: TransactionValues, scorecard_id: str, facts: Facts
) -> Iterator[tuple[dict[Dimension, str], float]]:
    """The values of each series of `entry`, and the score there."""
    for kind in entry.series:
        own = {one: transaction[one] for one in kind.of if one in transaction}
        for further, score in _scores(kind, scorecard_id, facts):
            yield {**own, **further}, score


def _scores(kind: SeriesKind, scorecard_id: str, facts: Facts) -> Iterator[tuple[dict[Dimension, str], float]]:
    if "criterion" in kind.of:
        for criterion, score in facts.criteria.items():
            # Two scorecards may use one id for two things.
            yield {"criterion": f"{scorecard_id}/{criterion}"}, score
    elif "error_class" in kind.of:
        for error_class, found in facts.errors.items():
            yield {"error_class": error_class}, 0.0 if found else 100.0
    elif facts.total_0_100 is not None:
        yield {}, facts.total_0_100
