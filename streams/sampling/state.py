"""State of the sample stage for one source partition: what the counts stand at and what was taken.

A function of the partition's records alone. `dump` leaves out the memory of repeats, which comes back from the side
records, but not how far it reaches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import msgspec

from schemas.base import Channel
from schemas.catalogue import CHANNEL_OF_TOPIC
from streams.sampling.counts import BEFORE_ALL, DayCounts, ReadTally, new_day, new_late_day
from streams.sampling.frames import ReadyFrame
from streams.sampling.repeats import Repeats
from streams.stage import Partition

DayKey: TypeAlias = tuple[str, bool, str, int]
"""Day, after_final, frame id, frame version."""


@dataclass(slots=True)
class SampleState:
    """`high_water`, `append_high_water`: latest event time and append time among valid records that do not repeat."""

    source: Partition
    high_water: datetime = BEFORE_ALL
    append_high_water: datetime = BEFORE_ALL
    tally: ReadTally = field(default_factory=ReadTally)
    days: dict[DayKey, DayCounts] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)
    marked: datetime = BEFORE_ALL
    """High water that the last marker told."""

    @property
    def channel(self) -> Channel:
        return CHANNEL_OF_TOPIC[self.source.topic]

    def day_of(self, frame: ReadyFrame, event_time: datetime) -> DayCounts:
        """Counts of the local day of an event."""
        return self._kept(new_day(frame, event_time))

    def late_day(self, frame: ReadyFrame) -> DayCounts:
        """Counts for an event whose own day is final."""
        return self._kept(new_late_day(frame, self.append_high_water))

    def close_days(self) -> None:
        """Drop the days that are closed: whatever comes for them now is counted elsewhere."""
        water = {False: self.high_water, True: self.append_high_water}
        self.days = {key: day for key, day in self.days.items() if water[day.after_final] < day.final_at}

    def _kept(self, counts: DayCounts) -> DayCounts:
        key = counts.day.isoformat(), counts.after_final, counts.frame_id, counts.frame_version
        return self.days.setdefault(key, counts)


class _Dump(msgspec.Struct, array_like=True):
    high_water: datetime
    append_high_water: datetime
    tally: ReadTally
    days: list[DayCounts]
    stretch: int
    base: int
    marked: datetime = BEFORE_ALL


def dump(state: SampleState) -> bytes:
    """The state without the entries of its memory of repeats."""
    repeats = state.repeats
    return msgspec.msgpack.encode(
        _Dump(
            state.high_water, state.append_high_water, state.tally, list(state.days.values()),
            repeats.stretch, repeats.base, state.marked,
        )
    )  # fmt: skip


def load(source: Partition, raw: bytes) -> SampleState:
    """The state that `dump` wrote."""
    dumped = _decode(raw)
    state = SampleState(source, dumped.high_water, dumped.append_high_water, dumped.tally)
    for day in dumped.days:
        state.days[day.day.isoformat(), day.after_final, day.frame_id, day.frame_version] = day
    state.repeats = Repeats(dumped.stretch, dumped.base)
    state.marked = dumped.marked
    return state


_decode = msgspec.msgpack.Decoder(_Dump).decode
