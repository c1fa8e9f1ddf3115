"""A form as far as it is filled in: its running score, and what it lacks before it can be submitted.

The arithmetic is schemas.scoring, the one that makes quality scores; what is not rated yet counts like 'not
applicable', so the running score is over what is rated so far.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Final

from desk.errors import Problem
from desk.views import Draft, Preview, RatingInput
from schemas.review import Rating
from schemas.scorecard import Criterion, Scorecard
from schemas.scoring import score

LONGEST_TEXT: Final = 4000
"""Characters of a comment, a strength or a development point (schemas.review.Text)."""
MOST_POINTS: Final = 50
MOST_RATINGS: Final = 5000
MOST_MARKS: Final = 100
"""Evidence marks of one criterion."""
LONGEST_NOTE: Final = 500
LONGEST_S: Final = 86_400.0
"""Of the time that a review took (schemas.review)."""


def cleaned(draft: Draft) -> Draft:
    """The draft without what no store and no JSON can hold: NUL characters, numbers that are none, endless times."""
    return replace(
        draft,
        ratings=tuple(
            replace(
                one,
                value=None if one.value is None or not isfinite(one.value) else one.value,
                comment=_text(one.comment),
                marks=tuple(
                    replace(mark, note=_text(mark.note), at_s=mark.at_s if isfinite(mark.at_s or 0.0) else None)
                    for mark in one.marks
                ),
            )
            for one in draft.ratings
        ),
        strengths=tuple(_text(one) for one in draft.strengths),
        development_points=tuple(_text(one) for one in draft.development_points),
        time_spent_s=min(max(draft.time_spent_s, 0.0), LONGEST_S) if isfinite(draft.time_spent_s) else 0.0,
    )


def preview(draft: Draft, scorecard: Scorecard) -> Preview:
    """The running score of a draft. What does not fit the scorecard is left out; `problems` names it."""
    rated = {one.criterion: one for one in draft.ratings}
    criteria = scorecard.criteria
    values = tuple(_value(rated.get(one.id), one) for one in criteria)
    scored = score(values, scorecard)
    without_rules = score(values, scorecard.model_copy(update={"critical": {}}))
    acting = {one for one in scored.critical_errors if scorecard.critical_rule(one).effect != "flag"}
    return Preview(
        total_0_100=scored.total_0_100,
        before_critical_0_100=without_rules.total_0_100,
        criteria_0_100={one.id: value for one, value in zip(criteria, scored.criteria_0_100, strict=True)},
        critical_errors=scored.critical_errors,
        auto_failed=tuple(
            one.id
            for one, value in zip(criteria, values, strict=True)
            if one.error_class in acting and value == one.scale.lowest
        ),
        rated=sum(_is_rated(rated.get(one.id), one) for one in criteria),
        missing=tuple(one.id for one in criteria if not _is_rated(rated.get(one.id), one)),
    )


def problems(draft: Draft, scorecard: Scorecard, *, min_strengths: int, min_development_points: int) -> list[Problem]:
    """What keeps the draft from being submitted; empty: it is complete."""
    known = {one.id for one in scorecard.criteria}
    rated = {one.criterion: one for one in draft.ratings}
    found = [
        Problem(f"ratings.{one.criterion}", "unknown", f"the scorecard has no criterion {one.criterion!r}")
        for one in draft.ratings
        if one.criterion not in known
    ]
    if len(rated) != len(draft.ratings):
        found.append(Problem("ratings", "repeated", "a criterion is rated twice"))
    for criterion in scorecard.criteria:
        found += _rating_problems(rated.get(criterion.id), criterion)
    wanted = (
        ("strengths", draft.strengths, min_strengths),
        ("development_points", draft.development_points, min_development_points),
    )
    for field, texts, least in wanted:
        if len(points(texts)) < least:
            found.append(Problem(field, "missing", f"at least {least} is needed"))
        found += length_problems(field, texts)
    return found


def length_problems(field: str, texts: tuple[str, ...]) -> list[Problem]:
    """Too many or too long texts."""
    found = [Problem(field, "too_many", f"at most {MOST_POINTS}")] if len(texts) > MOST_POINTS else []
    if any(len(text) > LONGEST_TEXT for text in texts):
        found.append(Problem(field, "too_long", f"at most {LONGEST_TEXT} characters each"))
    return found


def points(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts that say something."""
    return tuple(text.strip() for text in texts if text.strip())


def ratings(draft: Draft, scorecard: Scorecard) -> tuple[Rating, ...]:
    """The ratings of a complete draft, in the scorecard's order, as they travel."""
    rated = {one.criterion: one for one in draft.ratings}
    return tuple(
        Rating(criterion=one.id, value=_value(rated[one.id], one), comment=rated[one.id].comment)
        for one in scorecard.criteria
    )


def _text(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _is_rated(given: RatingInput | None, criterion: Criterion) -> bool:
    if given is None:
        return False
    return (given.not_applicable and criterion.na_allowed) or _value(given, criterion) is not None


def _value(given: RatingInput | None, criterion: Criterion) -> float | None:
    if given is None or given.not_applicable or given.value is None or not criterion.scale.holds(given.value):
        return None
    return given.value


def _rating_problems(given: RatingInput | None, criterion: Criterion) -> list[Problem]:
    field = f"ratings.{criterion.id}"
    if given is None or (given.value is None and not given.not_applicable):
        return [Problem(field, "missing", "is not rated")]
    found = []
    if given.not_applicable and not criterion.na_allowed:
        found.append(Problem(field, "na_not_allowed", "'not applicable' is not allowed here"))
    if not given.not_applicable and given.value is not None and not criterion.scale.holds(given.value):
        scale = criterion.scale
        found.append(Problem(field, "off_scale", f"takes {scale.lowest} to {scale.highest}"))
    if len(given.comment) > LONGEST_TEXT:
        found.append(Problem(field, "too_long", f"a comment has at most {LONGEST_TEXT} characters"))
    if len(given.marks) > MOST_MARKS or any(not _mark_fits(one.at_s, one.line, one.note) for one in given.marks):
        found.append(Problem(field, "mark", "a mark names a second or a line, and has a short note"))
    return found


def _mark_fits(at_s: float | None, line: int | None, note: str) -> bool:
    one_of_two = (at_s is None) != (line is None)
    in_range = (at_s is None or 0 <= at_s <= LONGEST_S * 7) and (line is None or 1 <= line <= 10_000)
    return one_of_two and in_range and len(note) <= LONGEST_NOTE
