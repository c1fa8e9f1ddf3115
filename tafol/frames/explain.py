"""One decision made again, step by step, and held against what happened (`tafol explain`).

The record itself is read from Kafka while it is there: then the notices are judged too. Everything else comes from the
transaction's row, the registers, and the rows before it in its partition where a systematic draw counted them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple

from schemas.base import Origin, Versioned
from schemas.catalogue import CHANNEL_OF_TOPIC
from schemas.conditions import READ, holds_for
from schemas.draw_number import SPACE
from schemas.frame import SamplingFrame
from schemas.selection import PROBABILITY_PURPOSES
from sinks.queries.draws import taken_by_draw, waiting_in_stratum
from sinks.queries.log_of_decisions import Period, Span, first_since, high_water, slices
from sinks.queries.story import Story
from sinks.store import Asker, Row
from streams.drawing.plans import Plans
from streams.registers import Registers
from streams.sampling.decided import DecidedLine
from streams.sampling.decode import read_event
from streams.sampling.eligibility import NoticeJudge
from streams.stage import Partition
from tafol.frames import words
from tafol.frames.redraw import NOTICE_REASONS, Again, Redraw, event_of, in_batches, stored
from tafol.frames.verify import Candidate, bottom, cell_key, may_be_late

REASON_WORDS: Final = {
    "customer_not_told": "the customer was not told of the monitoring",
    "customer_told_late": "the customer was told too late",
    "customer_told_otherwise": "the customer was told in a way that does not count on this channel",
    "customer_notice_not_valid": "the notice given to the customer did not hold then on this channel",
    "colleague_not_told": "the colleague had not signed a monitoring policy",
    "colleague_notice_not_valid": "the policy that the colleague signed did not hold then",
    "too_short": "it was shorter than the frame's least length",
    "no_stratum": "no stratum takes it",
    "frame_retired": "the frame had retired by then",
}
LATE: Final = "/after-final"
"""Ends the name of a segment of those that came when their day was final."""
MOST_PASSED_OVER: Final = 12
"""Strata before the one that took it that are named one by one."""


class Step(NamedTuple):
    """One part of the decision. `agrees` None: nothing to hold it against."""

    name: str
    sentence: str
    agrees: bool | None = None


@dataclass
class Explanation:
    """The whole decision about one transaction."""

    transaction_id: str
    steps: list[Step] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return all(step.agrees is not False for step in self.steps)

    def add(self, name: str, sentence: str, *, agrees: bool | None = None) -> None:
        self.steps.append(Step(name, sentence, agrees))


class _Case(NamedTuple):
    """What a decision rests on, and what came of it."""

    store: Asker
    registers: Registers
    line: DecidedLine
    again: Again
    found: Story


FetchRecord = Callable[[Origin], bytes | None]
"""The value at an origin of the log; None when it is no longer there."""


def explain(store: Asker, registers: Registers, found: Story, fetch: FetchRecord) -> Explanation:
    """Explain a stored transaction. Raises StoreError, UnknownVersion, and what `fetch` raises."""
    line = stored(found.decided)
    told = Explanation(line.id)
    origin = Origin(topic=line.source_topic, partition=line.source_partition, offset=line.source_offset)
    told.add(
        "transaction",
        f"{line.channel} of colleague {line.colleague_id}, team {line.team_id}; ended "
        f"{_at(line.ended_at)}; record {origin}",
    )
    reason = _notice_reason(registers, line, origin, fetch, told)
    again = _decide(store, registers, line, reason)
    frame = again.frame.frame
    named = f"{line.frame_id}:{line.frame_version}"
    told.add("frame", f"{frame.ref} held then{_since(registers, frame)}", agrees=frame.ref.key == named)
    if again.reason:
        told.add(
            "eligibility",
            f"excluded: {REASON_WORDS.get(again.reason, again.reason)} ({again.reason})",
            agrees=line.decision == "excluded" and line.reason == again.reason,
        )
    else:
        told.add("eligibility", "eligible", agrees=line.decision != "excluded")
    if again.stratum is not None:
        told.add("stratum", _stratum(frame, line, again.stratum.name), agrees=line.stratum == again.stratum.name)
        _draw(_Case(store, registers, line, again, found), told)
    else:
        taken = [row for row in found.selections if row["purpose"] in PROBABILITY_PURPOSES]
        told.add("draw", "nothing is drawn of what is excluded", agrees=not taken)
    _afterwards(found, told)
    return told


def _notice_reason(
    registers: Registers, line: DecidedLine, origin: Origin, fetch: FetchRecord, told: Explanation
) -> str | None:
    """Why notices exclude it, by the record itself; None when the record is gone."""
    raw = fetch(origin)
    if raw is None:
        told.add("record", "no longer in Kafka: the notices are taken from the stored row, all else is made again")
        return None
    event, _ = read_event(raw)
    if event.id != line.id:
        told.add(
            "record",
            f"{origin} holds another transaction: the log or the tables are not of one installation",
            agrees=False,
        )
        return None
    channel = CHANNEL_OF_TOPIC[line.source_topic]
    frame = Redraw(Partition(origin.topic, origin.partition), registers.frames, None).frame_at(line.ended_at)
    reason = NoticeJudge(registers.notices, channel).reason(event, frame.eligibility)
    customer = event.monitoring_notice.customer
    if customer is None:
        said = "customer not told"
    else:
        after_s = (customer.at - event.started_at).total_seconds()
        said = (
            f"customer told by {customer.notice_id} {after_s:.0f} s after the start"
            if after_s > 0
            else (f"customer told by {customer.notice_id} at the start")
        )
    signed = event.monitoring_notice.colleague
    told.add("notices", f"{said}; colleague {'signed ' + signed if signed else 'signed nothing'}")
    return reason if reason in NOTICE_REASONS else ""


def _decide(store: Asker, registers: Registers, line: DecidedLine, notice_reason: str | None) -> Again:
    """The decision; of a systematic draw with all that came before it on the day that it was counted on."""
    source = Partition(line.source_topic, line.source_partition)
    waters = high_water(store, *source, line.source_offset)
    alone = Redraw(source, registers.frames, waters).again(line, notice_reason)
    if alone.stratum is None or alone.stratum.start is None:
        return alone
    # A late one is counted on the day of the latest append, any other on its own.
    counted_at = max(line.appended_at, waters[1]) if alone.segment.endswith(LATE) and waters else line.ended_at
    zone = alone.frame.frame.zone
    begins = datetime.combine(counted_at.astimezone(zone).date(), time(), zone).astimezone(UTC)
    period = Period(begins, line.ended_at)
    first = first_since(store, *source, period.appended_from)
    if first is None or first >= line.source_offset:
        return alone
    redraw = Redraw(source, registers.frames, high_water(store, *source, first))
    for batch in in_batches(slices(store, Span(*source, first, line.source_offset, 0), period)):
        for earlier in batch:
            redraw.again(earlier)
    return redraw.again(line, notice_reason)


def _stratum(frame: SamplingFrame, line: DecidedLine, name: str) -> str:
    """Which condition took it, and what kept it from the strata before."""
    taker = frame.stratum(name)
    event = event_of(line)
    passed = frame.strata[: frame.strata.index(taker)]
    why = [f"not {one.name} ({_missing(one.when.named, event)})" for one in passed[-MOST_PASSED_OVER:]]
    before = f", and {len(passed) - len(why)} before them" if len(passed) > len(why) else ""
    return f"{name}, which takes {words.condition(taker.when)}" + (f"; {'; '.join(why)}{before}" if why else "")


def _missing(named: dict[str, Any], event: Any) -> str:
    """The first field of a condition that does not pass."""
    for name, wanted in named.items():
        if not holds_for(wanted, READ[name](event)):
            found = READ[name](event)
            shown = words.listed(found) if isinstance(found, tuple) else "not given" if found is None else str(found)
            return f"{words.field(name)} is {shown}" if name != "attributes" else "an attribute differs"
    return "it passes"


def _draw(case: _Case, told: Explanation) -> None:
    """How it was drawn, and what came of it."""
    line, again, found = case.line, case.again, case.found
    stratum = again.stratum
    assert stratum is not None
    declared = again.frame.frame.stratum(stratum.name)
    mine = next((row for row in found.selections if row["draw_id"] == stratum.draw_id), None)
    told.add("method", words.draw(declared), agrees=line.draw_method == stratum.method)
    if again.number is not None:
        told.add(
            "draw number",
            f"{again.number} of 2^64, that is {again.number / SPACE:.6f}",
            agrees=line.draw_number == again.number,
        )
    if stratum.start is not None:
        told.add(
            "systematic",
            f"number {again.ordinal} (from 0) of {again.segment}; every {words.ordinal(stratum.every)} is taken, from "
            f"{again.start} on: {again.ordinal} mod {stratum.every} is {again.ordinal % stratum.every}",
        )
    elif stratum.method == "random":
        told.add(
            "threshold",
            f"{stratum.threshold} of 2^64, that is {stratum.threshold / SPACE:.6f}: the number is "
            f"{'below' if again.taken else 'not below'} it",
        )
    if stratum.unit is not None:
        _window(case, mine, told)
        return
    told.add("decision", again.decision.replace("_", " "), agrees=line.decision == again.decision)
    told.add(
        "selection",
        "there is one" if mine else "there is none",
        agrees=(mine is not None) == (again.decision == "selected"),
    )


def _window(case: _Case, mine: Row | None, told: Explanation) -> None:
    """The rank of a candidate in its unit and window, and what the draw made of it."""
    store, line, again = case.store, case.line, case.again
    stratum = again.stratum
    assert stratum is not None
    assert stratum.unit is not None
    ref = Versioned(id=again.frame.id, version=again.frame.version)
    plan = Plans.of(case.registers).get(stratum.draw_id, ref, stratum.name)
    key = cell_key(plan, stratum.draw_id, stratum.unit(event_of(line)), line.ended_at)
    told.add(
        "window",
        f"{key.unit}, from {_at(key.starts)} to {_at(key.ends)}; it closes when time has come to "
        f"{_at(key.closes)}, and gives {key.n}",
        agrees=line.decision == "pending",
    )
    if stratum.start is not None:
        told.add(
            "selection",
            "there is one"
            if mine
            else "none: the cap, the first draw, or a window that is still open "
            "(rows do not say what the first draw of the others took)",
        )
        return
    rows = waiting_in_stratum(store, ref, stratum.name, ended_from=key.starts, ended_to=key.ends)
    threshold = stratum.threshold if stratum.method == "random" else SPACE
    candidates = [
        Candidate(number, row["id"], number < threshold, may_be_late(row["appended_at"], key.closes))
        for row, number in ((row, row["draw_number"]) for row in rows)
        if _unit(row, key.unit)
    ]
    in_draw = [one for one in candidates if one.taken]
    rank = next((nth for nth, one in enumerate(in_draw, 1) if one.id == line.id), None)
    of = (
        f"of {len(in_draw)} that the first draw took, and {len(candidates)} in all"
        if plan.rate < 1
        else (f"of {len(candidates)} transactions")
    )
    told.add(
        "rank",
        f"{words.ordinal(rank)} smallest draw number {of}"
        if rank
        else f"the first draw did not take it; {len(in_draw)} of {len(candidates)} it did",
    )
    taken = taken_by_draw(store, stratum.draw_id, [one.id for one in candidates])
    if not taken and in_draw:
        told.add("selection", "none yet: the window has given nothing so far")
        return
    wrong = any(one.id == line.id for one in bottom(candidates, taken, key.n))
    told.add(
        "selection", f"{'there is one' if mine else 'there is none'}; the window gave {len(taken)}", agrees=not wrong
    )


def _unit(row: Row, unit: str) -> bool:
    return unit in ("all", f"colleague/{row['colleague_id']}", f"team/{row['team_id']}")


def _afterwards(found: Story, told: Explanation) -> None:
    """Purposive checks, tasks, reviews and scores: told, for no rule of the frame decides them alone."""
    for row in found.selections:
        if row["purpose"] not in PROBABILITY_PURPOSES:
            told.add("check", f"taken for a {row['purpose']} check too, {row['draw_id']}; it enters no estimate")
    if found.selections:
        told.add("tasks", f"{len(found.tasks)} review task(s)" if found.tasks else "no review task is stored")
    for row in found.tasks:
        told.add(
            "task",
            f"copy {row['copy_number']} of {row['copies']} for {words.listed(row['purposes'])}: queue "
            f"{row['queue']}, scorecard {row['scorecard_id']}:{row['scorecard_version']}, priority "
            f"{row['priority']}, due {_at(row['due_at'])}",
        )
    for row in found.reviews:
        by = f" by {row['reviewer_id']}" if row["reviewer_id"] else ""
        why = f" ({row['outcome_reason']})" if row["outcome_reason"] else ""
        told.add(
            "review",
            f"copy {row['copy_number']} {row['outcome']}{by} at {_at(row['outcome_at'])}{why}, revision "
            f"{row['revision']}",
        )
    for row in found.scores:
        points = "nothing was applicable" if row["total_0_100"] is None else f"{row['total_0_100']:.1f} of 100"
        critical = f"; critical error: {words.listed(row['critical_errors'])}" if row["critical_errors"] else ""
        told.add("score", f"{points} from {row['reviews']} review(s) on {row['scorecard_id']}{critical}")


def _since(registers: Registers, frame: SamplingFrame) -> str:
    first = registers.frames.entries[0].ref == frame.ref
    return ", as the first frame from the beginning of time" if first else f", from {_at(frame.holds_from)}"


def _at(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
