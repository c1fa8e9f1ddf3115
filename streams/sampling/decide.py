"""The decision: eligible or not and why, which stratum, drawn or not; counted as it is made."""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

from schemas.decided import Decision
from schemas.headers import StageOrigin
from streams.sampling.counts import BEFORE_ALL, Cell, DayCounts
from streams.sampling.decided import DecidedLine, texts
from streams.sampling.eligibility import NoticeJudge
from streams.sampling.frames import Frames
from streams.sampling.intake import Intake
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.selections import selection_output
from streams.sampling.state import SampleState
from streams.sampling.strata import StratumDraw
from streams.sampling.taken_ids import source_name
from streams.stage import Output, Partition

STAGE: Final = "sample"
NO_ATTRIBUTES: Final[dict[str, str]] = {}


class Decisions(NamedTuple):
    """One line for every record that was decided, and the selections among them, in the order of the log."""

    lines: list[DecidedLine]
    selections: list[Output]


def decide(
    state: SampleState,
    seen: Intake,
    repeats: Container[int],
    *,
    frames: Frames,
    judge: NoticeJudge,
    pseudonyms: Pseudonyms,
) -> Decisions:
    """Decide all of `seen` but the positions in `repeats`; counts in `state` as it goes."""
    source, tally, channel, key_id = state.source, state.tally, state.channel, pseudonyms.key_id
    pseudonym_of, reason_of = pseudonyms.of, judge.reason
    lines: list[DecidedLine] = []
    selections: list[Output] = []
    starts = ends = BEFORE_ALL
    for position, (event, offset, appended) in enumerate(zip(seen.events, seen.offsets, seen.appended, strict=True)):
        if position in repeats:
            continue
        ended = event.ended_at
        if not starts <= ended < ends:
            frame, starts, ends = frames.at(ended)
            local = frame.days.at(ended)
            starts, ends = max(starts, local.shortcut_from), min(ends, local.ends)
            day = state.day_of(frame, ended)
            frame_id, frame_version, rules, strata = frame.id, frame.version, frame.eligibility, frame.strata
        state.high_water = max(state.high_water, ended)
        state.append_high_water = max(state.append_high_water, appended)
        pseudonym = pseudonym_of(event.customer_ref)
        reason = reason_of(event, rules)
        if reason:
            tally.exclude(reason)
            stratum_name = method = ""
            number = probability = None
            decision: Decision = "excluded"
        else:
            stratum = strata.of(event)
            counts = day if state.high_water < day.final_at else state.late_day(frame)
            number, selected = _drawn(event.id, stratum, counts, source)
            stratum_name, method, probability = stratum.name, stratum.method, stratum.probability
            tally.eligible += 1
            if selected:
                decision = "selected"
                tally.selected += 1
                selections.append(
                    selection_output(
                        event,
                        pseudonym=pseudonym,
                        frame=frame,
                        stratum=stratum,
                        draw_number=number,
                        drawn_at=appended,
                        origin=StageOrigin(STAGE, source.topic, source.partition, offset, 0),
                    )
                )
            else:
                decision = "not_selected"
                tally.not_selected += 1
        # By position, in the order of the fields: msgspec takes 10 times as long by name.
        lines.append(
            DecidedLine(
                event.id, channel, event.colleague_id, event.team_id, event.site, event.topic, event.language,
                event.started_at, ended, pseudonym, key_id, event.outcome, event.flags,
                event.csat_0_100, event.auto_score_0_100, len(event.chat),
                event.recording_ref is not None, event.transcript_ref is not None, event.place or "",
                texts(event.attributes) if event.attributes else NO_ATTRIBUTES,
                source.topic, source.partition, offset, appended, frame_id, frame_version,
                stratum_name, decision, reason, method, number, probability,
            )
        )  # fmt: skip
    return Decisions(lines, selections)


def _drawn(transaction_id: str, stratum: StratumDraw, counts: DayCounts, source: Partition) -> tuple[int | None, bool]:
    """Count one eligible transaction and draw: its draw number, if the draw rests on one, and whether it was taken."""
    cell = counts.cells.get(stratum.name)
    if cell is None:
        cell = counts.cells[stratum.name] = Cell()
    number, selected = None, False
    if stratum.number is not None:
        number = stratum.number(transaction_id)
        selected = number < stratum.threshold
    elif stratum.start is not None:
        if cell.start < 0:
            cell.start = stratum.start(segment(source, counts))
        selected = cell.eligible % stratum.every == cell.start
    cell.eligible += 1
    if selected:
        cell.selected += 1
    return number, selected


def segment(source: Partition, counts: DayCounts) -> str:
    """Name of the segment of a systematic draw (see `streams.sampling.strata`)."""
    late = "/after-final" if counts.after_final else ""
    return f"{source_name(source)}/{counts.day.isoformat()}{late}"
