"""DecidedTransaction: one line of `transactions.decided`, and one row of the ClickHouse table `transactions`.

The validated fields without any chat text, the customer as a pseudonym, and what the frame decided. A record of the
topic holds many lines of JSON, which the sink inserts as they are: the field names are the column names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Channel, DrawNumber, Identifier, Instant, Language, Offset, Probability, Record, Score0To100
from schemas.frame import ReasonCode
from schemas.selection import Pseudonym, Purpose

Decision = Literal["selected", "not_selected", "excluded", "pending"]
"""`pending`: a draw with windows decides; what it took stands among the selections."""
ExcludeReason = Literal[
    "customer_not_told", "customer_told_late", "customer_told_otherwise", "customer_notice_not_valid",
    "colleague_not_told", "colleague_notice_not_valid", "too_short", "no_stratum", "frame_retired",
]  # fmt: skip
"""Reasons that Tafol gives by itself; an exclusion of a frame has a reason of its own."""


class DecidedTransaction(Record):
    """What became of one valid transaction. `reason` is empty unless it was excluded."""

    id: Identifier
    channel: Channel
    colleague_id: Identifier
    team_id: Identifier
    site: Identifier
    topic: Identifier
    language: Language
    started_at: Instant
    ended_at: Instant
    customer_pseudonym: Pseudonym
    pseudonym_key: Identifier
    """Id of the key that the pseudonym was made with."""
    outcome: Identifier
    flags: tuple[Identifier, ...]
    csat_0_100: Score0To100 | None
    auto_score_0_100: Score0To100 | None
    chat_lines: Annotated[int, Field(ge=0)]
    has_recording: bool
    has_transcript: bool
    place: str
    attributes: dict[str, str]
    source_topic: Identifier
    source_partition: int
    source_offset: Offset
    appended_at: Instant
    frame_id: Identifier
    frame_version: int
    stratum: str
    """Empty when the transaction was excluded."""
    decision: Decision
    reason: ReasonCode | Literal[""]
    draw_method: Purpose | Literal["none", ""]
    draw_number: DrawNumber | None
    inclusion_probability: Probability | None
