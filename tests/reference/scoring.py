"""What combine must give: the scores of a set of reviews, worked out with a pencil."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.review import Review
from schemas.scorecard import ErrorClass, Scorecard
from schemas.selection import PROBABILITY_PURPOSES


def total(review: Review, scorecard: Scorecard) -> tuple[float | None, set[ErrorClass]]:
    """Total 0-100 and the classes of critical errors of one submitted review."""
    values = {rating.criterion: rating.value for rating in review.ratings}
    points = weights = 0.0
    errors: set[ErrorClass] = set()
    for section in scorecard.sections:
        for criterion in section.criteria:
            value = values[criterion.id]
            if value is None:
                continue
            low, high = criterion.scale.lowest, criterion.scale.highest
            points += criterion.weight * 100 * (value - low) / (high - low)
            weights += criterion.weight
            if value == low and criterion.error_class is not None:
                errors.add(criterion.error_class)
    if weights == 0:
        return None, set()
    mean = points / weights
    for error in sorted(errors):
        rule = scorecard.critical.get(error)
        if rule is not None and rule.effect == "zero":
            mean = 0.0
        if rule is not None and rule.effect == "cap":
            assert rule.cap_0_100 is not None
            mean = min(mean, rule.cap_0_100)
    return mean, errors


def scores(reviews: Iterable[Review], scorecards: Mapping[str, Scorecard]) -> dict[str, dict[str, Any]]:
    """The fields of every score by score id, for reviews that came in any order; none where nothing is submitted."""
    highest: dict[str, Review] = {}
    for review in reviews:
        known = highest.get(review.review_id)
        if known is None or review.revision > known.revision:
            highest[review.review_id] = review
    together: dict[str, list[Review]] = defaultdict(list)
    for review in sorted(highest.values(), key=lambda one: one.task.copy_number):
        if review.outcome == "submitted":
            together[f"{review.transaction_id}|{review.task.scorecard.id}"].append(review)
    return {score_id: _score(found, scorecards[found[0].task.scorecard.key]) for score_id, found in together.items()}


def _score(reviews: list[Review], scorecard: Scorecard) -> dict[str, Any]:
    results = [total(review, scorecard) for review in reviews]
    chance = [review.task for review in reviews if PROBABILITY_PURPOSES & set(review.task.purposes)]
    task = (chance or [review.task for review in reviews])[0]
    return {
        "total_0_100": _mean([one for one, _ in results]),
        "criteria": [_criterion(reviews, scorecard, nth) for nth in range(len(scorecard.criteria))],
        "critical_errors": set().union(*(errors for _, errors in results)),
        "reviews": [
            (one.review_id, one.revision, one.reviewer_id, found)
            for one, (found, _) in zip(reviews, results, strict=True)
        ],
        "purposes": set().union(*(review.task.purposes for review in reviews)),
        "frame": task.frame,
        "stratum": task.stratum,
        "inclusion_probability": task.inclusion_probability,
    }


def _criterion(reviews: list[Review], scorecard: Scorecard, nth: int) -> tuple[str, float | None, int]:
    criterion = scorecard.criteria[nth]
    low, high = criterion.scale.lowest, criterion.scale.highest
    values = [rating.value for review in reviews for rating in review.ratings if rating.criterion == criterion.id]
    rated = [100 * (value - low) / (high - low) for value in values if value is not None]
    return criterion.id, _mean(rated), len(rated)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
