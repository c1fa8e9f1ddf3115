"""How far event time has come in one partition of `candidates`, by the markers that lie in it and nothing else.

The watermark is the least high water of all partitions of all source topics that are not idle. Where all are idle it is
the append time of the marker that says so, less 15 minutes: a window closes then 15 minutes after its lateness is over.
Until every source partition has been heard of there is none. `reached` is the highest it ever was: windows stay closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from schemas.catalogue import SOURCE_TOPICS
from streams.sampling.counts import BEFORE_ALL

ALL_IDLE_MARGIN: Final = timedelta(minutes=15)


class Mark(msgspec.Struct, array_like=True):
    """What is known of one source partition."""

    next_offset: int
    high_water: datetime
    idle: bool


class Watermark(msgspec.Struct, array_like=True):
    """The markers of one partition of `candidates`, summed up."""

    reached: datetime = BEFORE_ALL
    partitions: dict[str, int] = {}
    """How many each source topic has."""
    marks: dict[str, dict[int, Mark]] = {}

    def mark(  # noqa: PLR0917 - the fields of a marker
        self, topic: str, partition: int, partitions: int, next_offset: int, high_water: datetime | None, idle: bool
    ) -> None:
        """Take one marker. One that was overtaken by a later one of its source changes nothing."""
        self.partitions[topic] = max(partitions, self.partitions.get(topic, 0))
        known = self.marks.setdefault(topic, {})
        mark = known.get(partition)
        water = high_water or BEFORE_ALL
        if mark is None:
            known[partition] = Mark(next_offset, water, idle)
        elif next_offset >= mark.next_offset:
            mark.next_offset = next_offset
            mark.high_water = max(mark.high_water, water)
            mark.idle = idle

    def speaks(self, topic: str, partition: int) -> None:
        """A candidate of this source came: it is not idle."""
        mark = self.marks.get(topic, {}).get(partition)
        if mark is not None:
            mark.idle = False

    def advance(self, appended: datetime) -> bool:
        """Bring `reached` up to date at a marker that was appended then; whether it moved."""
        if any(len(self.marks.get(topic, ())) < self.partitions.get(topic, 1) for topic in SOURCE_TOPICS):
            return False
        speaking = [mark.high_water for marks in self.marks.values() for mark in marks.values() if not mark.idle]
        now = min(speaking) if speaking else appended - ALL_IDLE_MARGIN
        moved = now > self.reached
        if moved:
            self.reached = now
        return moved
