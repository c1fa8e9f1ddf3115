"""Monitoring notices: what customers and colleagues are told, where, and from when to when (D13-3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import CHANNELS, BilingualText, Channel, Identifier, Instant, Record, RegisterEntry


class Notice(Record):
    """One notice. `audience`: who is told; `valid_to` None: until further notice. Valid in [valid_from, valid_to)."""

    id: Identifier
    audience: Literal["customer", "colleague"]
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = CHANNELS
    valid_from: Instant
    valid_to: Instant | None = None
    text: BilingualText

    def valid_at(self, instant: datetime, channel: Channel) -> bool:
        ended = self.valid_to is not None and instant >= self.valid_to
        return channel in self.channels and self.valid_from <= instant and not ended


class NoticeRegister(RegisterEntry):
    """All notices that hold from one instant on: one immutable entry of the register topic `notices`."""

    notices: Annotated[tuple[Notice, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _ids_differ(self) -> NoticeRegister:
        ids = [notice.id for notice in self.notices]
        if len(set(ids)) != len(ids):
            raise ValueError("two notices have the same id")
        return self
