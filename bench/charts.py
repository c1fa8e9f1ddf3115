"""Control charts and the e-detector over many series at once, and how long each runs until it alarms.

All charts see the same draws: series by series the same reference and the same reviews. Scores in [0, 1]. The charts
take what they need from the reference: the baselines its mean and standard deviation, the e-detector the lower end of
the interval of its mean, by the same function as the detect stage. Sources of the baselines' settings: tests/data/
run-lengths.json.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.detector import BETS
from streams.trends.e_detector import HIGHEST_FLOOR
from streams.trends.reference import quantile

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]
BLOCK: Final = 64
"""Reviews drawn at a stroke."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the scores of a series look. `sigma`: what drops are measured in."""

    name: str
    sigma: float
    draw: Callable[[np.random.Generator, tuple[int, ...], float], Floats]
    """Scores after the mean fell by the last argument."""


def _normal(source: np.random.Generator, size: tuple[int, ...], drop: float) -> Floats:
    return np.clip(source.normal(0.75 - drop, 0.1, size), 0.0, 1.0)


def _skewed(source: np.random.Generator, size: tuple[int, ...], drop: float) -> Floats:
    """90 % near the top, 2 % zeros, the rest between."""
    which = source.random(size)
    score = np.where(which < 0.92, source.uniform(0.92, 1.0, size), source.uniform(0.4, 0.92, size)) - drop
    return np.clip(np.where(which < 0.02, 0.0, score), 0.0, 1.0)


def _two_point(source: np.random.Generator, size: tuple[int, ...], drop: float) -> Floats:
    return np.where(source.random(size) < 0.9 - drop, 1.0, 0.0)


def _constant(source: np.random.Generator, size: tuple[int, ...], drop: float) -> Floats:  # noqa: ARG001 - no chance
    return np.full(size, 0.875 - drop)


SHAPES: Final = (
    Shape("normal", 0.1, _normal),
    Shape("skewed", 0.16, _skewed),
    Shape("two-point", 0.3, _two_point),
    Shape("constant", 0.1, _constant),
)


class Chart(Protocol):
    """Many series side by side. `step` takes the next score of each and says which alarm."""

    def step(self, scores: Floats) -> Bools: ...

    def keep(self, still: Bools) -> None:
        """Go on with these series only."""


class EDetector:
    """The e-detector of `streams.trends.e_detector`, vectorised. `promised`: the threshold."""

    def __init__(
        self, reference: Floats, promised: float, tolerance: float = 0.0, floors: Floats | None = None
    ) -> None:
        known = lower_bounds(reference) if floors is None else floors
        self._floors = np.clip(known - tolerance, 0.0, HIGHEST_FLOOR)
        self._stakes = np.array(BETS)[:, None] / (1.0 - self._floors)
        self._evidence = np.zeros((len(BETS), len(self._floors)))
        self._promised = promised

    def step(self, scores: Floats) -> Bools:
        self._evidence = (1.0 + self._stakes * (self._floors - scores)) * (1.0 + self._evidence)
        return np.asarray(self._evidence.mean(axis=0) >= self._promised)

    def keep(self, still: Bools) -> None:
        self._floors, self._stakes = self._floors[still], self._stakes[:, still]
        self._evidence = self._evidence[:, still]


class Ewma:
    """Exponentially weighted mean, two-sided with fixed limits. Settings: Lucas & Saccucci 1990."""

    def __init__(self, reference: Floats, weight: float = 0.1, limit: float = 2.814) -> None:
        self._mean, deviation = _moments(reference)
        self._weight = weight
        self._limit = limit * deviation * math.sqrt(weight / (2.0 - weight))
        self._level = self._mean.copy()

    def step(self, scores: Floats) -> Bools:
        self._level += self._weight * (scores - self._level)
        return np.abs(self._level - self._mean) > self._limit

    def keep(self, still: Bools) -> None:
        self._mean, self._limit, self._level = self._mean[still], self._limit[still], self._level[still]


class Cusum:
    """Cumulative sum, tabular. Settings in standard deviations; `two_sided` as the published table has it."""

    def __init__(self, reference: Floats, limit: float, allowance: float = 0.5, *, two_sided: bool = False) -> None:
        self._mean, self._deviation = _moments(reference)
        self._limit, self._allowance = limit, allowance
        self._sides = np.array([-1.0, 1.0] if two_sided else [-1.0])[:, None]
        self._sums = np.zeros((len(self._sides), len(self._mean)))

    def step(self, scores: Floats) -> Bools:
        off = self._sides * (scores - self._mean) - self._allowance * self._deviation
        self._sums = np.maximum(0.0, self._sums + off)
        return np.asarray((self._sums > self._limit * self._deviation).any(axis=0))

    def keep(self, still: Bools) -> None:
        self._mean, self._deviation, self._sums = self._mean[still], self._deviation[still], self._sums[:, still]


class WeeklyThreshold:
    """The mean of a week's reviews against a fixed limit, as an alert rule on a dashboard does it. Looks downwards.

    `week` 1 is a Shewhart chart of single reviews.
    """

    def __init__(self, reference: Floats, limit: float, week: int = 1) -> None:
        mean, deviation = _moments(reference)
        self._limit = mean - limit * deviation / math.sqrt(week)
        self._week, self._reviews = week, 0
        self._sum = np.zeros(len(mean))

    def step(self, scores: Floats) -> Bools:
        self._sum += scores
        self._reviews += 1
        if self._reviews < self._week:
            return np.zeros(len(scores), dtype=np.bool_)
        means, self._sum, self._reviews = self._sum / self._week, np.zeros(len(scores)), 0
        return np.asarray(means < self._limit)

    def keep(self, still: Bools) -> None:
        self._limit, self._sum = self._limit[still], self._sum[still]


def lower_bounds(reference: Floats) -> Floats:
    """`streams.trends.reference.lower_bound` of each row."""
    reviews = reference.shape[1]
    _, deviation = _moments(reference)
    return np.maximum(0.0, reference.mean(axis=1) - quantile(reviews - 1) * deviation / math.sqrt(reviews))


def run_lengths(
    charts: Sequence[Chart], draw: Draw, runs: int, longest: int, source: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Reviews until each chart alarms, for each of `runs` series; `longest` where it had not by then."""
    lengths = [np.full(runs, longest) for _ in charts]
    active = [np.arange(runs) for _ in charts]
    for begun in range(0, longest, BLOCK):
        block = draw(source, (min(BLOCK, longest - begun), runs))
        active = [
            _step_through(chart, block, begun, going, length)
            for chart, going, length in zip(charts, active, lengths, strict=True)
        ]
        if not any(len(going) for going in active):
            break
    return lengths


def _step_through(
    chart: Chart, block: Floats, begun: int, going: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The series that have not alarmed by the end of the block; those that have get their length."""
    for number, scores in enumerate(block, begun + 1):
        if not len(going):
            break
        alarmed = chart.step(scores[going])
        if alarmed.any():
            lengths[going[alarmed]] = number
            going = going[~alarmed]
            chart.keep(~alarmed)
    return going


def _moments(reference: Floats) -> tuple[Floats, Floats]:
    return reference.mean(axis=1), reference.std(axis=1, ddof=1)
