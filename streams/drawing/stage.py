"""The draw stage: candidates and markers -> selections, draw cells and counts.

Invariants beyond those of every stage:
- What is drawn of a window rests on the candidates and markers of this partition alone. All candidates of a unit lie in
  it, and a marker stands behind every candidate it speaks of, so at the close all that came in time is here.
- A window closes when the markers have passed its end + lateness. A candidate that comes later is counted as `late` and
  changes nothing else; so a closed cell never changes.
- Of each unit and window part the n smallest draw numbers are selected, ties by id: exactly min(n, N).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Final, NoReturn

import msgspec

from schemas import catalogue
from schemas.errors import InvalidRecord, SnapshotUnusable, StageStopped, UnknownVersion
from schemas.headers import StageOrigin
from schemas.selection import PROBABILITY_PURPOSES
from streams.drawing import candidates
from streams.drawing.candidates import Batch
from streams.drawing.cells import Cell, Kept, OpenWindow, packed, unpacked
from streams.drawing.plans import Plans
from streams.drawing.records import (
    Tally,
    cell_output,
    count_output,
    inclusion_probability,
    selection_output,
    tally_key,
)
from streams.drawing.watermark import Watermark
from streams.registers import Registers
from streams.sampling.candidates import CandidateLine, MarkerLine
from streams.selection_lines import FrameRef, OriginPart, TransactionPart
from streams.stage import Chunk, LogRecord, Output, Partition, instant

STAGE: Final = "draw"
FIRST_CHUNK_NTH: Final = 2**32
"""Index in an origin from which on an output sums up a chunk; below, it is of one record, which may close a window."""


@dataclass(slots=True)
class DrawState:
    """State of one partition of `candidates`."""

    water: Watermark = field(default_factory=Watermark)
    windows: dict[str, OpenWindow] = field(default_factory=dict)
    closing: list[tuple[datetime, str]] = field(default_factory=list)
    """Heap of the open windows by when they close; made of `windows`."""
    tallies: dict[str, Tally] = field(default_factory=dict)


class _Dump(msgspec.Struct, array_like=True):
    water: Watermark
    windows: dict[str, OpenWindow]
    tallies: dict[str, Tally]


class DrawStage:
    """The stage `draw` (`streams.stage.Stage`)."""

    name: str = STAGE
    logic_version: int = 2
    sources: tuple[str, ...] = (catalogue.CANDIDATES,)
    side_topic: str | None = None

    def __init__(self) -> None:
        self._plans: Plans | None = None

    def initial(self, source: Partition) -> DrawState:  # noqa: ARG002 - all partitions begin alike
        return DrawState()

    def ready(self, registers: Registers) -> str | None:
        """Waits for the first frame, as sample does."""
        return None if registers.frames.entries else "the first sampling frame"

    def step(self, state: DrawState, chunk: Chunk, registers: Registers) -> list[Output]:
        """Raises UnknownVersion, and StageStopped on a record that is neither candidates nor a marker."""
        plans = self._made_ready(registers)
        outputs: list[Output] = []
        changed: set[str] = set()
        for record in chunk.records:
            read = _read(chunk.source, record)
            origins = (StageOrigin(STAGE, *chunk.source, record.offset, nth) for nth in count())
            if isinstance(read, MarkerLine):
                water = state.water
                water.mark(
                    read.topic, read.partition, read.partitions, read.next_offset, read.high_water, read.idle
                )  # fmt: skip
                if water.advance(instant(record.timestamp)):
                    while state.closing and state.closing[0][0] <= water.reached:
                        window = state.windows.pop(heapq.heappop(state.closing)[1])
                        outputs += _closed(state, window, changed, origins)
                continue
            state.water.speaks(read.topic, read.partition)
            try:
                for line in read.lines:
                    outputs += _taken_in(state, read, line, record, plans, changed, origins)
            except UnknownVersion as error:
                raise UnknownVersion(f"{chunk.source}@{record.offset}: {error.message}", hint=error.hint) from None
        last = chunk.records[-1].offset
        origins = (StageOrigin(STAGE, *chunk.source, last, FIRST_CHUNK_NTH + nth) for nth in count())
        outputs += [count_output(state.tallies[key], key, chunk.source, next(origins)) for key in sorted(changed)]
        return outputs

    def dump(self, state: DrawState) -> bytes:
        return msgspec.msgpack.encode(_Dump(state.water, state.windows, state.tallies))

    def load(self, source: Partition, raw: bytes) -> DrawState:
        try:
            dumped = msgspec.msgpack.decode(raw, type=_Dump)
        except msgspec.DecodeError as error:
            raise SnapshotUnusable(f"the snapshot of draw for {source} cannot be read: {error}") from None
        closing = [(window.closes, key) for key, window in dumped.windows.items()]
        heapq.heapify(closing)
        return DrawState(dumped.water, dumped.windows, closing, dumped.tallies)

    def unread(self, record: LogRecord, seen: tuple[int, int]) -> LogRecord:
        """`record` without the candidates at or below `seen` (`streams.stage.ReadsLines`)."""
        return candidates.unread(record, seen)

    def recall(self, state: DrawState, side_value: bytes, next_offset: int) -> None:
        """Nothing: draw has no side topic."""

    def remembers_from(self, state: DrawState, next_offset: int) -> int:  # noqa: ARG002 - no side topic
        return next_offset

    def _made_ready(self, registers: Registers) -> Plans:
        plans = self._plans
        if plans is None or plans.frames is not registers.frames or plans.requests is not registers.requests:
            plans = self._plans = Plans.of(registers)
        return plans


def _taken_in(  # noqa: PLR0917 - the parts of one step
    state: DrawState,
    batch: Batch,
    line: CandidateLine,
    record: LogRecord,
    plans: Plans,
    changed: set[str],
    origins: Iterator[StageOrigin],
) -> list[Output]:
    """Take one candidate; the selection that it is at once, if a request takes the next that come."""
    channel = batch.channel
    plan = plans.get(line.draw_id, FrameRef(line.frame_id, line.frame_version), line.stratum)
    part = plan.part_at(line.ended_at)
    closes = part.ends + plan.lateness
    tally = _tally(state, line, channel, changed) if plan.purpose in PROBABILITY_PURPOSES else None
    if tally is not None:
        tally.candidates += 1
    if closes <= state.water.reached:
        if tally is not None:
            tally.late += 1
        return []
    key = f"{line.draw_id}|{part.starts.isoformat()}"
    window = state.windows.get(key)
    if window is None:
        window = state.windows[key] = OpenWindow(
            line.draw_id, plan.purpose, line.frame_id, line.frame_version, line.stratum, part.starts, part.ends, closes,
            part.n, plan.rate,
        )  # fmt: skip
        heapq.heappush(state.closing, (closes, key))
    cell = window.cells.get(line.unit)
    if cell is None:
        cell = window.cells[line.unit] = Cell()
    cell.eligible += 1
    window.eligible_by_channel[channel] = window.eligible_by_channel.get(channel, 0) + 1
    if not line.taken:
        return []
    cell.taken += 1
    if not plan.takes_next:
        if cell.may_keep(line.draw_number, window.n):
            cell.keep(packed(_kept(batch, line)), window.n)
        return []
    if cell.given_out >= window.n:
        return []
    cell.given_out += 1
    return [selection_output(window, _kept(batch, line), instant(record.timestamp), None, next(origins))]


def _kept(batch: Batch, line: CandidateLine) -> Kept:
    transaction = TransactionPart(
        line.id, batch.channel, line.colleague_id, line.team_id, line.site, line.topic, line.language,
        line.started_at, line.ended_at, line.customer_pseudonym, line.outcome,
    )  # fmt: skip
    origin = OriginPart(batch.topic, batch.partition, line.offset)
    return Kept(line.draw_number, line.frame_id, line.frame_version, line.stratum, transaction, origin)


def _closed(state: DrawState, window: OpenWindow, changed: set[str], origins: Iterator[StageOrigin]) -> list[Output]:
    """What a window gives at its close, unit by unit."""
    outputs: list[Output] = []
    counts = window.purpose in PROBABILITY_PURPOSES
    for unit in sorted(window.cells):
        cell = window.cells[unit]
        probability = inclusion_probability(window, cell, len(cell.kept))
        for kept in map(unpacked, cell.kept):
            outputs.append(selection_output(window, kept, window.closes, probability, next(origins)))
            if counts:
                _window_tally(state, window, kept.transaction.channel, changed).selected += 1
        if counts:
            outputs.append(cell_output(window, unit, cell, probability, next(origins)))
    if counts:
        for channel, eligible in window.eligible_by_channel.items():
            _window_tally(state, window, channel, changed).eligible += eligible
    return outputs


def _tally(state: DrawState, line: CandidateLine, channel: str, changed: set[str]) -> Tally:
    return _found(state, (channel, line.frame_id, line.frame_version, line.stratum), changed)


def _window_tally(state: DrawState, window: OpenWindow, channel: str, changed: set[str]) -> Tally:
    return _found(state, (channel, window.frame_id, window.frame_version, window.stratum), changed)


def _found(state: DrawState, of: tuple[str, str, int, str], changed: set[str]) -> Tally:
    key = tally_key(*of)
    tally = state.tallies.get(key)
    if tally is None:
        tally = state.tallies[key] = Tally(*of)
    changed.add(key)
    return tally


def _read(source: Partition, record: LogRecord) -> Batch | MarkerLine:
    if record.value is None:
        _stop(source, record, "it has no value")
    try:
        return candidates.read(record.value)
    except InvalidRecord as error:
        _stop(source, record, error.message)


def _stop(source: Partition, record: LogRecord, why: str) -> NoReturn:
    raise StageStopped(
        f"{source}@{record.offset} is neither candidates nor a marker: {why}",
        hint="Only Tafol writes this topic. Find out who wrote this record before going on; nothing was lost.",
    )
