"""What travels on `candidates`: transactions that a later draw decides about, and markers of how far time has come.

The stage that draws sees of a window only what lies in its own partition, so the two travel together: candidates keyed
by draw and unit, so that all of a unit meet in one partition, and markers to every partition.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel, StringConstraints

from schemas.base import DrawNumber, Origin, Record, Versioned
from schemas.frame import StratumName
from schemas.marker import Marker
from schemas.selection import DrawId, Purpose, TransactionFields

UNIT_ALL = "all"
Unit = Annotated[str, StringConstraints(min_length=1, max_length=140)]
"""`colleague/<id>`, `team/<id>`, or `all`: of the whole stratum, overlay or request."""


class Candidate(Record):
    """One eligible transaction of one unit of one draw. Key on the topic: `draw_id|unit`.

    A stratum with a quota or a cap, a targeted overlay with a cap and a check request each make candidates of their
    own, so a transaction may stand here several times.
    """

    record: Literal["candidate"] = "candidate"
    draw_id: DrawId
    purpose: Purpose
    unit: Unit
    frame: Versioned
    stratum: StratumName
    """Of the transaction; for overlays and requests it is not what is drawn from."""
    draw_number: DrawNumber
    taken: bool = True
    """Whether the first draw took it: false for a transaction of a capped stratum that counts, and no more."""
    transaction: TransactionFields
    origin: Origin


class CandidateRecord(RootModel[Annotated[Candidate | Marker, Field(discriminator="record")]]):
    """A record of the topic: a candidate, or a marker."""


def unit_key(draw_id: str, unit: str) -> str:
    """Key on the topic."""
    return f"{draw_id}|{unit}"
