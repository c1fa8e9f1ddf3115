"""The decision for a run of usual records (`streams.sampling.columns`), by columns instead of one by one.

It does what `streams.sampling.decide` does, with the same effects on the state and the same outputs, byte for byte, and
shares its rules and draws: `verdicts` asks the rules once for all records alike, the compiled part hashes and writes.
tests/unit/sampling/test_by_columns.py holds the two to each other. What it does not know how to do for many at once
(check requests, overlays, days that are final already) it leaves to `decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.draw_number import DRAW, SPACE
from streams.record_columns import Int64s
from streams.sampling.column_lines import Judged, candidate_lines, decided_lines, in_groups, selections
from streams.sampling.columns import Columns, Run, instant_of
from streams.sampling.counts import Cell, DayCounts, new_day
from streams.sampling.decide import segment
from streams.sampling.decided import Lines
from streams.sampling.frames import FrameReign, ReadyFrame
from streams.sampling.native import Mask, Native
from streams.sampling.overlays import RequestBook
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.state import SampleState
from streams.sampling.strata import StratumDraw
from streams.sampling.verdicts import Verdicts
from streams.stage import Output, Partition


class ColumnDecisions(NamedTuple):
    """What was decided of a run: records of decided lines, selections, records of candidates, as the log has them."""

    lines: list[Lines]
    selections: list[Output]
    candidates: list[Output]


def days_of(
    columns: Columns, run: Run, reign: FrameReign, state: SampleState, requests: RequestBook
) -> list[Int64s] | None:
    """The rows of each local day of a run; None where records of the run want a decision one by one."""
    frame, ended = reign.frame, columns.ended_us
    if frame.overlays:
        return None
    water = max(state.high_water, instant_of(int(ended[run.start : run.stop].max())))
    left = np.arange(run.start, run.stop)
    found: list[Int64s] = []
    while len(left):
        first = instant_of(int(ended[left[0]]))
        local = frame.days.at(first)
        starts, ends = max(reign.starts, local.shortcut_from), min(reign.ends, local.ends)
        final = water >= new_day(frame, first).final_at
        if final or not starts <= first < ends or requests.at(starts, ends, frame.frame):
            return None
        within = columns.ended_within(starts, ends)[left]
        found.append(left[within])
        left = left[~within]
    return found


def decide_by_columns(
    native: Native,
    state: SampleState,
    columns: Columns,
    days: Sequence[Int64s],
    repeats: Mask,
    *,
    frame: ReadyFrame,
    verdicts: Verdicts,
    pseudonyms: Pseudonyms,
    partitions: int,
) -> ColumnDecisions:
    """Decide the rows of `days` that are not among the `repeats`; counts in `state` as `decide` does.

    `partitions`: how many `candidates` and `selections` have.
    """
    days = sorted((new for rows in days if len(new := rows[~repeats[rows]])), key=lambda rows: int(rows[0]))
    if not days:
        return ColumnDecisions([], [], [])
    rows = np.sort(np.concatenate(days))
    state.high_water = max(state.high_water, instant_of(int(columns.ended_us[rows].max())))
    state.append_high_water = max(state.append_high_water, instant_of(int(columns.appended_us[rows].max())))
    judged = _judged(native, columns, rows, verdicts, pseudonyms)
    for number, alike in in_groups(judged.verdict_of[rows], rows):
        verdict = judged.verdicts[number]
        if verdict.stratum is None:
            state.tally.exclude(verdict.reason, len(alike))
        else:
            _draw(native, columns, alike, judged, verdict.stratum)
    for day in days:
        first = instant_of(int(columns.ended_us[day[0]]))
        _count(state, state.day_of(frame, first), day, judged, columns.source)
    by_units = np.array([bool(one.stratum and one.stratum.unit_kind) for one in judged.verdicts])[
        judged.verdict_of[rows]
    ]
    selected, pending = rows[~by_units & judged.taken[rows]], rows[by_units]
    return ColumnDecisions(
        list(decided_lines(native, columns, rows, judged, frame=frame, pseudonym_key=pseudonyms.key_id)),
        list(selections(native, columns, selected, judged, frame=frame, partitions=partitions)),
        list(candidate_lines(native, columns, pending, judged, frame=frame, partitions=partitions))
        if len(pending)
        else [],
    )


def _judged(native: Native, columns: Columns, rows: Int64s, verdicts: Verdicts, pseudonyms: Pseudonyms) -> Judged:
    """The rows with their verdicts: those that occur here, of the many that nested strata may have had before."""
    count = len(columns.records)
    asked = verdicts.of(columns, rows)
    occurring = np.flatnonzero(np.bincount(asked))
    number_here = np.zeros(len(verdicts.found), dtype=np.int64)
    number_here[occurring] = np.arange(len(occurring))
    verdict_of = np.zeros(count, dtype=np.int64)
    verdict_of[rows] = number_here[asked]
    return Judged(
        [verdicts.found[number] for number in occurring.tolist()],
        verdict_of,
        native.pseudonyms(columns.scanned, pseudonyms.inner_block, pseudonyms.outer_block),
        np.zeros(count, dtype=np.uint64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
    )


def _draw(native: Native, columns: Columns, rows: Int64s, judged: Judged, stratum: StratumDraw) -> None:
    """Draw numbers of the rows of one stratum, and who is taken by them. (A systematic draw goes by the count.)"""
    if stratum.number is None:
        return
    native.draw(columns.scanned, rows, judged.numbers, seed=stratum.seed, person=DRAW, prefix=stratum.hashed_before_id)
    judged.numbered[rows] = 1
    if stratum.method == "quota" or stratum.threshold >= SPACE:
        judged.taken[rows] = True
    else:
        judged.taken[rows] = judged.numbers[rows] < np.uint64(stratum.threshold)


def _count(state: SampleState, counts: DayCounts, day: Int64s, judged: Judged, source: Partition) -> None:
    """Count the eligible rows of one day; make the systematic draws, which go by the count."""
    tally = state.tally
    for number, rows in in_groups(judged.verdict_of[day], day):
        stratum = judged.verdicts[number].stratum
        if stratum is None:
            continue
        cell = counts.cells.setdefault(stratum.name, Cell())
        if stratum.start is not None:
            if cell.start < 0:
                cell.start = stratum.start(segment(source, counts))
            judged.taken[rows] = np.arange(cell.eligible, cell.eligible + len(rows)) % stratum.every == cell.start
        cell.eligible += len(rows)
        tally.eligible += len(rows)
        if stratum.unit_kind:
            tally.pending += len(rows)
            continue
        taken = int(np.count_nonzero(judged.taken[rows]))
        cell.selected += taken
        tally.selected += taken
        tally.not_selected += len(rows) - taken
