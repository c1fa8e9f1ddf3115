"""Scoring rule 1: what the ratings of one review say, 0-100 (docs/semantics.md, "Scores").

Pure arithmetic:
1. a rating is mapped to 0-100 by its criterion's scale;
2. the total is the weighted mean over the criteria that were applicable, so the weights of those rated "not
   applicable" drop out; with none applicable there is no total;
3. the lowest rating of a criterion with an error class is a critical error of that class;
4. each class's rule then acts on the total: zero before cap, the lowest cap of several; a flag changes nothing.
combine makes quality scores with it, the review desk its running score: one arithmetic, in one place.
The mean is exact and rounded once, so it depends neither on the order of the criteria nor on the size of the weights'
unit, and never leaves 0-100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from schemas.errors import InvalidRecord
from schemas.review import Rating
from schemas.scorecard import ERROR_CLASSES, Criterion, ErrorClass, Scale, Scorecard

NOT_FITTING = "invalid_review"
"""Reason code of `schemas.rejected.RejectReason`."""


class Scored(NamedTuple):
    """One review by rule 1. `criteria_0_100`: by position in the scorecard; None: not applicable."""

    total_0_100: float | None
    criteria_0_100: tuple[float | None, ...]
    critical_errors: tuple[ErrorClass, ...]


def values_of(ratings: Sequence[Rating], scorecard: Scorecard) -> tuple[float | None, ...]:
    """The ratings as values by position in the scorecard.

    Raises InvalidRecord when they are not one rating for each criterion, on its scale, "not applicable" only where
    that is allowed.
    """
    criteria = {criterion.id: criterion for criterion in scorecard.criteria}
    rated = {rating.criterion: rating.value for rating in ratings}
    unknown = [one for one in rated if one not in criteria]
    if unknown:
        raise InvalidRecord(NOT_FITTING, f"scorecard {scorecard.ref} has no criterion {unknown[0]!r}")
    for criterion in criteria.values():
        _check(criterion, rated, scorecard)
    return tuple(rated[one] for one in criteria)


def score(values: Sequence[float | None], scorecard: Scorecard) -> Scored:
    """What checked values, one a criterion in the scorecard's order, say together."""
    criteria = scorecard.criteria
    scaled = tuple(
        None if value is None else criterion.scale.score_0_100(value)
        for criterion, value in zip(criteria, values, strict=True)
    )
    found = {
        criterion.error_class
        for criterion, value in zip(criteria, values, strict=True)
        if value is not None and value == criterion.scale.lowest
    }
    errors = tuple(one for one in ERROR_CLASSES if one in found)
    mean = _weighted_mean((criterion.weight, one) for criterion, one in zip(criteria, scaled, strict=True))
    return Scored(_after_errors(mean, errors, scorecard), scaled, errors)


def _check(criterion: Criterion, rated: dict[str, float | None], scorecard: Scorecard) -> None:
    where = f"criterion {criterion.id!r} of scorecard {scorecard.ref}"
    if criterion.id not in rated:
        raise InvalidRecord(NOT_FITTING, f"{where} is not rated")
    value = rated[criterion.id]
    if value is None:
        if not criterion.na_allowed:
            raise InvalidRecord(NOT_FITTING, f"{where} is rated not applicable, which it does not allow")
    elif not criterion.scale.holds(value):
        raise InvalidRecord(NOT_FITTING, f"{where} is rated {value:g}; its scale takes {_in_words(criterion.scale)}")


def _in_words(scale: Scale) -> str:
    numbers = "any number" if scale.kind == "percentage" else "whole numbers"
    return f"{numbers} from {scale.lowest} to {scale.highest}"


def _weighted_mean(weighted: Iterable[tuple[float, float | None]]) -> float | None:
    applicable = [(Fraction(weight), Fraction(one)) for weight, one in weighted if one is not None]
    if not applicable:
        return None
    return float(sum(weight * one for weight, one in applicable) / sum(weight for weight, _ in applicable))


def _after_errors(mean: float | None, errors: Sequence[ErrorClass], scorecard: Scorecard) -> float | None:
    if mean is None:
        return None
    rules = [scorecard.critical_rule(error_class) for error_class in errors]
    if any(rule.effect == "zero" for rule in rules):
        return 0.0
    return min([mean, *(rule.cap_0_100 for rule in rules if rule.cap_0_100 is not None)])
