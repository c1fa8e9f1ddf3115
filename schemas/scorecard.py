"""Scorecard: the agreed criteria of quality, their scales and weights, and what a critical error does (D13-1, 4, 10).

A rating is a value on the criterion's scale; it is mapped to 0-100 as (value - min) / (max - min) * 100, so that a
4-point scale gives 0, 33.3, 66.7 and 100.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import BilingualText, Identifier, Record, RegisterEntry, Score0To100

ErrorClass = Literal["customer", "business", "compliance"]
ERROR_CLASSES: tuple[ErrorClass, ...] = ("customer", "business", "compliance")


class Scale(Record):
    """`pass_fail`: 0 or 1; `points`: whole numbers from lowest to highest; `percentage`: 0 to 100."""

    kind: Literal["pass_fail", "points", "percentage"]
    lowest: Annotated[int, Field(ge=0, le=100)] = 0
    highest: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="before")
    @classmethod
    def _percentage_has_its_ends(cls, fields: object) -> object:
        if isinstance(fields, dict) and fields.get("kind") == "percentage":
            return {"lowest": 0, "highest": 100, **fields}
        return fields

    @model_validator(mode="after")
    def _ends_fit_the_kind(self) -> Scale:
        wanted = {"pass_fail": (0, 1), "percentage": (0, 100)}.get(self.kind)
        if wanted is not None and (self.lowest, self.highest) != wanted:
            raise ValueError(f"a {self.kind} scale runs from {wanted[0]} to {wanted[1]}")
        if self.lowest >= self.highest:
            raise ValueError("lowest is not below highest")
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` is on the scale."""
        whole = self.kind == "percentage" or float(value).is_integer()
        return whole and self.lowest <= value <= self.highest

    def score_0_100(self, value: float) -> float:
        return (value - self.lowest) / (self.highest - self.lowest) * 100.0


class ProcedureLink(Record):
    """The procedure behind a criterion, shown beside the form (D13-5)."""

    label: BilingualText
    url: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s<>\"]+$")]


class Criterion(Record):
    """One criterion. With an `error_class`, the lowest rating is a critical error of that class."""

    id: Identifier
    label: BilingualText
    guidance: BilingualText | None = None
    procedures: Annotated[tuple[ProcedureLink, ...], Field(max_length=20)] = ()
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    scale: Scale
    na_allowed: bool = True
    error_class: ErrorClass | None = None


class CriticalRule(Record):
    """What a critical error does to the score: `zero` the total, `cap` it at `cap_0_100`, or only `flag` it."""

    effect: Literal["zero", "cap", "flag"] = "flag"
    cap_0_100: Score0To100 | None = None

    @model_validator(mode="after")
    def _cap_goes_with_its_value(self) -> CriticalRule:
        if (self.effect == "cap") != (self.cap_0_100 is not None):
            raise ValueError("cap_0_100 goes with effect 'cap', and only with it")
        return self


class Section(Record):
    """A group of criteria under one heading."""

    id: Identifier
    label: BilingualText
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=100)]


class Agreed(Record):
    """A named person agreed to this version (D13-2: criteria and frame are agreed, not imposed)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    on: date


class Scorecard(RegisterEntry):
    """One version of a scorecard: an immutable entry of the register topic `scorecards`, pinned to each task."""

    title: BilingualText
    scoring_rule: Literal[1] = 1
    """Version of the arithmetic that makes a total of ratings (docs/semantics.md, "Scores")."""
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=50)]
    critical: dict[ErrorClass, CriticalRule] = Field(default_factory=dict)
    """Rule by error class; a class that is not named is flagged only. `zero` is an automatic fail."""
    strengths_prompt: BilingualText | None = None
    """What the form asks where it takes strengths; None: the desk's own words."""
    development_prompt: BilingualText | None = None
    agreed_by: Annotated[tuple[Agreed, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _criteria_differ(self) -> Scorecard:
        ids = [criterion.id for criterion in self.criteria]
        repeated = sorted({one for one in ids if ids.count(one) > 1})
        if repeated:
            raise ValueError(f"two criteria are called {repeated[0]!r}")
        return self

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        return tuple(criterion for section in self.sections for criterion in section.criteria)

    def critical_rule(self, error_class: ErrorClass) -> CriticalRule:
        return self.critical.get(error_class, CriticalRule())
