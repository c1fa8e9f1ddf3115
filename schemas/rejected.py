"""Rejected records: kept as raw bytes on `transactions.rejected`, with origin and reason in the headers, and counted.

The value is exactly what came; what Tafol adds stands in the headers, so that a replay sends the same bytes again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Instant, Origin, Record

RejectReason = Literal[
    "undecodable",
    "too_large",
    "invalid",
    "wrong_channel",
    "from_the_future",
    "too_old",
    "conflicting_repeat",
    "wrong_key",
]


class Rejected(Record):
    """One record that could not be used, without its payload."""

    origin: Origin
    reason: RejectReason
    message: Annotated[str, StringConstraints(max_length=500)]
    bytes: Annotated[int, Field(ge=0)]
    appended_at: Instant
