"""The decision: eligible or not and why, which stratum, drawn or not; counted as it is made."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime
from itertools import chain
from typing import Final, NamedTuple, cast

from schemas.decided import Decision
from schemas.headers import StageOrigin
from schemas.selection import Purpose
from streams.sampling.candidates import CandidateLine
from streams.sampling.counts import BEFORE_ALL, Cell, DayCounts
from streams.sampling.decided import DecidedLine, texts
from streams.sampling.decode import Event
from streams.sampling.eligibility import NoticeJudge
from streams.sampling.frames import Frames, ReadyFrame
from streams.sampling.intake import Intake
from streams.sampling.overlays import Overlay, RequestBook
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.selections import selection_output
from streams.sampling.state import SampleState
from streams.sampling.strata import StratumDraw
from streams.sampling.taken_ids import source_name
from streams.stage import Output, Partition

STAGE: Final = "sample"
NO_ATTRIBUTES: Final[dict[str, str]] = {}


class Decisions(NamedTuple):
    """One line for every record that was decided; the selections among them, and the candidates of draws that the
    draw stage decides, in the order of the log.
    """

    lines: list[DecidedLine]
    selections: list[Output]
    candidates: list[CandidateLine]


class _Eligible(NamedTuple):
    """One eligible transaction, on its way into the draws."""

    event: Event
    appended: datetime
    pseudonym: str
    frame: ReadyFrame
    stratum: StratumDraw
    source: Partition
    offset: int

    def origin(self, nth: int) -> StageOrigin:
        return StageOrigin(STAGE, *self.source, self.offset, nth)


def decide(  # noqa: PLR0915 - the hot loop, spelt out
    state: SampleState,
    seen: Intake,
    repeats: Container[int],
    *,
    frames: Frames,
    requests: RequestBook,
    judge: NoticeJudge,
    pseudonyms: Pseudonyms,
) -> Decisions:
    """Decide all of `seen` but the positions in `repeats`; counts in `state` as it goes."""
    source, tally, channel, key_id = state.source, state.tally, state.channel, pseudonyms.key_id
    pseudonym_of, reason_of = pseudonyms.of, judge.reason
    lines: list[DecidedLine] = []
    selections: list[Output] = []
    candidates: list[CandidateLine] = []
    selected = pending = not_selected = 0
    starts = ends = BEFORE_ALL
    for position, (event, offset, appended) in enumerate(zip(seen.events, seen.offsets, seen.appended, strict=True)):
        if position in repeats:
            continue
        ended = event.ended_at
        if not starts <= ended < ends:
            frame, starts, ends, retired = frames.at(ended)
            local = frame.days.at(ended)
            starts, ends = max(starts, local.shortcut_from), min(ends, local.ends)
            day = state.day_of(frame, ended)
            frame_id, frame_version, rules, strata = frame.id, frame.version, frame.eligibility, frame.strata
            overlays, asked = frame.overlays, requests.at(starts, ends, frame.frame)
            purposive = bool(overlays or asked)
        state.high_water = max(state.high_water, ended)
        state.append_high_water = max(state.append_high_water, appended)
        pseudonym = pseudonym_of(event.customer_ref)
        reason = "frame_retired" if retired else reason_of(event, rules)
        stratum = None if reason else strata.of(event)
        if stratum is None:
            reason = reason or "no_stratum"
            tally.exclude(reason)
            stratum_name = method = ""
            number = probability = None
            decision: Decision = "excluded"
        else:
            counts = day if state.high_water < day.final_at else state.late_day(frame)
            number, taken = _drawn(event.id, stratum, counts, source)
            stratum_name, method, probability = stratum.name, stratum.method, stratum.probability
            if not taken and stratum.unit is None:
                decision = "not_selected"
                not_selected += 1
            else:
                eligible = _Eligible(event, appended, pseudonym, frame, stratum, source, offset)
                if stratum.unit is None:
                    decision = "selected"
                    selected += 1
                    selections.append(_selection(eligible, number, 0))
                else:
                    decision = "pending"
                    pending += 1
                    candidates.append(_candidate(eligible, stratum, number or 0, stratum.unit(event), taken, 0))
            if purposive:
                eligible = _Eligible(event, appended, pseudonym, frame, stratum, source, offset)
                _aim(eligible, chain(overlays, asked.of(event)), selections, candidates)
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
    tally.eligible += selected + pending + not_selected
    tally.selected += selected
    tally.pending += pending
    tally.not_selected += not_selected
    return Decisions(lines, selections, candidates)


def _aim(
    eligible: _Eligible, overlays: Iterable[Overlay], selections: list[Output], candidates: list[CandidateLine]
) -> None:
    """Take part in the purposive draws that are about this transaction."""
    event = eligible.event
    about = (one for one in overlays if one.takes(event, eligible.appended))
    for nth, overlay in enumerate(about, 1):
        number = overlay.number(event.id)
        if overlay.unit is None:
            selections.append(_selection(eligible, number, nth, overlay))
        else:
            candidates.append(_candidate(eligible, overlay, number, overlay.unit(event), True, nth))


def _selection(eligible: _Eligible, number: int | None, nth: int, overlay: Overlay | None = None) -> Output:
    return selection_output(
        eligible.event,
        pseudonym=eligible.pseudonym,
        frame=eligible.frame,
        stratum=eligible.stratum,
        draw_number=number,
        drawn_at=eligible.appended,
        origin=eligible.origin(nth),
        overlay=overlay,
    )


def _candidate(  # noqa: PLR0917 - what a candidate is made of
    eligible: _Eligible, draw: StratumDraw | Overlay, number: int, unit: str, taken: bool, nth: int
) -> CandidateLine:
    event, frame = eligible.event, eligible.frame
    # By position, as the decided line.
    return CandidateLine(
        eligible.offset, nth, draw.draw_id,
        cast("Purpose", draw.method) if isinstance(draw, StratumDraw) else draw.purpose,
        frame.id, frame.version, eligible.stratum.name, unit, number, taken,
        event.id, event.colleague_id, event.team_id, event.site, event.topic, event.language,
        event.started_at, event.ended_at, eligible.pseudonym, event.outcome,
    )  # fmt: skip


def _drawn(transaction_id: str, stratum: StratumDraw, counts: DayCounts, source: Partition) -> tuple[int | None, bool]:
    """Count one eligible transaction and draw: its draw number, if the draw rests on one, and whether it was taken.

    Of a capped stratum `taken` is the first of two draws; a quota has one draw only, which is not made here.
    """
    cell = counts.cells.get(stratum.name)
    if cell is None:
        cell = counts.cells[stratum.name] = Cell()
    number = None if stratum.number is None else stratum.number(transaction_id)
    if stratum.start is not None:
        if cell.start < 0:
            cell.start = stratum.start(segment(source, counts))
        taken = cell.eligible % stratum.every == cell.start
    else:
        taken = stratum.method == "quota" or (number is not None and number < stratum.threshold)
    cell.eligible += 1
    if taken and stratum.unit is None:
        cell.selected += 1
    return number, taken


def segment(source: Partition, counts: DayCounts) -> str:
    """Name of the segment of a systematic draw (see `streams.sampling.strata`)."""
    late = "/after-final" if counts.after_final else ""
    return f"{source_name(source)}/{counts.day.isoformat()}{late}"
