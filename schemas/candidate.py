"""What travels on `candidates`: transactions that a later draw decides about, and markers of how far time has come.

The stage that draws sees of a window only what lies in its own partition, so the two travel together: all candidates of
a unit of a draw in one partition, and markers to every partition. A record is a marker, one JSON object, or many
candidates of one source partition as lines of JSON: what they share and the names of the fields, then an array of
values for each candidate (docs/adr/0011).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, RootModel, StringConstraints, ValidationError

from schemas.base import Channel, DrawNumber, Identifier, Instant, Language, Offset, Record
from schemas.errors import InvalidRecord
from schemas.frame import StratumName
from schemas.marker import Marker
from schemas.selection import DrawId, Pseudonym, Purpose
from schemas.transaction import explain

UNIT_ALL = "all"
Unit = Annotated[str, StringConstraints(min_length=1, max_length=140)]
"""`colleague/<id>`, `team/<id>`, or `all`: of the whole stratum, overlay or request."""


class Candidate(Record):
    """One eligible transaction of one unit of one draw; one line of a record.

    A stratum with a quota or a cap, a targeted overlay with a cap and a check request each make candidates of their
    own, so a transaction may stand here several times. (offset, nth) goes up from line to line and from record to
    record of one source partition, but for records that were sent again after a crash, which may be cut otherwise: a
    reader skips the lines at or below the highest that it has read.
    """

    offset: Offset
    """Of the transaction in the log of its source."""
    nth: Annotated[int, Field(ge=0, lt=2**31)]
    """Which of the draws that this transaction takes part in."""
    draw_id: DrawId
    purpose: Purpose
    frame_id: Identifier
    frame_version: Annotated[int, Field(ge=1, lt=2**31)]
    stratum: StratumName
    """Of the transaction; for overlays and requests it is not what is drawn from."""
    unit: Unit
    draw_number: DrawNumber
    taken: bool
    """Whether the first draw took it: false for a transaction of a capped stratum that counts, and no more."""
    id: Identifier
    colleague_id: Identifier
    team_id: Identifier
    site: Identifier
    topic: Identifier
    language: Language
    started_at: Instant
    ended_at: Instant
    customer_pseudonym: Pseudonym
    outcome: Identifier


CANDIDATE_FIELDS: Final = tuple(Candidate.model_fields)


class Candidates(Record):
    """The candidates of one source partition in one record of `candidates`.

    As it is written, the first line is this object with `fields`, the names, in the place of `lines`; each other line
    is an array of the values of one candidate.
    """

    record: Literal["candidates"] = "candidates"
    topic: Identifier
    """Source topic of the transactions; with `partition` and each line's `offset` it says where they stand."""
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    channel: Channel
    lines: tuple[Candidate, ...]


class CandidateRecord(RootModel[Annotated[Candidates | Marker, Field(discriminator="record")]]):
    """A record of the topic: candidates, or a marker."""


def unit_key(draw_id: str, unit: str) -> str:
    """What Kafka's own hash gives the partition of: all candidates of a unit of a draw stand in one."""
    return f"{draw_id}|{unit}"


def read_candidates(value: bytes) -> Candidates | Marker:
    """One record of the topic. Raises InvalidRecord."""
    try:
        first, *rows = map(json.loads, value.splitlines())
        whole: dict[str, Any] = dict(first)
        if "fields" in whole:
            names = whole.pop("fields")
            whole["lines"] = [dict(zip(names, row, strict=True)) for row in rows]
        return CandidateRecord.model_validate(whole).root
    except ValidationError as error:
        raise InvalidRecord("invalid", explain(error)) from None
    except (ValueError, TypeError):
        raise InvalidRecord(
            "undecodable", "a marker, or lines of JSON with the names in the first, are wanted"
        ) from None
