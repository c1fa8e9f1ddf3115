"""What all records share: frozen models, bounded types, references and ids.

An identifier is opaque and never holds '|', so that ids made of identifiers (selection, task, score) read back.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

IDENTIFIER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@/#+-]*$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Z]{2})?$"
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100

Channel = Literal["phone", "chat", "face_to_face"]
CHANNELS: tuple[Channel, ...] = ("phone", "chat", "face_to_face")


def written_out(instant: object) -> object:
    """Refuse a time that is written as a number: nobody could say whose seconds since when those are."""
    if isinstance(instant, int | float) or (isinstance(instant, str) and NUMBER.fullmatch(instant.strip())):
        raise ValueError("a time is written with its date and offset, like 2026-11-22T10:00:00Z")
    return instant


def within_calendar(instant: datetime) -> datetime:
    """`instant` in UTC; ClickHouse's DateTime64 and people's typing errors both want a bounded year."""
    if not EARLIEST_YEAR <= instant.year < LATEST_YEAR:
        raise ValueError(f"year {instant.year} is outside {EARLIEST_YEAR} to {LATEST_YEAR - 1}")
    return instant.astimezone(UTC)


def known_zone(name: str) -> str:
    """`name`, when it is a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"no such time zone: {name!r}") from None
    return name


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=IDENTIFIER_PATTERN)]
Language = Annotated[str, StringConstraints(max_length=6, pattern=LANGUAGE_PATTERN)]
Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(written_out), AfterValidator(within_calendar)]
"""Not strict: behind a validator of our own, pydantic takes JSON's text for a text of Python's and would refuse it."""
TimeZoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(known_zone)]
Probability = Annotated[float, Field(gt=0, le=1)]
Score0To100 = Annotated[float, Field(ge=0, le=100)]
Offset = Annotated[int, Field(ge=0, lt=2**63)]
DrawNumber = Annotated[int, Field(ge=0, lt=2**64)]


class Record(BaseModel):
    """A record that Tafol itself writes: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", allow_inf_nan=False)


class BilingualText(Record):
    """A text that people read, in English and Welsh."""

    en: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    cy: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class Origin(Record):
    """Where in the log a transaction stands; `topic[partition]@offset` on screen."""

    topic: Identifier
    partition: Annotated[int, Field(ge=0, lt=2**31)]
    offset: Offset

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Versioned(Record):
    """A reference to one register entry."""

    id: Identifier
    version: Annotated[int, Field(ge=1, lt=2**31)]

    @property
    def key(self) -> str:
        """Key on the register topic."""
        return f"{self.id}:{self.version}"

    def __str__(self) -> str:
        return self.key


class RegisterEntry(Record):
    """An immutable record on a register topic; it holds for events from `holds_from` on (contracts, Registers)."""

    id: Identifier
    version: Annotated[int, Field(ge=1, lt=2**31)]
    holds_from: Instant

    @property
    def ref(self) -> Versioned:
        return Versioned(id=self.id, version=self.version)
