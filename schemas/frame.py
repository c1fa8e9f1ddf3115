"""SamplingFrame: which transactions are eligible, in which stratum each falls, and how each stratum is drawn (D13-2).

A frame is written by a quality manager as YAML, and travels as one immutable entry of the register topic
`sampling-frames`. Everything that enters a decision about a transaction is in here: limits of age and future, lateness
and the stretch in which a repeat is recognised among them.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from schemas.base import Channel, Identifier, Language, Probability, Record, RegisterEntry
from schemas.draw_number import SEED_BYTES

StratumName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_/.-]*$")]
OneOrMore = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=500)]


class Condition(Record):
    """Holds when every field that is named has one of the values listed; an empty condition holds always."""

    channel: Annotated[tuple[Channel, ...], Field(min_length=1)] | None = None
    team_id: OneOrMore | None = None
    site: OneOrMore | None = None
    topic: OneOrMore | None = None
    language: Annotated[tuple[Language, ...], Field(min_length=1, max_length=100)] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _one_value_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @property
    def always(self) -> bool:
        return all(values is None for _, values in self)


class RandomDraw(Record):
    """Each transaction is drawn with probability `rate`, by its draw number alone."""

    method: Literal["random"] = "random"
    rate: Probability


class SystematicDraw(Record):
    """Every `every`-th transaction in arrival order is drawn, from a random start for each partition and day."""

    method: Literal["systematic"] = "systematic"
    every: Annotated[int, Field(ge=1, le=1_000_000)]


class NoDraw(Record):
    """Nothing is drawn; the share of the population under this method is shown, for no estimate speaks for it."""

    method: Literal["none"] = "none"


Draw = Annotated[RandomDraw | SystematicDraw | NoDraw, Field(discriminator="method")]


class Stratum(Record):
    """One stratum. `when`: the condition; the first stratum whose condition holds takes the transaction."""

    name: StratumName
    when: Condition = Condition()
    draw: Draw


class Eligibility(Record):
    """When a transaction may be reviewed at all; what is not is excluded with a reason, and counted."""

    customer_told_within_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """The customer must have been told no later than this long after the start."""
    minimum_length_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0


class WorkingHours(Record):
    """When reviewers work; due times are counted in these hours, in the frame's time zone."""

    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)] = (1, 2, 3, 4, 5)
    """ISO weekdays, 1 = Monday."""
    opens: time = time(9)
    closes: time = time(17)

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> WorkingHours:
        if self.closes <= self.opens:
            raise ValueError("closes is not after opens")
        return self


class Route(Record):
    """Where selected transactions go. The first route whose condition holds takes the selection."""

    when: Condition = Condition()
    queue: Identifier
    scorecard: Identifier
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    """0 is most urgent."""
    due_working_hours: Annotated[float, Field(gt=0, le=1000)] = 16.0


class Overlap(Record):
    """Blind double reviews: a `share` of the selected, chosen by a second draw number, gets `copies` reviews each."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    copies: Annotated[int, Field(ge=2, le=10)] = 2


class SamplingFrame(RegisterEntry):
    """One version of the sampling frame; holds for event times from `holds_from` on."""

    title: Annotated[str, StringConstraints(max_length=200)] = ""
    lawful_purpose: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    time_zone: Annotated[str, StringConstraints(max_length=64)] = "Europe/London"
    seed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """32 bytes as lower-case hex. Known to engineer and quality manager only, until the frame retires."""
    eligibility: Eligibility = Eligibility()
    strata: Annotated[tuple[Stratum, ...], Field(min_length=1, max_length=5000)]
    routes: Annotated[tuple[Route, ...], Field(min_length=1, max_length=500)]
    overlap: Overlap = Overlap()
    blind: bool = False
    """Reviewers are not shown whose work they review: neither colleague nor team."""
    working_hours: WorkingHours = WorkingHours()
    lateness_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 3600.0
    future_limit_s: Annotated[float, Field(ge=0, le=600)] = 300.0
    age_limit_days: Annotated[float, Field(gt=0, le=400)] = 20.0
    duplicate_stretch: Annotated[int, Field(ge=0, le=2_000_000)] = 200_000
    """Records of a partition within which a repeat of the same transaction is recognised."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"no such time zone: {name!r}") from None
        return name

    @model_validator(mode="after")
    def _whole(self) -> SamplingFrame:
        names = [stratum.name for stratum in self.strata]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two strata are called {repeated[0]!r}")
        conditions = {"stratum": [one.when for one in self.strata], "route": [one.when for one in self.routes]}
        for kind, whens in conditions.items():
            if not whens[-1].always:
                raise ValueError(f"the last {kind} must take all that is left: give it no 'when'")
            early = next((n for n, when in enumerate(whens[:-1], 1) if when.always), None)
            if early is not None:
                raise ValueError(f"{kind} {early} takes everything, so those after it can never match")
        return self

    @property
    def seed_bytes(self) -> bytes:
        seed = bytes.fromhex(self.seed)
        assert len(seed) == SEED_BYTES
        return seed

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def stratum(self, name: str) -> Stratum:
        """The stratum called `name`; KeyError when there is none."""
        for stratum in self.strata:
            if stratum.name == name:
                return stratum
        raise KeyError(name)
