"""Alert: the evidence that a series has dropped is strong; and what people do about it.

An alert is sent when it is raised, raised again and closed, each time whole and under the same id: the record with the
highest `as_of_offset` stands. Acknowledging and resolving are records of their own and change no detection.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Identifier, Instant, Offset, Record, Score0To100, Versioned
from schemas.series import SeriesId, SeriesValues

AlertId = Annotated[str, StringConstraints(min_length=1, max_length=1300)]


def alert_id(series: str, review_id: str) -> str:
    """The id of the alert that this review raised."""
    return f"{series}|{review_id}"


class Alert(Record):
    """One drop of one series. Key on the topic: series id. Scores in points, 0 to 100."""

    alert_id: AlertId
    series_id: SeriesId
    series: SeriesValues
    state: Literal["open", "closed"]
    closed_because: Literal["back", "new_reference"] | None = None
    since: Instant
    """End of the first transaction of the run of reviews that speaks most strongly for a drop."""
    raised_at: Instant
    """Append time of the review that raised it first."""
    changed_at: Instant
    """Append time of the record that made it as it stands."""
    times_raised: Annotated[int, Field(ge=1)]
    evidence: Annotated[float, Field(ge=0)]
    """When it was raised last; an alarm is raised at `threshold`."""
    threshold: Annotated[float, Field(ge=1)]
    reviews: Annotated[int, Field(ge=1)]
    """Reviews since `since`, when it was raised last."""
    reference_0_100: Score0To100
    """What those reviews were held to on average: the references, less the tolerance."""
    mean_0_100: Score0To100
    """What they came to on average."""
    one_false_alarm_in_periods: Annotated[float, Field(gt=0)]
    period: Literal["week", "month", "quarter", "year"]
    detectors: Versioned
    as_of_offset: Offset
    """Offset on `series-points` of the record that made it as it stands."""

    @model_validator(mode="after")
    def _closed_says_why(self) -> Alert:
        if (self.state == "closed") != (self.closed_because is not None):
            raise ValueError("closed_because goes with state 'closed', and only with it")
        return self


class AlertAction(Record):
    """What a person did about an alert. Key on the topic: series id."""

    action_id: Identifier
    alert_id: AlertId
    series_id: SeriesId
    action: Literal["acknowledge", "resolve"]
    by: Identifier
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    at: Instant

    @model_validator(mode="after")
    def _resolved_says_why(self) -> AlertAction:
        if self.action == "resolve" and not self.reason:
            raise ValueError("action 'resolve' needs a reason")
        return self
