"""Counts of the population. Absolute values with the offset as version, never increments: what arrives twice or late
replaces, nothing is ever added up.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.base import Channel, Identifier, Offset, Record, Versioned
from schemas.frame import StratumName

Count = Annotated[int, Field(ge=0, lt=2**63)]


class PopulationCount(Record):
    """Eligible transactions of one local day, frame version and stratum that came through one source partition.

    Counts `after_final` stand apart: their transactions came when their day was closed, and `day` is then the day on
    which they were appended.
    """

    topic: Identifier
    partition: int
    day: date
    after_final: bool
    channel: Channel
    frame: Versioned
    stratum: StratumName
    eligible: Count
    selected: Count
    as_of_offset: Offset


class ReadCount(Record):
    """Everything that was read from one source partition, by what became of it.

    read = repeats + sum(rejected) + sum(excluded) + eligible; eligible = selected + not_selected + pending.
    """

    topic: Identifier
    partition: int
    read: Count
    repeats: Count
    rejected: dict[Identifier, Count]
    excluded: dict[Identifier, Count]
    eligible: Count
    selected: Count
    not_selected: Count
    pending: Count
    unknown_fields: dict[str, Count]
    """Records by unknown field name; at most 100 names, the rest together under '(other)'."""
    as_of_offset: Offset
