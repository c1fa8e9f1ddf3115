"""All decisions of a period made again from ClickHouse, and compared with what happened.

Checked of every stored transaction: which frame held; the reason, as far as the row can prove it; the stratum; the
draw number; whether it was taken, of systematic draws by its ordinal in the log; and that selections are there for all
that were taken and for no others. Quotas and caps: the smallest draw numbers of each unit and window.

What cannot be told from the tables is counted apart, never taken as right: notices (see `tafol.frames.redraw`), windows
that the period cuts or that are still open. Where the draw counted fewer candidates than there are rows, some came too
late and are rightly outside; which ones is not stored, so such a window must be right for some choice of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas.base import Versioned
from sinks.queries.draws import closed_cells, selections_between
from sinks.queries.log_of_decisions import FUTURE_LIMIT, Period, high_water, slices, spans
from sinks.store import Asker
from streams.drawing.plans import Plan, Plans
from streams.registers import Registers
from streams.sampling.decided import DecidedLine
from streams.stage import Partition
from tafol.frames.redraw import NOTICE_REASONS, Again, Redraw, event_of, in_batches

KEPT: Final = 200
"""Disagreements that are kept with their words; all are counted."""


class Disagreement(NamedTuple):
    """One thing that is not as the frame says. `what`: the column or the record."""

    transaction_id: str
    what: str
    expected: str
    found: str


class Candidate(NamedTuple):
    """One transaction in a draw with windows, in the order of the draw. `late`: it may have missed its window."""

    number: int
    id: str
    taken: bool
    late: bool


@dataclass
class Findings:
    """What was checked and what was found."""

    checked: int = 0
    """Transactions."""
    windows: int = 0
    """Units and windows of quotas and caps."""
    disagree: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    """The first KEPT of them."""
    untold: Counter[str] = field(default_factory=Counter)
    """What could not be told, by why."""

    def say(self, transaction_id: str, what: str, expected: object, found: object) -> None:
        self.disagree += 1
        if len(self.disagreements) < KEPT:
            self.disagreements.append(Disagreement(transaction_id, what, str(expected), str(found)))


def verify(
    store: Asker, registers: Registers, period: Period, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Findings:
    """Verify all transactions that ended in `period`. `progress`: (transactions done, of how many).

    Raises StoreError, UnknownVersion where the register lacks a frame that rows name.
    """
    findings = Findings()
    drawn = _drawn(store, period)
    waiting: dict[_CellKey, list[Candidate]] = defaultdict(list)
    plans = Plans.of(registers)
    found = spans(store, period)
    everything = sum(span.transactions for span in found)
    for span in found:
        source = Partition(span.source_topic, span.source_partition)
        redraw = Redraw(source, registers.frames, high_water(store, *source, span.first_offset))
        for batch in in_batches(slices(store, span, period)):
            for line in batch:
                again = redraw.again(line)
                if period.starts <= line.ended_at < period.ends:
                    findings.checked += 1
                    _compare(findings, line, again, drawn)
                    _put_up(waiting, line, again, plans)
            redraw.forget()
            progress(findings.checked, everything)
    in_time = closed_cells(store, starts_from=period.starts, ends_to=period.ends)
    _compare_windows(findings, waiting, drawn, period, in_time)
    for draw_id, taken in drawn.items():
        for transaction_id in taken:
            findings.say(transaction_id, "selection", "none", f"taken by {draw_id}")
    return findings


def bottom(candidates: Iterable[Candidate], taken: frozenset[str], n: int) -> list[Candidate]:
    """Those candidates whose fate is not what the draw of the `n` smallest gives, whichever of the late ones missed it.

    Empty when all is right. `taken`: ids of those that were selected.
    """
    ordered = sorted(candidates)
    drawn = [one for one in ordered if one.taken]
    if not any(one.late for one in ordered):
        should = {one.id for one in drawn[:n]}
        return [one for one in ordered if (one.id in taken) != (one.id in should)]
    selected = [one for one in drawn if one.id in taken]
    wrong = [one for one in ordered if one.id in taken and not one.taken] + selected[n:]
    last = selected[n - 1] if len(selected) >= n > 0 else None
    missed = [one for one in drawn if one.id not in taken and not one.late and n and (last is None or one < last)]
    return wrong + missed


class _CellKey(NamedTuple):
    draw_id: str
    starts: datetime
    ends: datetime
    closes: datetime
    n: int
    unit: str


_Drawn = Mapping[str, dict[str, Any]]
"""Selections by draw id and transaction id; those that are accounted for are taken out."""


def _drawn(store: Asker, period: Period) -> _Drawn:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in selections_between(store, ended_from=period.starts, ended_to=period.ends):
        found[str(row["draw_id"])][str(row["transaction_id"])] = row
    return found


def _compare(findings: Findings, line: DecidedLine, again: Again, drawn: _Drawn) -> None:
    named = f"{line.frame_id}:{line.frame_version}"
    if again.frame.frame.ref.key != named:
        findings.say(line.id, "frame", again.frame.frame.ref.key, named)
        return
    if line.reason in NOTICE_REASONS:
        findings.untold["excluded by a notice, which rows do not hold"] += 1
        return
    stratum = again.stratum
    for what, expected, found in (
        ("reason", again.reason, line.reason),
        ("stratum", stratum.name if stratum else "", line.stratum),
        ("draw method", stratum.method if stratum else "", line.draw_method),
        ("draw number", again.number, line.draw_number),
        ("inclusion probability", stratum.probability if stratum else None, line.inclusion_probability),
        ("decision", again.decision, line.decision),
    ):
        if expected != found:
            findings.say(line.id, what, _or_none(expected), _or_none(found))
            return
    if stratum is None or stratum.unit is not None:
        return
    selection = drawn.get(stratum.draw_id, {}).pop(line.id, None)
    if (selection is not None) != (again.decision == "selected"):
        findings.say(line.id, "selection", again.decision, "none" if selection is None else "taken")


def _put_up(waiting: dict[_CellKey, list[Candidate]], line: DecidedLine, again: Again, plans: Plans) -> None:
    """Note a candidate of a quota or a cap in its unit and window."""
    stratum = again.stratum
    if stratum is None or stratum.unit is None:
        return
    ref = Versioned(id=again.frame.id, version=again.frame.version)
    plan = plans.get(stratum.draw_id, ref, stratum.name)
    key = cell_key(plan, stratum.draw_id, stratum.unit(event_of(line)), line.ended_at)
    waiting[key].append(Candidate(again.number or 0, line.id, again.taken, may_be_late(line.appended_at, key.closes)))


def cell_key(plan: Plan, draw_id: str, unit: str, ended_at: datetime) -> _CellKey:
    """The unit and window that a candidate belongs to."""
    part = plan.part_at(ended_at)
    return _CellKey(draw_id, part.starts, part.ends, part.ends + plan.lateness, part.n, unit)


def may_be_late(appended_at: datetime, closes: datetime) -> bool:
    """Whether a candidate may have come when its window was closed: only after somebody had seen an event of that time,
    and such an event was appended at the most FUTURE_LIMIT before.
    """
    return appended_at > closes - FUTURE_LIMIT - _ROUNDING


_ROUNDING: Final = timedelta(seconds=1)


def _compare_windows(
    findings: Findings,
    waiting: Mapping[_CellKey, Sequence[Candidate]],
    drawn: _Drawn,
    period: Period,
    in_time: Mapping[tuple[str, str, datetime], int],
) -> None:
    """`in_time`: how many candidates came in time, by draw, unit and start of each closed window."""
    closed = {(draw_id, starts) for draw_id, _, starts in in_time}
    for key, candidates in waiting.items():
        taken = {one.id for one in candidates if drawn.get(key.draw_id, {}).pop(one.id, None) is not None}
        if key.starts < period.starts or key.ends > period.ends:
            findings.untold["in a window that the period cuts"] += len(candidates)
            continue
        if (key.draw_id, key.starts) not in closed:
            findings.untold["in a window that is still open"] += len(candidates)
            continue
        findings.windows += 1
        name = f"draw of {key.unit} from {key.starts:%Y-%m-%d}"
        counted = in_time.get((key.draw_id, key.unit, key.starts), 0)
        if counted > len(candidates):
            findings.say(candidates[0].id, f"{name}: candidates", len(candidates), counted)
        elif counted < len(candidates):
            findings.untold["in a window that some came too late for"] += len(candidates)
        else:
            candidates = [one._replace(late=False) for one in candidates]  # noqa: PLW2901 - the same, known better
        for one in bottom(candidates, frozenset(taken), key.n):
            was, should = ("taken", "not taken") if one.id in taken else ("not taken", "taken")
            findings.say(one.id, name, should, was)


def _or_none(value: object) -> object:
    return "none" if value is None or value == "" else value
