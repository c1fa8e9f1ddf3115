"""Records of `candidates` as they are read; how they are written is told in `streams.sampling.candidates`.

What a stage sent again after a crash may be cut into other records than before. So a record whose own origin, that of
its last line, is above all that was read may begin with lines that were read: `unread` takes those away.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from schemas.base import Channel
from schemas.candidate import CANDIDATE_FIELDS
from schemas.errors import InvalidRecord
from schemas.selection import Purpose
from streams.sampling.candidates import CandidateLine, Head, MarkerLine, place_at
from streams.selection_lines import FrameRef, OriginPart, TransactionPart
from streams.stage import LogRecord, PlainRecord


class Batch(NamedTuple):
    """The candidates of one record: the source partition that their offsets are of, and its channel."""

    topic: str
    partition: int
    channel: Channel
    lines: list[CandidateLine]


class _Single(msgspec.Struct, tag_field="record", tag="candidate", gc=False):
    """One candidate in a record of its own (`candidate.v1`): what an installation wrote before docs/adr/0011."""

    draw_id: str
    purpose: Purpose
    unit: str
    frame: FrameRef
    stratum: str
    draw_number: int
    taken: bool
    transaction: TransactionPart
    origin: OriginPart


def read(value: bytes) -> Batch | MarkerLine:
    """One record of the topic. Raises InvalidRecord."""
    end = value.find(b"\n")
    try:
        first = _read_first(value if end < 0 else value[:end])
        if isinstance(first, MarkerLine):
            return first
        if isinstance(first, _Single):
            return _batch_of(first)
        if first.fields == CANDIDATE_FIELDS:
            lines = [] if end < 0 else _read_lines(value[end + 1 :])
            return Batch(first.topic, first.partition, first.channel, lines)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord("undecodable", str(error)) from None
    raise InvalidRecord("invalid", f"the fields {', '.join(first.fields)} are those of another version of Tafol")


def unread(record: LogRecord, seen: tuple[int, int]) -> LogRecord:
    """`record` without the candidates at or below `seen`, the highest (offset, nth) that was read of their source.

    The last of them is above. What is not a record of candidates comes back as it is, for `read` to judge.
    """
    value = record.value or b""
    begins = start = value.find(b"\n") + 1
    try:
        while start and start < len(value) and place_at(value, start) <= seen:
            start = value.index(b"\n", start) + 1
    except ValueError:
        return record
    if start == begins:
        return record
    return PlainRecord(record.offset, record.timestamp, record.key, value[:begins] + value[start:], record.headers)


def _batch_of(single: _Single) -> Batch:
    of, origin = single.transaction, single.origin
    line = CandidateLine(
        origin.offset, 0, single.draw_id, single.purpose, single.frame.id, single.frame.version, single.stratum,
        single.unit, single.draw_number, single.taken, of.id, of.colleague_id, of.team_id, of.site, of.topic,
        of.language, of.started_at, of.ended_at, of.customer_pseudonym, of.outcome,
    )  # fmt: skip
    return Batch(origin.topic, origin.partition, of.channel, [line])


_read_first: Final = msgspec.json.Decoder(Head | MarkerLine | _Single).decode
_read_lines: Final = msgspec.json.Decoder(CandidateLine).decode_lines
