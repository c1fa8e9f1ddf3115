"""The frame's decisions about stored transactions, made again: in the order of their log, by the stage's own parts.

Frames, strata, eligibility, days and draws are those of `streams.sampling`; a row of the tables stands in for an event.
A row does not say which notices were given, so where notices decided, the stored reason is taken as it is (`tafol
explain` reads the record itself while Kafka has it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple, cast

from schemas.catalogue import CHANNEL_OF_TOPIC
from schemas.decided import Decision
from schemas.frame import SamplingFrame
from sinks.store import Row
from streams.registers import Timeline
from streams.sampling.counts import Cell, DayCounts
from streams.sampling.decide import segment
from streams.sampling.decided import DecidedLine
from streams.sampling.decode import Event
from streams.sampling.frames import Frames, ReadyFrame
from streams.sampling.state import SampleState
from streams.sampling.strata import StratumDraw
from streams.stage import Partition

NOTICE_REASONS: Final = frozenset({
    "customer_not_told", "customer_told_late", "customer_told_otherwise", "customer_notice_not_valid",
    "colleague_not_told", "colleague_notice_not_valid",
})  # fmt: skip
"""Reasons that a row cannot prove: it does not say which notices were given."""


class Again(NamedTuple):
    """One decision made again. `stratum` None: excluded."""

    frame: ReadyFrame
    reason: str
    stratum: StratumDraw | None
    decision: Decision
    number: int | None
    taken: bool
    """By the first draw, or the only one."""
    segment: str
    """Systematic draws: where it was counted, as which (from 0), and which is the first that is taken."""
    ordinal: int
    start: int


def stored(row: Row) -> DecidedLine:
    """A row of the tables as the stage wrote it."""
    fields = {name: row[name] for name in DecidedLine.__struct_fields__}
    return DecidedLine(**fields | {"flags": tuple(row["flags"]), "attributes": dict(row["attributes"])})


def event_of(line: DecidedLine) -> Event:
    """A stored transaction where a decision takes an event: fields of the same names, all that conditions look at.

    A notice, a chat's lines and references are not there, and nothing in here asks for them.
    """
    return cast("Event", line)


class Redraw:
    """Decides the transactions of one source partition again, in the order of the log.

    `high_water`, `append_high_water`: what the partition had shown before the first of them; without it a transaction
    that came when its day was final is not recognised.
    """

    def __init__(
        self, source: Partition, timeline: Timeline[SamplingFrame], waters: tuple[datetime, datetime] | None
    ) -> None:
        self._state = SampleState(source)
        if waters is not None:
            self._state.high_water, self._state.append_high_water = waters
        self._frames = Frames(timeline, CHANNEL_OF_TOPIC[source.topic])
        self.source = source

    def again(self, line: DecidedLine, notice_reason: str | None = None) -> Again:
        """The decision about the next transaction. `notice_reason`: why it is excluded beside what its row can prove,
        empty for notices that are in order; None: what the row says. Raises UnknownVersion while there is no frame.
        """
        state, event, ended = self._state, event_of(line), line.ended_at
        reign = self._frames.at(ended)
        frame = reign.frame
        day = state.day_of(frame, ended)
        state.high_water = max(state.high_water, ended)
        state.append_high_water = max(state.append_high_water, line.appended_at)
        if notice_reason is None:
            notice_reason = line.reason if line.reason in NOTICE_REASONS else ""
        reason = "frame_retired" if reign.retired else notice_reason or frame.eligibility.beside_notices(event)
        stratum = None if reason else frame.strata.of(event)
        if stratum is None:
            return Again(frame, reason or "no_stratum", None, "excluded", None, False, "", 0, 0)
        counts = day if state.high_water < day.final_at else state.late_day(frame)
        return self._drawn(event, frame, stratum, counts)

    def frame_at(self, ended_at: datetime) -> ReadyFrame:
        """The frame that decides an event of that time. Raises UnknownVersion while there is none."""
        return self._frames.at(ended_at).frame

    def forget(self) -> None:
        """Let go of days that are over; once for each slice."""
        self._state.close_days()

    def _drawn(self, event: Event, frame: ReadyFrame, stratum: StratumDraw, counts: DayCounts) -> Again:
        cell = counts.cells.setdefault(stratum.name, Cell())
        ordinal, where = cell.eligible, ""
        cell.eligible += 1
        number = None if stratum.number is None else stratum.number(event.id)
        if stratum.start is not None:
            where = segment(self.source, counts)
            cell.start = stratum.start(where) if cell.start < 0 else cell.start
            taken = ordinal % stratum.every == cell.start
        else:
            taken = stratum.method == "quota" or (number is not None and number < stratum.threshold)
        decision: Decision = "pending" if stratum.unit is not None else "selected" if taken else "not_selected"
        return Again(frame, "", stratum, decision, number, taken, where, ordinal, cell.start)


def in_batches(rows: Iterable[list[Row]]) -> Iterator[list[DecidedLine]]:
    """Slices of rows as the stage wrote them."""
    for batch in rows:
        yield [stored(row) for row in batch]
