"""Two periods or two groups held against each other: the difference with its interval, what of it is mix and what is
handling, and the criteria that drive it.

Mix and within (Kitagawa 1955): with shares p and means m of the parts k, before and after,
    mix    = sum_k (p_k' - p_k) ((m_k' + m_k) / 2 - m)    other transactions came
    within = sum_k (m_k' - m_k) (p_k' + p_k) / 2          they were handled otherwise
and mix + within is the difference. m is the middle of the two overall means: it changes no sum, for shares add up to 1,
and makes the mix of one part what it is, more of what goes worse than the rest or less of it. A part that is missing on
one side counts as mix alone: nothing tells how it would have been handled there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from sinks.queries.domains import Domain, Interval, contrast, domain, grouped, interval_of
from sinks.queries.estimates import Group, Measure, ScoreCell, Within, score_cells
from sinks.store import Asker

LEAST_REVIEWED: Final = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. Points, or per cent of transactions."""

    mean: Interval
    reviewed: int
    eligible: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the work, such as one topic: shares of transactions (0 to 1), means, and what it adds to the
    difference. A mean is None on the side where nothing of the part was reviewed.
    """

    name: str
    share_before: float
    share_after: float
    mean_before: float | None
    mean_after: float | None
    mix: float
    within: float


@dataclass(frozen=True, slots=True)
class Driver:
    """One criterion on both sides."""

    criterion: str
    before: Side
    after: Side
    change: Interval
    too_few: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """After less before. `parts`: those that add most first; mix + within = change.value."""

    before: Side
    after: Side
    change: Interval
    mix: float
    within: float
    parts: tuple[Part, ...]
    too_few: bool
    """Fewer than 5 reviewed on a side, or no error to be had: no conclusion."""


def compare(
    store: Asker,
    before: Within,
    after: Within,
    *,
    mix_by: Group = "topic",
    measure: Measure = "total",
    measure_ids: tuple[str, ...] = (),
) -> Comparison | None:
    """`after` against `before`: two periods that share no day, or two groups of the same days.

    None where a side has no reviews. Two periods are taken for independent: a window of a quota that lies in both is
    counted in each. Raises ValueError for sides that may share transactions, or a measure of several ids with none or
    several named; StoreError.
    """
    if measure != "total" and len(measure_ids) != 1:
        raise ValueError(f"the measure {measure!r} is compared one id at a time")
    first, second = _sides(store, before, after, group_by=mix_by, measure=measure, measure_ids=measure_ids)
    one, other = domain(first), domain(second)
    if one is None or other is None:
        return None
    change = contrast([(-1.0, one), (1.0, other)])
    parts = _parts(first, second, one, other)
    return Comparison(
        before=_side(one),
        after=_side(other),
        change=change,
        mix=sum(part.mix for part in parts),
        within=sum(part.within for part in parts),
        parts=parts,
        too_few=_too_few(one, other, change),
    )


def drivers(store: Asker, before: Within, after: Within) -> tuple[Driver, ...]:
    """The criteria of the two sides, those that fell most first; criteria rated on both sides only.

    Sides as for `compare`. Raises ValueError, StoreError.
    """
    first, second = _sides(store, before, after, group_by="all", measure="criterion", measure_ids=())
    found = []
    for criterion in sorted({cell.measure_id for cell in first} & {cell.measure_id for cell in second}):
        one = domain(cell for cell in first if cell.measure_id == criterion)
        other = domain(cell for cell in second if cell.measure_id == criterion)
        if one is not None and other is not None:
            change = contrast([(-1.0, one), (1.0, other)])
            found.append(Driver(criterion, _side(one), _side(other), change, _too_few(one, other, change)))
    return tuple(sorted(found, key=lambda driver: (driver.change.value, driver.criterion)))


def _sides(
    store: Asker, before: Within, after: Within, *, group_by: Group, measure: Measure, measure_ids: tuple[str, ...]
) -> tuple[tuple[ScoreCell, ...], tuple[ScoreCell, ...]]:
    same_days = _check(before, after)
    first, second = (
        score_cells(store, side, group_by=group_by, measure=measure, measure_ids=measure_ids)
        for side in (before, after)
    )
    if not same_days:
        second = tuple(replace(cell, cell=f"after|{cell.cell}") for cell in second)
    return first, second


def _check(before: Within, after: Within) -> bool:
    """Whether the sides are of the same days. Raises ValueError when they may share transactions."""
    days = (before.from_day, before.to_day), (after.from_day, after.to_day)
    if before.to_day <= after.from_day or after.to_day <= before.from_day:
        return False
    if days[0] != days[1]:
        raise ValueError("the two periods share some days and not others: choose them apart")
    filters = [one.name for one in fields(Within) if one.name not in ("from_day", "to_day", "time_zone", "scorecards")]
    for name in filters:
        ours, theirs = set(getattr(before, name)), set(getattr(after, name))
        if ours and theirs and not ours & theirs:
            return True
    raise ValueError("the two groups may share transactions: choose two teams, two channels or the like")


def _side(one: Domain) -> Side:
    return Side(interval_of(one), round(one.reviewed), round(one.weight))


def _too_few(one: Domain, other: Domain, change: Interval) -> bool:
    return min(one.reviewed, other.reviewed) < LEAST_REVIEWED or change.standard_error is None


def _parts(first: Sequence[ScoreCell], second: Sequence[ScoreCell], one: Domain, other: Domain) -> tuple[Part, ...]:
    before = {name: domain(cells) for name, cells in grouped(first).items()}
    after = {name: domain(cells) for name, cells in grouped(second).items()}
    found = [_part(name, before.get(name), after.get(name), one, other) for name in sorted({*before, *after})]
    return tuple(sorted(found, key=lambda part: (-abs(part.mix + part.within), part.name)))


def _part(name: str, before: Domain | None, after: Domain | None, all_before: Domain, all_after: Domain) -> Part:
    share_before = 0.0 if before is None else before.weight / all_before.weight
    share_after = 0.0 if after is None else after.weight / all_after.weight
    mean_before = None if before is None else before.mean
    mean_after = None if after is None else after.mean
    known_before = mean_before if mean_before is not None else mean_after
    known_after = mean_after if mean_after is not None else mean_before
    assert known_before is not None
    assert known_after is not None
    return Part(
        name=name,
        share_before=share_before,
        share_after=share_after,
        mean_before=mean_before,
        mean_after=mean_after,
        mix=(share_after - share_before) * (known_before + known_after - all_before.mean - all_after.mean) / 2,
        within=(known_after - known_before) * (share_before + share_after) / 2,
    )
