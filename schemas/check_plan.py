"""CheckCalendar: planned checks as people write them. One scheduler turns its occurrences into check requests.

The calendar is a file, not a record: what enters a decision are the requests that are made of it, ahead of time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from dateutil.rrule import rrulestr
from pydantic import Field, NaiveDatetime, StringConstraints, field_validator, model_validator

from schemas.base import CHANNELS, Channel, Identifier, Language, Record, TimeZoneName
from schemas.conditions import Condition


class Observe(Record):
    """A check on the spot: at `place`, within the hours of the plan, for each colleague that `when` lists."""

    place: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    site: Identifier
    team_id: Identifier
    scorecard: Identifier
    topic: Identifier = "any"
    language: Language = "en"
    observer_id: Identifier | None = None
    """An account of the review desk; None: any observer."""


class CheckPlan(Record):
    """A check that comes again: each occurrence asks for `n` transactions of the hours that follow it.

    With `observe` it asks for none: somebody goes there and watches each of the colleagues once.
    """

    id: Annotated[Identifier, StringConstraints(max_length=100)]
    when: Condition
    """Whose work, or which transactions."""
    starts: NaiveDatetime
    """First occurrence at the earliest, in the calendar's time zone."""
    rule: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """An RRULE of RFC 5545, for example FREQ=WEEKLY;BYDAY=TU,TH."""
    hours: Annotated[float, Field(ge=0.25, le=24 * 31)] = 8.0
    n: Annotated[int, Field(ge=1, le=100)] = 1
    pick: Literal["next", "random"] = "random"
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    observe: Observe | None = None

    @field_validator("rule")
    @classmethod
    def _can_be_read(cls, rule: str) -> str:
        try:
            rrulestr(rule)
        except (ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"is no RRULE such as FREQ=WEEKLY;BYDAY=TU ({error})") from None
        return rule

    @model_validator(mode="after")
    def _about_something(self) -> CheckPlan:
        if self.when.always:
            raise ValueError("when: a check names whose work or which transactions it is about")
        if self.observe is not None:
            _ = self.observed
            if self.n != 1:
                raise ValueError("n: an observation is one for each colleague; let the rule come more often")
        return self

    @property
    def observed(self) -> tuple[Channel, tuple[str, ...]]:
        """The channel and the colleagues to be watched. Raises ValueError where `when` says anything else."""
        named = self.when.named
        channels, colleagues = named.get("channel"), named.get("colleague_id")
        plain = isinstance(channels, tuple) and isinstance(colleagues, tuple) and len(named) == 2
        on = next((one for one in CHANNELS if channels == (one,)), None)
        if not plain or on is None or not isinstance(colleagues, tuple):
            raise ValueError(
                "when: of an observation names one channel and the colleagues to be watched, and nothing else, for "
                "example {channel: face_to_face, colleague_id: [c-201, c-202]}"
            )
        return on, colleagues


class CheckCalendar(Record):
    """All planned checks of one calendar."""

    time_zone: TimeZoneName = "Europe/London"
    asked_by: Identifier
    plans: Annotated[tuple[CheckPlan, ...], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _ids_differ(self) -> CheckCalendar:
        ids = [plan.id for plan in self.plans]
        repeated = sorted({one for one in ids if ids.count(one) > 1})
        if repeated:
            raise ValueError(f"two plans are called {repeated[0]!r}")
        return self
