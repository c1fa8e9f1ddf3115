"""Ratings of one review: how a quality seen as 0 to 1 comes out on a scorecard's scales.

The weighted total comes out, on average, at the quality that was seen. Criteria with an error class are met unless
there is a critical error; the others carry what is left of the total, so a scorecard on which almost everything has an
error class cannot follow the quality.
"""

from __future__ import annotations

from random import Random
from typing import Final

from schemas.review import Rating
from schemas.scorecard import Criterion, Scale, Scorecard

NOT_APPLICABLE_SHARE: Final = 0.06
CRITERION_NOISE: Final = 0.06
PERCENTAGE_STEP: Final = 5
CRITICAL_BASE, CRITICAL_RISE = 0.003, 0.06
"""Chance of a critical error in one criterion: base + rise * (1 - quality)^2; 0.5 % at 0.8 and 1.8 % at 0.5."""
COMMENT_BELOW: Final = 0.5
"""A rating below this share of its scale is explained by a comment."""
COMMENTS: Final = {
    "en": ("Not heard at all.", "Only after the customer asked.", "Said, but hurried.", "The answer was not complete."),
    "cy": ("Dim i'w glywed o gwbl.", "Dim ond ar ôl i'r cwsmer ofyn.", "Doedd yr ateb ddim yn gyflawn."),
}


def critical_chance(quality: float) -> float:
    """Chance of a critical error in one criterion that has an error class. `quality` 0 to 1."""
    return CRITICAL_BASE + CRITICAL_RISE * (1 - quality) ** 2


def rate(card: Scorecard, quality: float, language: str, chances: Random) -> tuple[Rating, ...]:
    """One rating per criterion, in the card's order; at least one is applicable. `quality`: as seen, 0 to 1."""
    applicable = [one for one in card.criteria if not one.na_allowed or chances.random() >= NOT_APPLICABLE_SHARE]
    applicable = applicable or list(card.criteria[:1])
    critical = [one for one in applicable if one.error_class is not None]
    met = {one.id: _met(one.scale, quality, chances) for one in critical}
    rest = [one for one in applicable if one.error_class is None]
    target = _left_over(quality, rest, [(one, met[one.id]) for one in critical])
    values: dict[str, float] = {}
    for one in critical:
        values[one.id] = one.scale.lowest if chances.random() < critical_chance(quality) else met[one.id]
    for one in rest:
        values[one.id] = on_scale(one.scale, target + chances.gauss(0, CRITERION_NOISE), chances)
    return tuple(_rating(one, values.get(one.id), language, chances) for one in card.criteria)


def on_scale(scale: Scale, share: float, chances: Random) -> float:
    """A value on `scale` that is `share` of the way from lowest to highest, on average (0 to 1, cut off beyond)."""
    share = min(max(share, 0.0), 1.0)
    step = PERCENTAGE_STEP if scale.kind == "percentage" else 1
    steps = share * (scale.highest - scale.lowest) / step
    whole = int(steps) + (chances.random() < steps - int(steps))
    return float(scale.lowest + step * whole)


def _met(scale: Scale, quality: float, chances: Random) -> float:
    """A value that is no critical error: anything but the lowest."""
    if scale.kind == "pass_fail":
        return float(scale.highest)
    step = PERCENTAGE_STEP if scale.kind == "percentage" else 1
    return max(on_scale(scale, quality, chances), float(scale.lowest + step))


def _left_over(quality: float, rest: list[Criterion], critical: list[tuple[Criterion, float]]) -> float:
    """What the criteria without an error class must give, 0 to 1, for the total to come out at `quality`."""
    weight = sum(one.weight for one in rest)
    if not weight:
        return quality
    whole = weight + sum(one.weight for one, _ in critical)
    given = sum(one.weight * one.scale.score_0_100(value) / 100 for one, value in critical)
    return (quality * whole - given) / weight


def _rating(criterion: Criterion, value: float | None, language: str, chances: Random) -> Rating:
    low = value is not None and criterion.scale.score_0_100(value) < 100 * COMMENT_BELOW
    comment = chances.choice(COMMENTS.get(language, COMMENTS["en"])) if low else ""
    return Rating(criterion=criterion.id, value=value, comment=comment)
