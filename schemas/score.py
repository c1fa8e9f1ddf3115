"""QualityScore: the combined score of one transaction against one scorecard, 0-100 (D13-10)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.base import Identifier, Instant, Offset, Origin, Probability, Record, Score0To100, Versioned
from schemas.frame import StratumName
from schemas.scorecard import ErrorClass
from schemas.selection import Purpose, TransactionFields


class CriterionScore(Record):
    """Mean over the reviews that rated the criterion; `score_0_100` None: not applicable in all of them."""

    criterion: Identifier
    score_0_100: Score0To100 | None
    rated_by: Annotated[int, Field(ge=0, le=10)]


class CombinedReview(Record):
    """One review that is in the score."""

    review_id: Annotated[str, StringConstraints(max_length=300)]
    revision: Annotated[int, Field(ge=0)]
    reviewer_id: Identifier
    total_0_100: Score0To100 | None


class QualityScore(Record):
    """What the submitted reviews of one transaction say together. Key on the topic: transaction id."""

    score_id: Annotated[str, StringConstraints(max_length=300)]
    """transaction id | scorecard id"""
    total_0_100: Score0To100 | None
    """Mean of the reviews' totals; None when nothing was applicable, or when every review was withdrawn."""
    criteria: tuple[CriterionScore, ...]
    critical_errors: tuple[ErrorClass, ...]
    """Classes in which at least one review found a critical error."""
    reviews: tuple[CombinedReview, ...]
    scorecard: Versioned
    scoring_rule: int
    purposes: tuple[Purpose, ...]
    frame: Versioned
    stratum: StratumName
    inclusion_probability: Probability | None
    transaction: TransactionFields
    origin: Origin
    scored_at: Instant
    """Append time of the review that made this score."""
    as_of_offset: Offset
    """Offset of that review in its partition of `reviews`: the higher one replaces the lower."""
