"""DecidedTransaction: one line of `transactions.decided`, and one row of the ClickHouse table `transactions`.

The validated fields without any chat text, the customer as a pseudonym, and what the frame decided. A record of the
topic holds many lines of JSON: the names of the fields, then an array of their values for each transaction, which the
sink inserts as they are (docs/adr/0009). The field names are the column names.
"""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from schemas.base import Channel, DrawNumber, Identifier, Instant, Language, Offset, Probability, Record, Score0To100
from schemas.errors import InvalidRecord
from schemas.frame import ReasonCode
from schemas.selection import Pseudonym, Purpose
from schemas.transaction import explain

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


DECIDED_FIELDS: Final = tuple(DecidedTransaction.model_fields)


def read_decided(value: bytes) -> list[DecidedTransaction]:
    """All transactions of one record of `transactions.decided`. Raises InvalidRecord."""
    try:
        names, *rows = map(json.loads, value.splitlines())
        if any(len(row) != len(names) for row in rows):
            raise InvalidRecord("invalid", "a line does not have a value for each name")
        return [DecidedTransaction.model_validate(dict(zip(names, row, strict=True))) for row in rows]
    except ValidationError as error:
        raise InvalidRecord("invalid", explain(error)) from None
    except (ValueError, TypeError):
        raise InvalidRecord("undecodable", "lines of JSON arrays are wanted, the first with the names") from None
