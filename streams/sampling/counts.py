"""What the sample stage counts: the population by day, frame version and stratum, and everything read by its fate.

Emitted as absolute values `as_of_offset`, so that what is sent twice replaces and adds nothing.

A local day of event time is final when the partition's high water of event time has reached the day's end + lateness +
2 days. An eligible transaction that comes later still counts `after_final`, in the day of the partition's high water
of append time; that day is closed 2 days after its end, by the same high water. Closed days leave the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from schemas import catalogue
from schemas.base import Channel
from schemas.headers import StageOrigin, cloud_event
from schemas.rejected import RejectReason
from streams.sampling.frames import ReadyFrame
from streams.sampling.taken_ids import source_name
from streams.selection_lines import FrameRef
from streams.stage import Output, Partition

FINAL_AFTER: Final = timedelta(days=2)
"""How long a day stays open beyond its end and the frame's lateness."""
MAX_FIELD_NAMES: Final = 100
MAX_FIELD_NAME_CHARS: Final = 64
OTHER_FIELDS: Final = "(other)"


class Cell(msgspec.Struct, array_like=True):
    """Counts of one stratum on one day. `sent`: eligible as last emitted; `start`: of a systematic draw, -1 unknown."""

    eligible: int = 0
    selected: int = 0
    sent: int = 0
    start: int = -1


class DayCounts(msgspec.Struct, array_like=True):
    """Counts of one local day under one frame version, by stratum."""

    day: date
    after_final: bool
    frame_id: str
    frame_version: int
    final_at: datetime
    """High water (of event time; of append time when `after_final`) at which the day is closed."""
    cells: dict[str, Cell] = {}


class ReadTally(msgspec.Struct):
    """What became of every record that was read from one partition; the fields of ReadCount."""

    read: int = 0
    repeats: int = 0
    rejected: dict[RejectReason, int] = {}
    excluded: dict[str, int] = {}
    eligible: int = 0
    selected: int = 0
    not_selected: int = 0
    pending: int = 0
    unknown_fields: dict[str, int] = {}

    def reject(self, reason: RejectReason) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def exclude(self, reason: str, records: int = 1) -> None:
        self.excluded[reason] = self.excluded.get(reason, 0) + records

    def name_unknown(self, names: Iterable[str]) -> None:
        """Count one record under each name; odd names, and new ones when there are too many, as '(other)'."""
        counted = self.unknown_fields
        others = 0
        for name in sorted(names):
            plain = len(name) <= MAX_FIELD_NAME_CHARS and name.isprintable() and name != OTHER_FIELDS
            if plain and (name in counted or len(counted) - (OTHER_FIELDS in counted) < MAX_FIELD_NAMES):
                counted[name] = counted.get(name, 0) + 1
            else:
                others = 1
        if others:
            counted[OTHER_FIELDS] = counted.get(OTHER_FIELDS, 0) + 1


class PopulationLine(msgspec.Struct):
    """schemas.counts.PopulationCount as it is written."""

    topic: str
    partition: int
    day: date
    after_final: bool
    channel: Channel
    frame: FrameRef
    stratum: str
    eligible: int
    selected: int
    as_of_offset: int

    @property
    def key(self) -> str:
        name = source_name(Partition(self.topic, self.partition))
        day = f"{self.day.isoformat()}{'/after-final' if self.after_final else ''}"
        return f"{name}|{day}|{self.frame.id}:{self.frame.version}|{self.stratum}"


def new_day(frame: ReadyFrame, event_time: datetime) -> DayCounts:
    """Counts of the local day of `event_time`, which is not final yet."""
    local = frame.days.at(event_time)
    return DayCounts(local.day, False, frame.id, frame.version, local.ends + frame.lateness + FINAL_AFTER, {})


def new_late_day(frame: ReadyFrame, append_time: datetime) -> DayCounts:
    """Counts of the transactions appended on the local day of `append_time` when their own day was final."""
    local = frame.days.at(append_time)
    return DayCounts(local.day, True, frame.id, frame.version, local.ends + FINAL_AFTER, {})


def population_outputs(
    source: Partition, channel: Channel, days: Iterable[DayCounts], origins: Iterator[StageOrigin]
) -> Iterator[Output]:
    """One record for each cell that changed since it was last emitted; marks them as emitted."""
    for counts in days:
        frame = FrameRef(counts.frame_id, counts.frame_version)
        for stratum, cell in counts.cells.items():
            if cell.eligible == cell.sent:
                continue
            cell.sent = cell.eligible
            origin = next(origins)
            line = PopulationLine(
                source.topic, source.partition, counts.day, counts.after_final, channel, frame, stratum,
                cell.eligible, cell.selected, origin.offset,
            )  # fmt: skip
            key = line.key
            headers = cloud_event("population-count.v1", f"{key}@{origin.offset}", origin)
            yield Output(catalogue.POPULATION_COUNTS, key.encode(), _encode(line), headers, source.partition)


def read_output(source: Partition, tally: ReadTally, origin: StageOrigin) -> Output:
    """The record of everything read so far."""
    key = source_name(source)
    counts = msgspec.structs.asdict(tally)
    line = {"topic": source.topic, "partition": source.partition, **counts, "as_of_offset": origin.offset}
    headers = cloud_event("read-count.v1", f"{key}@{origin.offset}", origin)
    return Output(catalogue.READ_COUNTS, key.encode(), _encode(line), headers, source.partition)


_encode: Final = msgspec.json.Encoder().encode

BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
"""High water of a partition from which nothing valid was read."""
