"""Candidates and markers as they are written: `schemas.candidate` and `schemas.marker`, straight from structs with the
same fields.

Candidates travel many in a record, as decided lines do (docs/adr/0011). What is known of the bytes stands here alone.
A record of candidates is lines of JSON, each ended by one \\n, nothing between values but the comma:

    {"record":"candidates","topic":"transactions.phone","partition":0,"channel":"phone","fields":["offset",...]}
    [4711,0,"centre:1:cy","quota","centre",1,"cy","colleague/c-1",123,true,"t-1","c-1",...,"ab12...","resolved"]

The first is `Head`, each other one `CandidateLine`: an array of all its fields in their order. Instants are UTC texts
like "2026-03-02T08:00:00Z", with six digits of a second where it is not whole. Lines go up by (offset, nth), which the
first two values of a line are; the origin of a record is that of its last line. Its key is none, its partition the one
that Kafka's hash of `unit_key` gives: 900 kB of lines or less of one chunk and partition make a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from schemas import catalogue
from schemas.base import Channel
from schemas.candidate import CANDIDATE_FIELDS, unit_key
from schemas.headers import StageOrigin, cloud_event, without_origin
from schemas.selection import Purpose
from streams.partitioning import partition_of
from streams.sampling.counts import BEFORE_ALL
from streams.sampling.decided import MAX_LINES_BYTES
from streams.sampling.state import SampleState
from streams.stage import Output, Partition

MARK_EVERY: Final = timedelta(seconds=10)
"""A marker goes out when the high water of event time has risen by so much."""
FIRST_MARKER_NTH: Final = 1000
"""Index in an origin of a marker: behind all candidates of its record."""
REMEMBERED_LIMIT: Final = 100_000
"""Units whose partition is remembered; then the memory starts again."""
JSON_LINES: Final = b"application/x-ndjson"
KIND: Final = catalogue.MESSAGES[catalogue.CANDIDATES].kind


class CandidateLine(msgspec.Struct, array_like=True, gc=False):
    """schemas.candidate.Candidate as it is written: the same fields in the same order."""

    offset: int
    nth: int
    draw_id: str
    purpose: Purpose
    frame_id: str
    frame_version: int
    stratum: str
    unit: str
    draw_number: int
    taken: bool
    id: str
    colleague_id: str
    team_id: str
    site: str
    topic: str
    language: str
    started_at: datetime
    ended_at: datetime
    customer_pseudonym: str
    outcome: str


class Head(msgspec.Struct, tag_field="record", tag="candidates", gc=False):
    """The first line of a record of candidates: what they share, and what the values of a line are."""

    topic: str
    partition: int
    channel: Channel
    fields: tuple[str, ...] = CANDIDATE_FIELDS


class MarkerLine(msgspec.Struct, tag_field="record", tag="marker", gc=False):
    """schemas.marker.Marker as it is written."""

    topic: str
    partition: int
    partitions: int
    next_offset: int
    high_water: datetime | None
    idle: bool


class Place(NamedTuple):
    """Where a candidate stands among those of its source partition."""

    offset: int
    nth: int


class Homes:
    """The partition of each unit among `partitions`: that of the default partitioner of Kafka for `unit_key`."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._of: dict[tuple[str, str], int] = {}

    def of(self, draw_id: str, unit: str) -> int:
        """The partition that all candidates of this unit of this draw go to."""
        home = self._of.get((draw_id, unit))
        if home is None:
            if len(self._of) >= REMEMBERED_LIMIT:
                self._of.clear()
            home = self._of[draw_id, unit] = partition_of(unit_key(draw_id, unit).encode(), self._partitions)
        return home


def candidate_outputs(source: Partition, lines: Iterable[CandidateLine], homes: Homes) -> Iterator[Output]:
    """The records that hold `lines`, which are of one chunk of `source` and go up by (offset, nth)."""
    by_home: dict[int, list[CandidateLine]] = {}
    for line in lines:
        home = homes.of(line.draw_id, line.unit)
        try:
            by_home[home].append(line)
        except KeyError:
            by_home[home] = [line]
    for home, there in by_home.items():
        yield from batch_outputs(source, home, _encode_lines(there))


def batch_outputs(source: Partition, home: int, lines: bytes) -> Iterator[Output]:
    """The records for partition `home` that hold `lines`, as encoded; none if there are none."""
    head = _encode(Head(source.topic, source.partition, catalogue.CHANNEL_OF_TOPIC[source.topic])) + b"\n"
    start = 0
    while start < len(lines):
        stop = len(lines)
        if stop - start > MAX_LINES_BYTES:
            stop = lines.rindex(b"\n", start, start + MAX_LINES_BYTES) + 1
        first, last = place_at(lines, start), place_at(lines, lines.rfind(b"\n", start, stop - 1) + 1 or start)
        origin = StageOrigin("sample", source.topic, source.partition, *last)
        event_id = f"{source.topic}/{source.partition}@{first.offset}/{first.nth}-{last.offset}/{last.nth}"
        headers = cloud_event(KIND, event_id, origin, JSON_LINES)
        yield Output(catalogue.CANDIDATES, None, head + lines[start:stop], headers, home)
        start = stop


def place_at(lines: bytes, start: int) -> Place:
    """The place of the line that begins at `start`. Raises ValueError where none does."""
    comma = lines.index(b",", start)
    return Place(int(lines[start + 1 : comma]), int(lines[comma + 1 : lines.index(b",", comma + 1)]))


def marker_outputs(state: SampleState, last_offset: int, partitions: int) -> Iterator[Output]:
    """Markers to every partition when the high water has risen enough; to be sent behind all candidates so far."""
    if state.high_water == BEFORE_ALL or state.high_water - state.marked < MARK_EVERY:
        return
    state.marked = state.high_water
    source = state.source
    origin = StageOrigin("sample", source.topic, source.partition, last_offset, FIRST_MARKER_NTH)
    headers = cloud_event(KIND, f"{source.topic}/{source.partition}@{last_offset}", origin)
    value = _encode(_marker(state, last_offset + 1, partitions, idle=False))
    for number in range(partitions):
        yield Output(catalogue.CANDIDATES, None, value, headers, number)


def idle_outputs(state: SampleState, next_offset: int, partitions: int) -> Iterator[Output]:
    """Markers that say that the source has no more. Without an origin: they are repeated, and doubling does no harm."""
    source = state.source
    headers = without_origin(KIND, f"{source.topic}/{source.partition}@{next_offset}/idle", "sample")
    value = _encode(_marker(state, next_offset, partitions, idle=True))
    for number in range(partitions):
        yield Output(catalogue.CANDIDATES, None, value, headers, number)


def _marker(state: SampleState, next_offset: int, partitions: int, *, idle: bool) -> MarkerLine:
    high_water = None if state.high_water == BEFORE_ALL else state.high_water
    source = state.source
    return MarkerLine(source.topic, source.partition, partitions, next_offset, high_water, idle)


_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
