"""Lines of `transactions.decided`: what became of each valid transaction, many lines of JSON in one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from schemas.decided import Decision
from schemas.selection import Purpose

MAX_LINES_BYTES: Final = 900_000
"""Bytes of lines in one record. A line stays below a tenth of it: its attributes are 32 texts of 256 characters."""


class DecidedLine(msgspec.Struct, gc=False):
    """schemas.decided.DecidedTransaction as it is written: the same fields in the same order."""

    id: str
    channel: str
    colleague_id: str
    team_id: str
    site: str
    topic: str
    language: str
    started_at: datetime
    ended_at: datetime
    customer_pseudonym: str
    pseudonym_key: str
    outcome: str
    flags: tuple[str, ...]
    csat_0_100: float | None
    auto_score_0_100: float | None
    chat_lines: int
    has_recording: bool
    has_transcript: bool
    place: str
    attributes: dict[str, str]
    source_topic: str
    source_partition: int
    source_offset: int
    appended_at: datetime
    frame_id: str
    frame_version: int
    stratum: str
    decision: Decision
    reason: str
    draw_method: Purpose | str
    draw_number: int | None
    inclusion_probability: float | None


class Lines(NamedTuple):
    """The value of one record: whole lines, and the source offsets of the first and the last."""

    value: bytes
    first_offset: int
    last_offset: int


def texts(attributes: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Attribute values as texts: numbers and truth values as JSON writes them."""
    return {name: value if isinstance(value, str) else _as_json(value) for name, value in attributes.items()}


def encode(lines: Sequence[DecidedLine]) -> Iterator[Lines]:
    """The records that hold `lines`, in order."""
    encoded = _encode_lines(lines)
    start = first = 0
    while start < len(encoded):
        stop = len(encoded)
        if stop - start > MAX_LINES_BYTES:
            stop = encoded.rindex(b"\n", start, start + MAX_LINES_BYTES) + 1
        value = encoded[start:stop]
        after = first + value.count(b"\n")
        yield Lines(value, lines[first].source_offset, lines[after - 1].source_offset)
        start, first = stop, after


_encode_lines: Final = msgspec.json.Encoder().encode_lines


def _as_json(value: float) -> str:
    return msgspec.json.encode(value).decode()
