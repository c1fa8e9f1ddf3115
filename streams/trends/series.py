"""One series: its references, its evidence and its alert. Pure; `weigh` and `agree` are all that happens to it.

The life of an alert: raised when the evidence reaches the threshold, which starts the evidence anew; raised again when
it gets there once more while the alert is open; closed when the mean of a whole block of `close_after_reviews` reviews
after that is back at the references less the tolerance, or when a person agrees a new reference. Blocks do not overlap:
a sliding mean would be tested after every review and come back by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from schemas.base import Versioned
from schemas.detector import Detectors, Dimension, SeriesKind
from schemas.series import ReferenceAgreed, SeriesPoint
from streams.trends.e_detector import Evidence, usable
from streams.trends.reference import Reference

HIGHEST_LOG: Final = 700.0
"""Evidence is shown as a number; beyond e^700 a float has none."""


class OpenAlert(msgspec.Struct, array_like=True):
    """The alert of a series while it is open; the fields of `schemas.alert.Alert`, scores in [0, 1]."""

    alert_id: str
    raised_ms: int
    since_ms: int
    times_raised: int
    evidence: float
    threshold: float
    reviews: int
    reference: float
    mean: float
    block_reviews: int = 0
    """Reviews of the block that may close it."""
    block_gap: float = 0.0
    """Sum of score less floor over the block."""


class SeriesState(msgspec.Struct, array_like=True):
    """All that is kept of a series. `detectors`: key of the register entry in force; '' before the first point."""

    values: dict[Dimension, str]
    detectors: str = ""
    holds_from_ms: int = 0
    references: dict[str, Reference] = {}
    evidence: Evidence | None = None
    alert: OpenAlert | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an alert."""

    alert: OpenAlert
    closed_because: Literal["back", "new_reference"] | None = None


def in_force(state: SeriesState, holds_from_ms: int) -> bool:
    """Whether a point's entry, which holds from this time on, is the one that the series goes by: never an earlier one.

    Reviews come in another order than their transactions ended, so points of two entries are mixed for some days.
    """
    return holds_from_ms >= state.holds_from_ms or not state.detectors


def go_by(state: SeriesState, entry: Detectors, holds_from_ms: int) -> None:
    """From now on the series goes by `entry`; the evidence starts anew if it did not before."""
    if state.detectors != entry.ref.key:
        state.detectors, state.holds_from_ms, state.evidence = entry.ref.key, holds_from_ms, None


def weigh(
    state: SeriesState, point: SeriesPoint, entry: Detectors, kind: SeriesKind, new_alert_id: str
) -> Change | None:
    """Take in one point by `entry`, which the series goes by, and say what became of the alert."""
    if state.evidence is None:
        state.evidence = Evidence.fresh(entry.bets)
    score = point.score_0_100 / 100.0
    reference = state.references.setdefault(point.cell, Reference())
    if reference.bound is None:
        reference.learn(score, entry.reference_size(kind))
        return None
    floor = usable(reference.bound - entry.tolerance(kind) / 100.0)
    state.evidence.weigh(entry.bets, floor, score, _since_ms(point))
    closed = _back(state, score - floor, entry.close_after_reviews)
    if closed is not None:
        return closed
    threshold = entry.threshold(kind)
    if state.evidence.log_total < math.log(threshold):
        return None
    state.alert = _raised(state, state.evidence, threshold, point, new_alert_id)
    state.evidence = Evidence.fresh(entry.bets)
    return Change(state.alert)


def agree(state: SeriesState, agreed: ReferenceAgreed) -> Change | None:
    """Take over a reference that a person agreed: evidence starts anew, an open alert closes."""
    if not agreed.references:
        state.references = {}
    for one in agreed.references:
        state.references[one.cell] = Reference(bound=one.reference_0_100 / 100.0)
    state.evidence = None
    alert, state.alert = state.alert, None
    return None if alert is None else Change(alert, "new_reference")


def log_evidence(state: SeriesState) -> float:
    """Logarithm of the evidence as it stands; -inf where nothing was weighed."""
    return -math.inf if state.evidence is None else state.evidence.log_total


def kind_of(entry: Detectors, state: SeriesState) -> SeriesKind | None:
    """The kind of this series in `entry`; None when it is not watched by it."""
    return entry.kind(frozenset(state.values))


def named(state: SeriesState) -> Versioned:
    """The register entry that the series goes by."""
    name, _, version = state.detectors.rpartition(":")
    return Versioned(id=name, version=int(version))


def _back(state: SeriesState, gap: float, block: int) -> Change | None:
    """Count one review towards closing; the change when it closes the alert."""
    alert = state.alert
    if alert is None:
        return None
    alert.block_reviews += 1
    alert.block_gap += gap
    if alert.block_reviews < block:
        return None
    if alert.block_gap >= 0.0:
        state.alert = None
        return Change(alert, "back")
    alert.block_reviews, alert.block_gap = 0, 0.0
    return None


def _raised(
    state: SeriesState, evidence: Evidence, threshold: float, point: SeriesPoint, new_alert_id: str
) -> OpenAlert:
    run, before = evidence.strongest, state.alert
    return OpenAlert(
        alert_id=new_alert_id if before is None else before.alert_id,
        raised_ms=_to_ms(point.reviewed_at.timestamp()) if before is None else before.raised_ms,
        since_ms=run.since_ms if before is None else before.since_ms,
        times_raised=1 if before is None else before.times_raised + 1,
        evidence=math.exp(min(evidence.log_total, HIGHEST_LOG)),
        threshold=threshold,
        reviews=run.reviews,
        reference=run.floors / run.reviews,
        mean=run.scores / run.reviews,
    )


def _since_ms(point: SeriesPoint) -> int:
    return _to_ms(point.ended_at.timestamp())


def _to_ms(timestamp_s: float) -> int:
    return round(timestamp_s * 1000)
