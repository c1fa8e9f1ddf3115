"""Lines of `transactions.decided`: what became of each valid transaction, many lines of JSON in one record.

The first line of a record names the fields, each other one is an array of their values: less than half the bytes of
objects, which is what writing, keeping and inserting them costs (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np

from schemas.decided import DECIDED_FIELDS, Decision
from schemas.selection import Purpose

MAX_LINES_BYTES: Final = 900_000
"""Of the lines in one record. A line stays below a tenth of it: its attributes are 32 texts of 256 characters."""


NEWLINE: Final = ord("\n")


class DecidedLine(msgspec.Struct, array_like=True, gc=False):
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
    """The value of one record, and the source offsets of its first and its last transaction."""

    value: bytes
    first_offset: int
    last_offset: int


def texts(attributes: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    """Attribute values as texts: numbers and truth values as JSON writes them."""
    return {name: value if isinstance(value, str) else _as_json(value) for name, value in attributes.items()}


def encode(lines: Sequence[DecidedLine]) -> Iterator[Lines]:
    """The records that hold `lines`, in order."""
    yield from in_records(_encode_lines(lines), [line.source_offset for line in lines])


def in_records(encoded: bytes, offsets: Sequence[int]) -> Iterator[Lines]:
    """The records that hold the lines of `encoded`, in order. `offsets`: the source offset of each."""
    start = first = 0
    view = memoryview(encoded)
    while start < len(encoded):
        stop, after = len(encoded), len(offsets)
        if stop - start > MAX_LINES_BYTES:
            stop = encoded.rindex(b"\n", start, start + MAX_LINES_BYTES) + 1
            after = first + int(np.count_nonzero(np.frombuffer(encoded, np.uint8, stop - start, start) == NEWLINE))
        yield Lines(b"".join((NAMES, view[start:stop])), offsets[first], offsets[after - 1])
        start, first = stop, after


_encode_lines: Final = msgspec.json.Encoder().encode_lines
NAMES: Final = _encode_lines([DECIDED_FIELDS])
"""The first line of every record."""


def _as_json(value: float) -> str:
    return msgspec.json.encode(value).decode()
