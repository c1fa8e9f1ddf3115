"""`schemas.selection.Selection` and `ReviewTask` as the stages write and read them: structs with the same fields.

A pydantic model costs ten times as much, and only the stages write these topics: what they read of each other is
checked for its form here, and by the model where that fails.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from pydantic import ValidationError

from schemas.base import Channel
from schemas.errors import InvalidRecord
from schemas.selection import Purpose, Selection
from schemas.transaction import explain


class FrameRef(msgspec.Struct, forbid_unknown_fields=True):
    """schemas.base.Versioned, of a frame or a scorecard."""

    id: str
    version: int


class OriginPart(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """schemas.base.Origin."""

    topic: str
    partition: int
    offset: int


class TransactionPart(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """schemas.selection.TransactionFields."""

    id: str
    channel: Channel
    colleague_id: str
    team_id: str
    site: str
    topic: str
    language: str
    started_at: datetime
    ended_at: datetime
    customer_pseudonym: str
    outcome: str


class SelectionLine(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """schemas.selection.Selection."""

    selection_id: str
    draw_id: str
    purpose: Purpose
    frame: FrameRef
    stratum: str
    inclusion_probability: float | None
    draw_number: int | None
    drawn_at: datetime
    transaction: TransactionPart
    origin: OriginPart


class TaskLine(msgspec.Struct, gc=False):
    """schemas.selection.ReviewTask."""

    task_id: str
    copy_number: int
    copies: int
    purposes: tuple[Purpose, ...]
    frame: FrameRef
    stratum: str
    inclusion_probability: float | None
    scorecard: FrameRef
    queue: str
    priority: int
    drawn_at: datetime
    due_at: datetime
    transaction: TransactionPart
    origin: OriginPart
    skills: tuple[str, ...]


def read_selection(raw: bytes) -> SelectionLine:
    """One record of `selections`. Raises InvalidRecord with a sentence that names the field and quotes nothing."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            Selection.model_validate_json(raw)
        except ValidationError as error:
            raise InvalidRecord("invalid", explain(error)) from None
        raise InvalidRecord("invalid", "it is spelt as no stage of Tafol spells it") from None


encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(SelectionLine).decode
