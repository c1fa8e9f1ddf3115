"""What a frame would have drawn from stored transactions: by its own strata and draws, in the order of the log.

Transactions that notices excluded stay excluded, for rows do not hold notices; all else is judged by the frame on
trial. Precision takes each transaction's inclusion probability under the frame (of quotas and caps from the size of its
unit and window) and what scores say of each stratum.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from schemas.base import Versioned
from schemas.frame import SamplingFrame
from sinks.queries.log_of_decisions import Period, high_water, slices, spans
from sinks.queries.observed import Observed, observed_scores
from sinks.store import Asker
from streams.drawing.cells import Cell, head, id_of
from streams.drawing.plans import TARGETED, Plans
from streams.registers import Appended, Requests, Timeline
from streams.routing.routes import Routes
from streams.sampling.decided import DecidedLine
from streams.sampling.overlays import Overlay
from streams.stage import Partition
from tafol.frames import precision
from tafol.frames.redraw import Again, Redraw, event_of, in_batches

MONTH_DAYS: Final = 365.25 / 12
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class StratumTrial:
    """One stratum over the period. `expected`: items, the sum of inclusion probabilities; `drawn`: by this seed."""

    name: str
    method: str
    eligible: int = 0
    drawn: int = 0
    expected: float = 0.0
    deviation: float = precision.DEFAULT_DEVIATION
    observed: int = 0
    """Scores that the deviation rests on; 0: it is an assumption."""
    cells: int = 0
    """Units and windows of a quota."""
    short_cells: int = 0
    """Those in which there were fewer transactions than the quota asks for."""


@dataclass(frozen=True, slots=True)
class TeamPrecision:
    """One team in a month like the period. Points; None where the frame draws fewer than two of the team."""

    team_id: str
    eligible: float
    expected: float
    uncovered: float
    """Transactions in strata from which nothing is drawn."""
    half_width: float | None
    smallest_drop: float | None


@dataclass
class Trial:
    """What a frame would have drawn in `days` days. Items are reviews: one that is reviewed twice counts two."""

    days: float
    transactions: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    strata: dict[str, StratumTrial] = field(default_factory=dict)
    overlays: Counter[str] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    colleagues: Counter[str] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    teams: tuple[TeamPrecision, ...] = ()
    items: int = 0
    """Reviews."""
    drawn: set[str] = field(default_factory=set)
    """Transactions drawn, by id."""

    @property
    def eligible(self) -> int:
        return sum(one.eligible for one in self.strata.values())

    @property
    def items_per_week(self) -> float:
        return self.items / self.days * 7


class _Seen(NamedTuple):
    """What is kept of a candidate until its window closes."""

    line: DecidedLine
    stratum: str


class _Groups(NamedTuple):
    """Sums over the transactions of one team and stratum: how many; their (1 - p) / p, and p."""

    size: float = 0
    excess: float = 0.0
    expected: float = 0.0


class Trying:
    """Tries a frame on one partition after another; `finish` closes all windows and sums up."""

    def __init__(self, frame: SamplingFrame, period: Period, scores: Mapping[str, Observed]) -> None:
        self._frame = frame
        self._period = period
        self._scores = scores
        self._timeline = Timeline.of("sampling frame", [Appended(frame, EARLIEST)])
        self._plans = Plans(self._timeline, Requests())
        self._kept: dict[str, _Seen] = {}
        self._cells: dict[tuple[str, datetime, str], Cell] = {}
        self._of_cell: dict[tuple[str, datetime, str], tuple[int, float, str]] = {}
        self._members: dict[tuple[str, datetime, str], Counter[str]] = defaultdict(Counter)
        self._groups: dict[tuple[str, str], _Groups] = defaultdict(_Groups)
        self._observed: dict[str, list[Observed]] = defaultdict(list)
        self._routes = Routes(frame)
        days = (period.ends - period.starts).total_seconds() / 86_400
        self._trial = Trial(days)

    @property
    def transactions(self) -> int:
        """Tried so far."""
        return self._trial.transactions

    def redraw(self, source: Partition, waters: tuple[datetime, datetime] | None) -> Redraw:
        """For the transactions of one partition."""
        return Redraw(source, self._timeline, waters)

    def add(self, line: DecidedLine, redraw: Redraw) -> None:
        """Take the next transaction of a partition; one outside the period only moves the log on."""
        again = redraw.again(line)
        if not self._period.starts <= line.ended_at < self._period.ends:
            return
        trial = self._trial
        trial.transactions += 1
        stratum = again.stratum
        if stratum is None:
            trial.excluded[again.reason] += 1
            return
        one = trial.strata.get(stratum.name)
        if one is None:
            one = trial.strata[stratum.name] = StratumTrial(stratum.name, stratum.method)
        one.eligible += 1
        if line.id in self._scores:
            self._observed[stratum.name].append(self._scores[line.id])
        if stratum.unit is not None:
            self._wait(line, again, stratum.draw_id, stratum.unit(event_of(line)), stratum.name)
        else:
            self._weigh(line.team_id, stratum.name, stratum.probability or 0.0, 1)
            if again.taken:
                one.drawn += 1
                self._select(line, stratum.name)
        for overlay in again.frame.overlays:
            if overlay.takes(event_of(line), line.appended_at):
                self._aim(line, again, overlay, stratum.name)

    def finish(self) -> Trial:
        """Close every window, and sum up."""
        trial = self._trial
        for key, cell in self._cells.items():
            n, rate, stratum = self._of_cell[key]
            if stratum:
                one = trial.strata[stratum]
                one.cells += 1
                one.short_cells += cell.eligible < n
                one.drawn += len(cell.kept)
                share = len(cell.kept) / cell.taken if cell.taken else 0.0
                for team, members in self._members[key].items():
                    self._weigh(team, stratum, rate * share, members)
            else:
                trial.overlays[_overlay_name(key[0])] += len(cell.kept)
            for kept in cell.kept:
                seen = self._kept[id_of(kept)]
                self._select(seen.line, seen.stratum)
        self._learn()
        trial.teams = self._teams()
        return trial

    def _wait(self, line: DecidedLine, again: Again, draw_id: str, unit: str, stratum: str) -> None:
        """A candidate of a quota or a cap."""
        plan = self._plans.get(draw_id, Versioned(id=again.frame.id, version=again.frame.version), stratum)
        part = plan.part_at(line.ended_at)
        key = draw_id, part.starts, unit
        cell = self._cells.setdefault(key, Cell())
        self._of_cell[key] = part.n, plan.rate, stratum if plan.purpose != "targeted" else ""
        self._members[key][line.team_id] += 1
        cell.eligible += 1
        if again.taken or plan.purpose == "targeted":
            cell.taken += 1
            self._keep(cell, line, again.number or 0, part.n, stratum)

    def _aim(self, line: DecidedLine, again: Again, overlay: Overlay, stratum: str) -> None:
        """A transaction that an overlay is about."""
        if overlay.unit is None:
            self._trial.overlays[_overlay_name(overlay.draw_id)] += 1
            self._select(line, stratum)
            return
        aimed = again._replace(number=overlay.number(line.id), taken=True)
        self._wait(line, aimed, overlay.draw_id, overlay.unit(event_of(line)), stratum)

    def _keep(self, cell: Cell, line: DecidedLine, number: int, most: int, stratum: str) -> None:
        cell.keep(head(number, line.id), most)
        self._kept[line.id] = _Seen(line, stratum)

    def _select(self, line: DecidedLine, stratum: str) -> None:
        """A transaction that some draw took becomes reviews, once however many draws took it."""
        trial, frame = self._trial, self._frame
        if line.id in trial.drawn:
            return
        trial.drawn.add(line.id)
        copies = self._routes.copies(line.id, stratum)
        trial.items += copies
        trial.queues[self._routes.route_of(line).queue] += copies
        trial.colleagues[line.colleague_id] += copies
        trial.by_day[line.ended_at.astimezone(frame.zone).date()] += copies

    def _weigh(self, team: str, stratum: str, probability: float, members: int) -> None:
        group = self._groups[team, stratum]
        excess = (1 - probability) / probability if probability else 0.0
        self._trial.strata[stratum].expected += probability * members
        self._groups[team, stratum] = _Groups(
            group.size + members, group.excess + members * excess, group.expected + probability * members
        )

    def _learn(self) -> None:
        """How far scores differ in each stratum; where too few say, in all together; else the default."""
        everything = [one for scores in self._observed.values() for one in scores]
        pooled = _deviation(everything)
        for name, one in self._trial.strata.items():
            own = self._observed[name]
            if len(own) >= precision.LEAST_OBSERVED:
                one.deviation, one.observed = _deviation(own), len(own)
            elif len(everything) >= precision.LEAST_OBSERVED:
                one.deviation, one.observed = pooled, 0

    def _teams(self) -> tuple[TeamPrecision, ...]:
        by_team: dict[str, dict[str, _Groups]] = defaultdict(dict)
        for (team, stratum), group in self._groups.items():
            by_team[team][stratum] = group
        a_month = MONTH_DAYS / self._trial.days
        return tuple(self._team(team, groups, a_month) for team, groups in sorted(by_team.items()))

    def _team(self, team: str, groups: Mapping[str, _Groups], a_month: float) -> TeamPrecision:
        covered = {name: group for name, group in groups.items() if group.expected}
        size = sum(group.size for group in covered.values()) * a_month
        expected = sum(group.expected for group in covered.values()) * a_month
        uncovered = sum(group.size for group in groups.values()) * a_month - size
        half = drop = None
        if expected >= 2:
            error = precision.standard_error(
                [group.excess * a_month for group in covered.values()],
                [self._trial.strata[name].deviation for name in covered],
                size,
            )
            half, drop = precision.half_width(error), precision.smallest_drop(error)
        return TeamPrecision(team, size + uncovered, expected, uncovered, half, drop)


def try_out(
    store: Asker, frame: SamplingFrame, period: Period, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Trial:
    """Try `frame` on the stored transactions of `period`. `progress`: (transactions done, of how many).

    Raises StoreError.
    """
    scores = observed_scores(store, ended_from=period.starts, ended_to=period.ends)
    trying = Trying(frame, period, scores)
    found = spans(store, period)
    everything = sum(span.transactions for span in found)
    for span in found:
        source = Partition(span.source_topic, span.source_partition)
        redraw = trying.redraw(source, high_water(store, *source, span.first_offset))
        for batch in in_batches(slices(store, span, period)):
            for line in batch:
                trying.add(line, redraw)
            redraw.forget()
            progress(trying.transactions, everything)
    return trying.finish()


def _overlay_name(draw_id: str) -> str:
    return draw_id.partition(f":{TARGETED}")[2]


def _deviation(scores: list[Observed]) -> float:
    return precision.weighted_deviation([one.score_0_100 for one in scores], [one.weight for one in scores])
