"""CheckCalendar: planned checks as people write them. One scheduler turns its occurrences into check requests.

The calendar is a file, not a record: what enters a decision are the requests that are made of it, ahead of time.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from pydantic import Field, NaiveDatetime, StringConstraints, field_validator, model_validator

from schemas.base import Identifier, Record
from schemas.conditions import Condition


class CheckPlan(Record):
    """A check that comes again: each occurrence asks for `n` transactions of the hours that follow it."""

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
        return self


class CheckCalendar(Record):
    """All planned checks of one calendar."""

    time_zone: Annotated[str, StringConstraints(max_length=64)] = "Europe/London"
    asked_by: Identifier
    plans: Annotated[tuple[CheckPlan, ...], Field(min_length=1, max_length=1000)]

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"no such time zone: {name!r}") from None
        return name

    @model_validator(mode="after")
    def _ids_differ(self) -> CheckCalendar:
        ids = [plan.id for plan in self.plans]
        repeated = sorted({one for one in ids if ids.count(one) > 1})
        if repeated:
            raise ValueError(f"two plans are called {repeated[0]!r}")
        return self
