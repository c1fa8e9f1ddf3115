"""Marker: a watermark of one source partition, as it travels in the log (contracts, "Markers")."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Identifier, Instant, Offset, Record


class Marker(Record):
    """All candidates of the source's records below `next_offset` stand before this marker in its partition.

    `idle`: the source had nothing more to read when this was written; it is left out of the minimum until it speaks
    again. A marker that is idle is repeated while it is so, for its append time closes windows when all are idle.
    """

    record: Literal["marker"] = "marker"
    topic: Identifier
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    partitions: Annotated[int, Field(ge=1, lt=2**31)]
    """How many partitions the source topic has."""
    next_offset: Offset
    high_water: Instant | None
    """Latest event time that was read there; None while nothing valid was."""
    idle: bool = False
