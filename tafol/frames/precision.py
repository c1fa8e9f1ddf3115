"""How exact a sample is, and how to share one out over strata. Pure; docs/sampling-mathematics.md has the derivations.

Scores are in points, 0 to 100; deviations are standard deviations within a stratum, in the same points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from sinks.queries.estimates import Z_95

Z_FOUND: Final = 1.644854 + 0.841621
"""A drop this many standard errors large is found with power 80 % by a one-sided test at 5 %."""
DEFAULT_DEVIATION: Final = 15.0
"""Where no scores tell: scorecards of a dozen criteria give 10 to 20 points."""
LEAST_OBSERVED: Final = 10
"""Fewer scores than this say too little of a stratum; then those of all strata together are taken."""
SENSIBLE_RATES: Final = (
    0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3,
    0.4, 0.5, 0.6, 0.8, 1.0,
)  # fmt: skip
"""Rates that people can agree on."""


def standard_error(excess: Sequence[float], deviations: Sequence[float], size: float) -> float:
    """Of the mean of a group of `size` transactions, from each stratum's sum of (1 - p) / p over members of the group.

    V = sum_h S_h^2 * sum_i (1 - p_i) / p_i / size^2, with p_i the inclusion probability of transaction i: the variance
    of the linearised mean where the group's mean is about the same in its strata.
    """
    if not size:
        return math.inf
    return math.sqrt(sum(one * deviation**2 for one, deviation in zip(excess, deviations, strict=True))) / size


def half_width(error: float) -> float:
    """Of a 95 % interval."""
    return Z_95 * error


def smallest_drop(error: float) -> float:
    """From one period to the next alike one: what would be found with power 80 % (one-sided, 5 %)."""
    return Z_FOUND * math.sqrt(2) * error


def weighted_deviation(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Standard deviation of a population that weighted scores stand for; n / (n - 1) for what one sample does not see.

    NaN for fewer than two.
    """
    if len(scores) < 2:
        return math.nan
    values, weight = np.asarray(scores, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    mean = np.average(values, weights=weight)
    spread = np.average((values - mean) ** 2, weights=weight)
    return float(math.sqrt(spread * len(scores) / (len(scores) - 1)))


def neyman(sizes: Sequence[float], deviations: Sequence[float], total: float, least: float = 2.0) -> list[float]:
    """Sample sizes that make the variance of the overall mean smallest: n_h as N_h S_h, within [least, N_h].

    Minimises sum_h N_h^2 S_h^2 / n_h given sum_h n_h = `total`. With bounds the minimum is n_h = clip(k N_h S_h) for
    one k (Karush, Kuhn and Tucker), found by halving. Source: Neyman 1934; Cochran 1977, section 5.5. Raises ValueError
    when `total` is less than the strata must have; one that is more than there are is cut.
    """
    size, spread = np.asarray(sizes, dtype=np.float64), np.asarray(deviations, dtype=np.float64)
    low = np.minimum(least, size)
    if low.sum() > total:
        raise ValueError(f"{len(sizes)} strata need {low.sum():.0f} items at least, {total:.0f} can be had")
    if size.sum() <= total:
        return [float(one) for one in size]
    # A stratum in which nothing differs needs no more than its least.
    want = size * np.maximum(spread, 1e-9)
    below, above = 0.0, float(np.max(size[size > 0] / want[size > 0]))
    for _ in range(200):
        k = (below + above) / 2
        if np.clip(k * want, low, size).sum() > total:
            above = k
        else:
            below = k
    return [float(one) for one in np.clip(below * want, low, size)]


def sensible(sizes: Sequence[float], deviations: Sequence[float], wanted: Sequence[float], least: float) -> list[float]:
    """Rates of SENSIBLE_RATES near `wanted` / `sizes` that together take no more than `wanted` does, as far as `least`
    allows: each the next lower one, then what is left goes where an item lowers the variance most. 0 for an empty one.
    """
    ladder = np.asarray(SENSIBLE_RATES)
    at = [_step(ladder, size, want, least) for size, want in zip(sizes, wanted, strict=True)]
    spare = sum(wanted) - sum(ladder[step] * size for step, size in zip(at, sizes, strict=True) if size)
    while True:
        best, gain = -1, 0.0
        for n, (step, size, spread) in enumerate(zip(at, sizes, deviations, strict=True)):
            if not size or step + 1 == len(ladder):
                continue
            more = (ladder[step + 1] - ladder[step]) * size
            saved = size * spread**2 * (1 / ladder[step] - 1 / ladder[step + 1]) / more
            if more <= spare and saved > gain:
                best, gain = n, saved
        if best < 0:
            return [float(ladder[step]) if size else 0.0 for step, size in zip(at, sizes, strict=True)]
        spare -= (ladder[at[best] + 1] - ladder[at[best]]) * sizes[best]
        at[best] += 1


def _step(ladder: np.ndarray, size: float, want: float, least: float) -> int:
    """The highest step that takes no more than `want`, but one that takes `least` where it can."""
    if not size:
        return 0
    step = max(0, int(np.searchsorted(ladder, want / size * (1 + 1e-9), side="right")) - 1)
    floor = int(np.searchsorted(ladder, min(1.0, least / size) * (1 - 1e-9), side="left"))
    return max(step, min(floor, len(ladder) - 1))
