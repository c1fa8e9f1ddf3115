"""The charts that detection is compared with, held to the published run lengths; the e-detector held to its promise.

Simulations are seeded, so each gives the same numbers on every run; the room around a published length is four standard
errors of that simulation, and half a unit of the last digit that was published.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.charts import (
    SHAPES,
    Chart,
    Cusum,
    EDetector,
    Ewma,
    Floats,
    Shape,
    WeeklyThreshold,
    lower_bounds,
    run_lengths,
)
from schemas.detector import BETS
from streams.trends.e_detector import Evidence
from streams.trends.reference import Reference

pytestmark = pytest.mark.unit

PUBLISHED: Any = json.loads((Path(__file__).parents[2] / "data" / "run-lengths.json").read_text())
RUNS = 4000
STANDARD = np.repeat([[-math.sqrt(0.5), math.sqrt(0.5)]], RUNS, axis=0)
"""References whose mean is 0 and whose deviation is 1: what the tables take for known."""


def lengths(chart: Chart, shift: float, *, runs: int = RUNS) -> Floats:
    def draw(source: np.random.Generator, size: tuple[int, ...]) -> Floats:
        return source.normal(-shift, 1.0, size)

    [found] = run_lengths([chart], draw, runs, 100_000, np.random.default_rng(1958))
    return found.astype(float)


def agrees(found: Floats, published: float) -> bool:
    last_digit = 0.5 * 10.0 ** -len(str(published).partition(".")[2])
    return bool(abs(found.mean() - published) <= 4 * found.std() / math.sqrt(len(found)) + last_digit)


@pytest.mark.parametrize("limit", [4, 5])
@pytest.mark.parametrize("shift", ["0", "0.5", "1", "2"])
def test_cusum_runs_as_long_as_published(limit: int, shift: str) -> None:
    found = lengths(Cusum(STANDARD, limit, two_sided=True), float(shift))

    assert agrees(found, PUBLISHED["cusum"]["two_sided"][f"h{limit}"][shift])


def test_one_sided_cusum_runs_as_long_as_published() -> None:
    assert agrees(lengths(Cusum(STANDARD, 4), 0), PUBLISHED["cusum"]["one_sided_in_control"]["h4"])


@pytest.mark.parametrize(("weight", "limit"), [(0.1, 2.814), (0.2, 2.962)])
@pytest.mark.parametrize("shift", ["0", "0.5", "1", "2"])
def test_ewma_runs_as_long_as_published(weight: float, limit: float, shift: str) -> None:
    found = lengths(Ewma(STANDARD, weight, limit), float(shift))

    assert agrees(found, PUBLISHED["ewma"][f"lambda_{weight}_L_{limit}"][shift])


def test_a_weekly_threshold_runs_as_long_as_the_normal_table_says() -> None:
    found = lengths(WeeklyThreshold(STANDARD, 1.6449, week=25), 0)

    assert agrees(found, 500)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_vectorised_detector_is_the_products(shape: Shape) -> None:
    source = np.random.default_rng(3)
    reference = shape.draw(source, (8, 40), 0.0)
    reviews = shape.draw(source, (400, 8), shape.sigma / 2)

    given = iter(reviews)

    [found] = run_lengths(
        [EDetector(reference, 200.0, 0.01)],
        lambda _, size: np.array([next(given) for _ in range(size[0])]),
        8,
        len(reviews),
        source,
    )

    assert found.tolist() == [_first_alarm(reference[n], reviews[:, n], 200.0, 0.01) for n in range(8)]


def _first_alarm(reference: Floats, reviews: Floats, promised: float, tolerance: float) -> int:
    learned = Reference()
    for score in reference:
        learned.learn(float(score), len(reference))
    assert learned.bound is not None
    evidence = Evidence.fresh(BETS)
    for number, score in enumerate(reviews, 1):
        evidence.weigh(BETS, learned.bound - tolerance, float(score), number)
        if evidence.log_total >= math.log(promised):
            return number
    return len(reviews)


@pytest.mark.parametrize("reviews", [30, 100])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_detector_keeps_its_promise_with_a_reference_estimated_as_in_use(shape: Shape, reviews: int) -> None:
    source = np.random.default_rng(2023)
    reference = shape.draw(source, (400, reviews), 0.0)

    [found] = run_lengths(
        [EDetector(reference, 200.0)], lambda dice, size: shape.draw(dice, size, 0.0), 400, 2000, source
    )

    # Runs that were cut off at 2,000 reviews make the mean too low, if anything.
    assert found.mean() >= 200


@pytest.mark.parametrize("shape", SHAPES[:3], ids=lambda shape: shape.name)
def test_the_detector_keeps_its_promise_at_the_very_mean(shape: Shape) -> None:
    """The hardest reference it may have: the true mean itself, nothing taken off."""
    source = np.random.default_rng(2023)
    mean = np.full(600, shape.draw(source, (4_000_000,), 0.0).mean())

    [found] = run_lengths(
        [EDetector(mean[:, None], 200.0, floors=mean)],
        lambda dice, size: shape.draw(dice, size, 0.0),
        600,
        100_000,
        source,
    )

    assert found.mean() >= 200


def test_lower_bounds_are_those_of_the_product() -> None:
    scores = np.random.default_rng(5).random((20, 37))
    learned = [Reference() for _ in scores]
    for reference, row in zip(learned, scores, strict=True):
        for score in row:
            reference.learn(float(score), 37)

    assert [reference.bound for reference in learned] == pytest.approx(lower_bounds(scores).tolist(), rel=1e-12)
