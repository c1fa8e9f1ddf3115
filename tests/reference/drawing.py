"""The draw stage once more, plain: one pass over the candidates log, pydantic models, and a sort at the end.

Written from the contracts (Stages, Markers, Lateness, Caps, Requests), to hold the stage to. It is told when windows
close by the same markers, for closing is a function of the log; what is drawn is sorted out of everything that came.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from schemas.base import Versioned
from schemas.candidate import Candidate, read_candidates
from schemas.catalogue import SOURCE_TOPICS
from schemas.frame import QuotaDraw, RandomDraw, SamplingFrame, SystematicDraw
from schemas.headers import origin_of
from schemas.marker import Marker
from schemas.selection import PROBABILITY_PURPOSES
from streams.registers import Registers
from streams.stage import LogRecord, PlainRecord

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class Rule(NamedTuple):
    """How one candidate's window is drawn."""

    starts: datetime
    ends: datetime
    closes: datetime
    n: int
    takes_next: bool
    rate: float


@dataclass
class Drawn:
    """What must come of a log. Units: (draw id, start, unit)."""

    selected: dict[str, tuple[float | None, datetime | None]] = field(default_factory=dict)
    """Selection id -> inclusion probability and drawn_at; None where drawn_at is the candidate's own append time."""
    cells: dict[tuple[str, datetime, str], tuple[int, int, int]] = field(default_factory=dict)
    """Eligible, taken, selected of each closed cell."""
    candidates: Counter[str] = field(default_factory=Counter)
    """By stratum, as are the next two."""
    late: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)


def draw(records: Sequence[LogRecord], registers: Registers) -> Drawn:
    """One pass over the whole log of one partition."""
    drawn = Drawn()
    came: defaultdict[tuple[str, datetime, str], list[Candidate]] = defaultdict(list)
    rules: dict[tuple[str, datetime, str], Rule] = {}
    sources: dict[tuple[str, int], Marker] = {}
    idle: dict[tuple[str, int], bool] = {}
    water: dict[tuple[str, int], datetime] = {}
    reached = BEGINNING
    for record in records:
        read = read_candidates(record.value or b"")
        at = read.topic, read.partition
        if isinstance(read, Marker):
            if at in sources and sources[at].next_offset > read.next_offset:
                continue
            sources[at] = read
            idle[at] = read.idle
            water[at] = max(water.get(at, BEGINNING), read.high_water or BEGINNING)
            wanted = {
                (topic, number)
                for topic in SOURCE_TOPICS
                for number in range(max((m.partitions for (name, _), m in sources.items() if name == topic), default=1))
            }
            if not wanted <= sources.keys():
                continue
            speaking = [water[source] for source in sources if not idle[source]]
            appended = datetime.fromtimestamp(record.timestamp / 1000, UTC)
            reached = max(reached, min(speaking) if speaking else appended - timedelta(minutes=15))
            continue
        idle[at] = False
        for one in read.lines:
            rule = _rule(one, registers)
            counted = one.purpose in PROBABILITY_PURPOSES
            drawn.candidates[one.stratum] += counted
            if rule.closes <= reached:
                drawn.late[one.stratum] += counted
                continue
            key = one.draw_id, rule.starts, one.unit
            came[key].append(one)
            rules[key] = rule
            taken = [other for other in came[key] if other.taken]
            if rule.takes_next and one.taken and len(taken) <= rule.n:
                drawn.selected[f"{one.draw_id}|{one.id}"] = None, None
    for key, candidates in came.items():
        rule = rules[key]
        if rule.closes > reached or rule.takes_next:
            continue
        taken = sorted((one for one in candidates if one.taken), key=lambda one: (one.draw_number, one.id))
        chosen = taken[: rule.n]
        counted = candidates[0].purpose in PROBABILITY_PURPOSES
        for one in chosen:
            probability = rule.rate * len(chosen) / len(taken) if counted else None
            drawn.selected[f"{one.draw_id}|{one.id}"] = probability, rule.closes
        if counted:
            drawn.cells[key] = len(candidates), len(taken), len(chosen)
            drawn.closed[candidates[0].stratum] += len(candidates)
    return drawn


def once(records: Sequence[PlainRecord]) -> list[PlainRecord]:
    """A log without what was sent again: nothing at or below the highest origin that its source had before, by the line
    where there are lines.
    """
    highest: dict[tuple[str, str, int], tuple[int, int]] = {}
    kept: list[PlainRecord] = []
    for record in records:
        origin = origin_of(record.headers)
        if origin is None:
            kept.append(record)
            continue
        seen = highest.get(origin.upstream, (-1, -1))
        head, *lines = (record.value or b"").splitlines(keepends=True)
        fresh = [line for line in lines if tuple(json.loads(line)[:2]) > seen]
        if origin.place > seen:
            value = b"".join((head, *fresh))
            kept.append(record._replace(value=value))
            highest[origin.upstream] = origin.place
    return kept


def _rule(one: Candidate, registers: Registers) -> Rule:
    if one.draw_id.startswith("check:"):
        request = registers.requests.by_id[one.draw_id.removeprefix("check:")]
        closes = request.holds_until + timedelta(hours=1)
        return Rule(request.holds_from, request.holds_until, closes, request.n, request.pick == "next", 1.0)
    frame = registers.frames.get(Versioned(id=one.frame_id, version=one.frame_version))
    rate = 1.0
    name = one.draw_id.removeprefix(f"{frame.ref.key}:")
    if name.startswith("targeted/"):
        cap = frame.overlay(name.removeprefix("targeted/")).cap
        assert cap is not None
        window, parts, n = cap.window, cap.parts, cap.n
    else:
        stratum = frame.stratum(name)
        if isinstance(stratum.draw, QuotaDraw):
            window, parts, n = stratum.draw.window, stratum.draw.parts, stratum.draw.n
        else:
            assert stratum.cap is not None
            window, parts, n = stratum.cap.window, stratum.cap.parts, stratum.cap.n
            assert isinstance(stratum.draw, RandomDraw | SystematicDraw)
            rate = stratum.draw.rate if isinstance(stratum.draw, RandomDraw) else 1 / stratum.draw.every
    starts, ends, share = part_of(one.ended_at, frame, window, parts, n)
    return Rule(starts, ends, ends + timedelta(seconds=frame.lateness_s), share, False, rate)


def part_of(instant: datetime, frame: SamplingFrame, window: str, parts: int, n: int) -> tuple[datetime, datetime, int]:
    """The part of the window that an instant lies in, found by walking over the parts."""
    day = instant.astimezone(frame.zone).date()
    if window == "day":
        first, days = day, 1
    elif window == "week":
        first, days = day - timedelta(days=day.isoweekday() - 1), 7
    else:
        first, days = date(day.year, day.month, 1), monthrange(day.year, day.month)[1]
    for part in range(parts):
        begins = first + timedelta(days=part * days // parts)
        ends = first + timedelta(days=(part + 1) * days // parts)
        if begins <= day < ends:
            return _instant(begins, frame), _instant(ends, frame), (part + 1) * n // parts - part * n // parts
    raise AssertionError("the parts of a window leave no day out")


def _instant(day: date, frame: SamplingFrame) -> datetime:
    return datetime.combine(day, time(), frame.zone).astimezone(UTC)
