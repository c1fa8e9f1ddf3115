"""Candidates and markers as they are written: schemas.candidate.Candidate and schemas.marker.Marker, straight from
structs with the same fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from schemas import catalogue
from schemas.candidate import unit_key
from schemas.headers import ORIGIN, StageOrigin, cloud_event
from streams.sampling.counts import BEFORE_ALL
from streams.sampling.state import SampleState
from streams.selection_lines import FrameRef, OriginPart, TransactionPart
from streams.stage import Output

MARK_EVERY: Final = timedelta(seconds=10)
"""A marker goes out when the high water of event time has risen by so much."""
FIRST_MARKER_NTH: Final = 1000
"""Index in an origin of a marker: behind all candidates of its record."""


class CandidateLine(msgspec.Struct, tag_field="record", tag="candidate", gc=False):
    """schemas.candidate.Candidate as it is written."""

    draw_id: str
    purpose: str
    unit: str
    frame: FrameRef
    stratum: str
    draw_number: int
    taken: bool
    transaction: TransactionPart
    origin: OriginPart


class MarkerLine(msgspec.Struct, tag_field="record", tag="marker", gc=False):
    """schemas.marker.Marker as it is written."""

    topic: str
    partition: int
    partitions: int
    next_offset: int
    high_water: datetime | None
    idle: bool


def candidate_output(line: CandidateLine, origin: StageOrigin) -> Output:
    """One candidate, to the partition of its unit."""
    headers = cloud_event("candidate.v1", f"{line.draw_id}|{line.transaction.id}", origin)
    return Output(catalogue.CANDIDATES, unit_key(line.draw_id, line.unit).encode(), _encode(line), headers)


def marker_outputs(state: SampleState, last_offset: int, partitions: int) -> Iterator[Output]:
    """Markers to every partition when the high water has risen enough; to be sent behind all candidates so far."""
    if state.high_water == BEFORE_ALL or state.high_water - state.marked < MARK_EVERY:
        return
    state.marked = state.high_water
    source = state.source
    origin = StageOrigin("sample", source.topic, source.partition, last_offset, FIRST_MARKER_NTH)
    headers = cloud_event("candidate.v1", f"{source.topic}/{source.partition}@{last_offset}", origin)
    value = _encode(_marker(state, last_offset + 1, partitions, idle=False))
    for number in range(partitions):
        yield Output(catalogue.CANDIDATES, None, value, headers, number)


def idle_outputs(state: SampleState, next_offset: int, partitions: int) -> Iterator[Output]:
    """Markers that say that the source has no more. Without an origin: they are repeated, and doubling does no harm."""
    source = state.source
    origin = StageOrigin("sample", source.topic, source.partition, next_offset, 0)
    whole = cloud_event("candidate.v1", f"{source.topic}/{source.partition}@{next_offset}/idle", origin)
    headers = [(name, value) for name, value in whole if name != ORIGIN]
    value = _encode(_marker(state, next_offset, partitions, idle=True))
    for number in range(partitions):
        yield Output(catalogue.CANDIDATES, None, value, headers, number)


def _marker(state: SampleState, next_offset: int, partitions: int, *, idle: bool) -> MarkerLine:
    high_water = None if state.high_water == BEFORE_ALL else state.high_water
    source = state.source
    return MarkerLine(source.topic, source.partition, partitions, next_offset, high_water, idle)


_encode: Final = msgspec.json.Encoder().encode
