"""What the draw stage says of itself: one DrawCell for each unit and sub-window that is closed, and running totals.

Absolute values with the offset as version, as all counts.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Channel, Instant, Offset, Probability, Record, Versioned
from schemas.candidate import Unit
from schemas.counts import Count
from schemas.frame import StratumName
from schemas.selection import DrawId, Purpose


class DrawCell(Record):
    """One closed draw cell: of a quota or a capped draw, one unit and one sub-window [starts, ends).

    selected <= taken <= eligible. `taken` is what the first draw took of a capped stratum; for quotas all.
    """

    draw_id: DrawId
    purpose: Purpose
    frame: Versioned
    stratum: StratumName
    unit: Unit
    starts: Instant
    ends: Instant
    closed_at: Instant
    """ends + lateness: the drawn_at of its selections."""
    eligible: Count
    taken: Count
    selected: Count
    inclusion_probability: Probability | None
    """None where nothing was selected."""
    as_of_offset: Offset
    """Offset on `candidates` of the record that closed it."""


class DrawCount(Record):
    """Candidates of one stratum and channel that came through one partition of `candidates`, by what became of them.

    candidates = late + eligible + those in windows that are open; eligible = selected + not selected.
    """

    partition: Annotated[int, Field(ge=0, lt=2**31)]
    channel: Channel
    frame: Versioned
    stratum: StratumName
    candidates: Count
    late: Count
    """Came after their window was closed: not drawn, and outside `eligible`."""
    eligible: Count
    """In closed windows."""
    selected: Count
    as_of_offset: Offset
