"""A chunk as columns: all its records looked at in one call, and the runs of it that need no closer look.

A record is *usual* when it is plainly valid (`native.zig`), and its event time lies in the reign and within the limits
of the frame that judges the first such record of the chunk. Everything else goes the way of single records
(`streams.sampling.intake`), which words the reasons. Wherever that cuts a chunk, the outputs are the same by id, as
they are for any chunking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from schemas.catalogue import CHANNEL_OF_TOPIC
from streams.record_columns import Int64s, RecordColumns
from streams.sampling.decode import Event, read_event
from streams.sampling.frames import FrameReign, Frames
from streams.sampling.native import Field, Mask, Native, Scanned
from streams.stage import Chunk, LogRecord, Partition

SHORTEST_RUN: Final = 150
"""Usual records in a row that are worth the handling of arrays: with so many both ways cost the same."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Since 1970."""
    return (instant - EPOCH) // MICROSECOND


def instant_of(time_us: int) -> datetime:
    """The instant in UTC."""
    return EPOCH + timedelta(microseconds=time_us)


@dataclass(frozen=True, slots=True)
class Columns:
    """n records of one partition, and what was found in their bytes."""

    source: Partition
    records: Sequence[LogRecord]
    scanned: Scanned
    offsets: Int64s
    appended_us: Int64s

    @property
    def started_us(self) -> Int64s:
        times: Int64s = self.scanned.times_us[0]
        return times

    @property
    def ended_us(self) -> Int64s:
        """Event times."""
        times: Int64s = self.scanned.times_us[1]
        return times

    @property
    def told_us(self) -> Int64s:
        """When the customer was told; says nothing unless the bit TOLD is set."""
        times: Int64s = self.scanned.times_us[2]
        return times

    def ended_within(self, starts: datetime, ends: datetime) -> Mask:
        """Whose event time lies in [starts, ends)."""
        within: Mask = (self.ended_us >= microseconds(starts)) & (self.ended_us < microseconds(ends))
        return within

    def ids(self, rows: Int64s) -> list[bytes]:
        """Transaction ids, in UTF-8."""
        data, spans = self.scanned.data, self.scanned.spans[rows, Field.ID].tolist()
        return [data[start : start + length] for start, length in spans]

    def event(self, row: int) -> Event:
        """The event of a plainly valid record."""
        value = self.records[row].value
        assert value is not None
        return read_event(value)[0]


class Run(NamedTuple):
    """Records start to stop of a chunk; `reign` None: they want a look one by one."""

    start: int
    stop: int
    reign: FrameReign | None


def look_at(chunk: Chunk, native: Native) -> Columns:
    """Look at all records of `chunk`; one without a value is odd, as an empty one is."""
    source, records = chunk
    columns = RecordColumns.of(records)
    scanned = native.scan(columns, CHANNEL_OF_TOPIC[source.topic])
    return Columns(source, records, scanned, columns.offsets, columns.timestamps_ms * 1000)


def runs(columns: Columns, frames: Frames, shortest: int = SHORTEST_RUN) -> list[Run]:
    """The chunk from its first to its last record, in runs that are usual, `shortest` records or more, and others."""
    count, plain = len(columns.records), columns.scanned.plain
    if not plain.any():
        return [Run(0, count, None)]
    reign = frames.at(instant_of(int(columns.ended_us[np.argmax(plain)])))
    if reign.retired:
        return [Run(0, count, None)]
    usual = plain & _within_limits(columns, reign)
    changes = np.flatnonzero(usual[1:] != usual[:-1]) + 1
    borders = [0, *changes.tolist(), count]
    found: list[Run] = []
    for start, stop in pairwise(borders):
        own = reign if usual[start] and stop - start >= shortest else None
        if found and own is None and found[-1].reign is None:
            start = found.pop().start  # noqa: PLW2901 - the two together
        found.append(Run(start, stop, own))
    return found


def _within_limits(columns: Columns, reign: FrameReign) -> Mask:
    ended, appended, frame = columns.ended_us, columns.appended_us, reign.frame
    within: Mask = (
        columns.ended_within(reign.starts, reign.ends)
        & (ended <= appended + frame.future_limit // MICROSECOND)
        & (ended >= appended - frame.age_limit // MICROSECOND)
    )
    return within
