"""The reviews of one transaction against one scorecard, put together.

Pure. Of each review only the highest revision counts, whatever the order in which they came; a revision that is not
`submitted` takes the earlier one out. Reviews of several copies weigh the same: totals are averaged, and each criterion
over those who rated it.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import msgspec

from schemas.base import Versioned
from schemas.review import Review
from schemas.score import CombinedReview, CriterionScore, QualityScore
from schemas.scorecard import ERROR_CLASSES, Scorecard
from schemas.scoring import Scored, score
from schemas.selection import PROBABILITY_PURPOSES, PURPOSES, Purpose, task_id

Value = int | float | None
"""A rating. Whole numbers are kept as such: one byte instead of nine in every snapshot."""


class Head(msgspec.Struct, array_like=True, frozen=True):
    """The highest revision of one review. `reviewer_id` None: nothing was submitted, and `values` is empty.

    `values` stand in the order of the scorecard's criteria; the rest is what its task said of the selection.
    """

    revision: int
    reviewer_id: str | None
    values: tuple[Value, ...]
    purposes: tuple[Purpose, ...]
    frame_id: str
    frame_version: int
    stratum: str
    inclusion_probability: float | None

    @property
    def rests_on_probability(self) -> bool:
        return not PROBABILITY_PURPOSES.isdisjoint(self.purposes)


class Reviews(msgspec.Struct, array_like=True, frozen=True):
    """All reviews of one transaction and scorecard: the head of each by copy number."""

    scorecard_version: int
    heads: dict[int, Head]

    @property
    def submitted(self) -> dict[int, Head]:
        """What a score is made of, by copy number, lowest first."""
        return {copy: head for copy, head in sorted(self.heads.items()) if head.reviewer_id is not None}

    def with_head(self, copy_number: int, head: Head) -> Reviews:
        """These reviews once `head` has come; unchanged unless its revision is higher than the one that is there."""
        known = self.heads.get(copy_number)
        if known is not None and known.revision >= head.revision:
            return self
        return Reviews(self.scorecard_version, {**self.heads, copy_number: head})


def head_of(review: Review, values: tuple[float | None, ...]) -> Head:
    """What is kept of a review. `values`: its ratings as `rules.values_of` gives them, empty unless submitted."""
    task = review.task
    return Head(
        revision=review.revision,
        reviewer_id=review.reviewer_id if review.outcome == "submitted" else None,
        values=tuple(int(one) if one is not None and float(one).is_integer() else one for one in values),
        purposes=task.purposes,
        frame_id=task.frame.id,
        frame_version=task.frame.version,
        stratum=task.stratum,
        inclusion_probability=task.inclusion_probability,
    )


def quality_score(
    reviews: Reviews, scorecard: Scorecard, latest: Review, *, scored_at: datetime, as_of_offset: int
) -> QualityScore:
    """The score that `reviews` make once `latest` has come.

    The transaction is taken from `latest`. Frame, stratum and inclusion probability are those of the first copy that a
    probability draw took, or of the first copy where none did, for tasks that were given out before a further purpose
    joined them name fewer.
    """
    heads = reviews.submitted
    scored = {copy: score(head.values, scorecard) for copy, head in heads.items()}
    leading = list(heads.values()) or [head_of(latest, ())]
    speaks = next((head for head in leading if head.rests_on_probability), leading[0])
    purposes = {purpose for head in leading for purpose in head.purposes}
    errors = {one for review in scored.values() for one in review.critical_errors}
    transaction, card = latest.task.transaction, scorecard.id
    return QualityScore(
        score_id=f"{transaction.id}|{card}",
        total_0_100=_mean([one.total_0_100 for one in scored.values() if one.total_0_100 is not None]),
        criteria=_criteria(list(scored.values()), scorecard),
        critical_errors=tuple(one for one in ERROR_CLASSES if one in errors),
        reviews=tuple(
            CombinedReview(
                review_id=task_id(transaction.id, card, copy),
                revision=head.revision,
                reviewer_id=head.reviewer_id or "",
                total_0_100=scored[copy].total_0_100,
            )
            for copy, head in heads.items()
        ),
        scorecard=scorecard.ref,
        scoring_rule=scorecard.scoring_rule,
        purposes=tuple(purpose for purpose in PURPOSES if purpose in purposes),
        frame=Versioned(id=speaks.frame_id, version=speaks.frame_version),
        stratum=speaks.stratum,
        inclusion_probability=speaks.inclusion_probability,
        transaction=transaction,
        origin=latest.task.origin,
        scored_at=scored_at,
        as_of_offset=as_of_offset,
    )


def _criteria(scored: list[Scored], scorecard: Scorecard) -> tuple[CriterionScore, ...]:
    rows = []
    for position, criterion in enumerate(scorecard.criteria):
        rated = [one for review in scored if (one := review.criteria_0_100[position]) is not None]
        rows.append(CriterionScore(criterion=criterion.id, score_0_100=_mean(rated), rated_by=len(rated)))
    return tuple(rows)


def _mean(values: list[float]) -> float | None:
    """Exact mean, rounded once; None of nothing."""
    return float(sum(map(Fraction, values)) / len(values)) if values else None
