"""Estimates of domains from their draw cells, in Python: the arithmetic of the view quality_estimates once more, for
what SQL does not do (differences, leagues). Pure; a test holds it to the view.

A domain is some of the rows of `score_cells`: one group, several together, or one criterion. Scores in points.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import stdtrit

from sinks.queries.estimates import ScoreCell

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class InCell:
    """What a domain has of one draw cell: n reviewed of `size` in all, and sums over the domain of z and z^2."""

    n: float
    size: float
    z: float
    zz: float


@dataclass(frozen=True, slots=True)
class Domain:
    """A mean and what its error is made of, by draw cell."""

    mean: float
    weight: float
    """Transactions that it speaks for."""
    reviewed: float
    by_cell: Mapping[str, InCell]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its error. `standard_error`, `lower`, `upper` None: a review stands alone, no error to be had."""

    value: float
    standard_error: float | None
    df: int
    lower: float | None
    upper: float | None


def domain(cells: Iterable[ScoreCell]) -> Domain | None:
    """The domain of these rows; None of none. z_i = w_i (y_i - mean) / sum(w)."""
    rows = list(cells)
    weight = sum(row.weight * row.k for row in rows)
    if not weight:
        return None
    mean = sum(row.weight * row.k * row.mean for row in rows) / weight
    by_cell: dict[str, InCell] = {}
    for row in rows:
        share, off = row.weight / weight, row.mean - mean
        before = by_cell.get(row.cell, InCell(row.n, row.size, 0, 0))
        z, zz = share * row.k * off, share**2 * (row.m2 + row.k * off**2)
        by_cell[row.cell] = InCell(row.n, row.size, before.z + z, before.zz + zz)
    return Domain(mean, weight, sum(row.k for row in rows), by_cell)


def interval_of(one: Domain) -> Interval:
    """The mean with its 95 % interval."""
    return contrast([(1.0, one)])


def contrast(terms: Sequence[tuple[float, Domain]]) -> Interval:
    """sum(a_j mean_j) of domains that share no transaction, with its 95 % interval by t.

    z of the contrast is sum(a_j z_j), so what domains have in common of a cell is in its variance:
    V = sum_h (1 - n_h/N_h) n_h/(n_h - 1) (sum z^2 - (sum z)^2 / n_h), df = sum n_h - H. Source: Lumley 2010, ch. 2;
    Särndal, Swensson & Wretman 1992, ch. 5.
    """
    value = sum(factor * one.mean for factor, one in terms)
    together: dict[str, InCell] = {}
    for factor, one in terms:
        for name, part in one.by_cell.items():
            before = together.get(name, InCell(part.n, part.size, 0, 0))
            together[name] = InCell(
                part.n, part.size, before.z + factor * part.z, before.zz + factor**2 * part.zz
            )  # fmt: skip
    parts = together.values()
    df = round(sum(part.n for part in parts)) - len(together)
    sampled = [part for part in parts if part.size > part.n]
    alone = any(part.n < 2 for part in sampled)
    single = any(one.reviewed == 1 and any(part.size > part.n for part in one.by_cell.values()) for _, one in terms)
    if alone or single:
        return Interval(value, None, df, None, None)
    variance = sum(
        (1 - part.n / part.size) * part.n / (part.n - 1) * max(part.zz - part.z**2 / part.n, 0.0) for part in sampled
    )
    error = math.sqrt(variance)
    reach = float(stdtrit(df, 0.5 + CONFIDENCE / 2)) * error if error else 0.0
    return Interval(value, error, df, value - reach, value + reach)


def grouped(cells: Iterable[ScoreCell]) -> dict[str, list[ScoreCell]]:
    """Rows by group, in the order of their names."""
    found: dict[str, list[ScoreCell]] = defaultdict(list)
    for one in cells:
        found[one.group_id].append(one)
    return dict(sorted(found.items()))
