"""CheckRequest: a spot or planned check that somebody asks for (register topic `check-requests`).

Purposive: it takes nothing out of a stratum, has no inclusion probability and enters no estimate. It respects notices:
only what is eligible under the sampling frame can be taken.

With an `observation` no transaction is taken at all: somebody goes there and watches. The review desk makes an
observation of it; there is no recording, and the drawing stages pass it over.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Channel, Identifier, Instant, Language, Record, RegisterEntry
from schemas.conditions import Condition

LEAD_MINUTES = 6
"""A request holds from this long after it is published: more than any future limit (contracts, "Requests")."""


class Observation(Record):
    """Service that is watched on the spot, as a rule face to face: whose, where, and by which scorecard it is scored.

    It is to take place in the span that its request holds.
    """

    channel: Channel = "face_to_face"
    colleague_id: Identifier
    team_id: Identifier
    site: Identifier
    place: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Where to go, in words."""
    scorecard: Identifier
    topic: Identifier = "any"
    language: Language = "en"
    observer_id: Identifier | None = None
    """Who goes, an account of the review desk; None: any observer."""


class CheckRequest(RegisterEntry):
    """Asks for `n` transactions that end in [holds_from, holds_until) and that `when` holds for.

    `pick` "next": the first that reach the draw; "random": the smallest draw numbers, given out when the period is
    over. Ids are never used twice: `version` is always 1.
    """

    version: Literal[1] = 1
    purpose: Literal["spot", "planned"]
    when: Condition
    n: Annotated[int, Field(ge=1, le=100)] = 1
    pick: Literal["next", "random"] = "next"
    holds_until: Instant
    asked_by: Identifier
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    plan: Identifier | None = None
    """The plan that a planned check is an occurrence of."""
    observation: Observation | None = None
    """Somebody watches on the spot; no transaction is drawn."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> CheckRequest:
        if self.holds_until <= self.holds_from:
            raise ValueError("holds_until is not after holds_from")
        if self.when.always:
            raise ValueError("when: a check names whose work or which transactions it is about")
        if self.observation is not None and (self.purpose, self.n) != ("planned", 1):
            raise ValueError("observation: is a planned check, and one only")
        return self

    @property
    def draw_id(self) -> str:
        """Names the draw of this request."""
        return f"check:{self.id}"
