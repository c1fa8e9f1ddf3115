"""Selection and ReviewTask: a transaction drawn for review, why, and the work it becomes.

Both carry fields and the origin, never a transcript: who needs the content fetches it from the log by the origin.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from schemas.base import Channel, DrawNumber, Identifier, Instant, Language, Origin, Probability, Record, Versioned
from schemas.frame import StratumName

Purpose = Literal["random", "systematic", "quota", "targeted", "spot", "planned"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
"""In the order in which a task or a score names them."""
PROBABILITY_PURPOSES: frozenset[Purpose] = frozenset({"random", "systematic", "quota"})
DrawId = Annotated[str, StringConstraints(min_length=1, max_length=480)]
"""`frame:version:stratum`, `frame:version:targeted/overlay`, or `check:request`."""
Pseudonym = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


def selection_id(draw_id: str, transaction_id: str) -> str:
    return f"{draw_id}|{transaction_id}"


def task_id(transaction_id: str, scorecard_id: str, copy_number: int) -> str:
    return f"{transaction_id}|{scorecard_id}|{copy_number}"


class TransactionFields(Record):
    """What is known of a transaction beyond the source topics: no content, the customer as a pseudonym."""

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
    outcome: Identifier


class Selection(Record):
    """One draw took one transaction. Key on the topic: transaction id."""

    selection_id: Annotated[str, StringConstraints(max_length=640)]
    draw_id: DrawId
    purpose: Purpose
    frame: Versioned
    stratum: StratumName
    inclusion_probability: Probability | None
    """The design's; None for purposive draws, which speak for nothing but themselves."""
    draw_number: DrawNumber | None
    """None where the draw does not rest on one (systematic)."""
    drawn_at: Instant
    """Append time of the transaction's record; for quotas the window's end plus lateness."""
    transaction: TransactionFields
    origin: Origin


class ReviewTask(Record):
    """One review to be done. Key on the topic: transaction id."""

    task_id: Annotated[str, StringConstraints(max_length=300)]
    copy_number: Annotated[int, Field(ge=1, le=10)]
    copies: Annotated[int, Field(ge=1, le=10)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=6)]
    frame: Versioned
    stratum: StratumName
    inclusion_probability: Probability | None
    scorecard: Versioned
    queue: Identifier
    priority: Annotated[int, Field(ge=0, le=9)]
    drawn_at: Instant
    due_at: Instant
    transaction: TransactionFields
    origin: Origin
    skills: Annotated[tuple[Identifier, ...], Field(max_length=20)] = ()
    """What its reviewer must have, all of them."""
