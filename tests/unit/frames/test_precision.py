"""Sharing out a sample and saying how exact it is: against textbook formulas, brute force and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tafol.frames import precision
from tafol.frames.precision import SENSIBLE_RATES, neyman, sensible

pytestmark = pytest.mark.unit

STRATA = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 30)), min_size=1, max_size=6)


def variance(sizes: list[float], deviations: list[float], n: list[float]) -> float:
    """Of the stratified total, without what does not depend on n."""
    return sum((size * spread) ** 2 / one for size, spread, one in zip(sizes, deviations, n, strict=True))


def test_neyman_is_the_textbook_formula_where_no_bound_is_met() -> None:
    """Cochran 1977, 5.26: n_h = n N_h S_h / sum(N_h S_h)."""
    sizes, deviations, n = [400.0, 300.0, 200.0], [4.0, 8.0, 12.0], 64.0
    whole = sum(size * spread for size, spread in zip(sizes, deviations, strict=True))
    expected = [n * size * spread / whole for size, spread in zip(sizes, deviations, strict=True)]
    assert neyman(sizes, deviations, n) == pytest.approx(expected)


@given(STRATA, st.floats(0, 1))
def test_neyman_shares_out_all_within_bounds_and_nothing_moved_between_two_strata_is_better(
    strata: list[tuple[int, int]], part: float
) -> None:
    sizes, deviations = [float(size) for size, _ in strata], [float(spread) for _, spread in strata]
    low = [min(2.0, size) for size in sizes]
    total = sum(low) + part * (sum(sizes) - sum(low))
    found = neyman(sizes, deviations, total)
    assert sum(found) == pytest.approx(total)
    assert all(least - 1e-9 <= one <= size + 1e-9 for least, one, size in zip(low, found, sizes, strict=True))
    best = variance(sizes, deviations, found)
    for here, there in itertools.permutations(range(len(sizes)), 2):
        step = min(0.01, found[here] - low[here], sizes[there] - found[there])
        if step > 1e-6:
            moved = list(found)
            moved[here] -= step
            moved[there] += step
            assert variance(sizes, deviations, moved) >= best * (1 - 1e-9)


def test_neyman_refuses_what_does_not_reach_for_two_of_each() -> None:
    with pytest.raises(ValueError, match="need 6 items at least, 5 can be had"):
        neyman([10, 10, 10], [1, 1, 1], 5)


def test_neyman_takes_all_when_there_is_enough_and_little_where_nothing_differs() -> None:
    assert neyman([10, 20], [1, 1], 100) == [10, 20]
    assert neyman([100, 100], [0, 5], 50) == pytest.approx([2, 48], abs=1e-3)


@given(STRATA, st.floats(0.05, 1))
def test_sensible_rates_are_of_the_list_and_take_no_more_than_there_is(
    strata: list[tuple[int, int]], part: float
) -> None:
    sizes, deviations = [float(size) for size, _ in strata], [float(spread) for _, spread in strata]
    low = sum(min(2.0, size) for size in sizes)
    total = low + part * (sum(sizes) - low)
    rates = sensible(sizes, deviations, neyman(sizes, deviations, total), 2.0)
    assert set(rates) <= set(SENSIBLE_RATES)
    assert all(rate * size >= min(2.0, size) - 1e-6 for rate, size in zip(rates, sizes, strict=True))
    floors = [min(one for one in SENSIBLE_RATES if one * size >= min(2.0, size) - 1e-6) for size in sizes]
    least = sum(rate * size for rate, size in zip(floors, sizes, strict=True))
    assert sum(rate * size for rate, size in zip(rates, sizes, strict=True)) <= max(total, total - low + least) + 1e-6


def test_the_standard_error_is_that_of_cochran_for_one_stratum() -> None:
    """V = (1 - f) S^2 / n: Cochran 1977, 2.8."""
    size, n, spread = 1000, 50, 12.0
    rate = n / size
    error = precision.standard_error([size * (1 - rate) / rate], [spread], size)
    assert error == pytest.approx(math.sqrt((1 - rate) * spread**2 / n))
    assert precision.standard_error([0.0], [spread], size) == 0
    assert precision.standard_error([], [], 0) == math.inf


def test_the_standard_error_of_a_team_within_strata_is_what_a_simulation_shows() -> None:
    """A team that is part of two strata drawn at different rates; mean weighted by the design, 4,000 samples."""
    rng = np.random.default_rng(5)
    sizes, rates, spreads, in_team = [2000, 500], [0.05, 0.3], [10.0, 20.0], [0.4, 0.5]
    scores = [rng.normal(70, spread, size) for spread, size in zip(spreads, sizes, strict=True)]
    team = [np.arange(size) < part * size for size, part in zip(sizes, in_team, strict=True)]
    means = []
    for _ in range(4000):
        top = bottom = 0.0
        for score, member, rate in zip(scores, team, rates, strict=True):
            taken = rng.permutation(len(score))[: int(rate * len(score))]
            top += score[taken][member[taken]].sum() / rate
            bottom += member[taken].sum() / rate
        means.append(top / bottom)
    excess = [part * size * (1 - rate) / rate for part, size, rate in zip(in_team, sizes, rates, strict=True)]
    spread_found = [float(np.std(score)) for score in scores]
    size = sum(part * one for part, one in zip(in_team, sizes, strict=True))
    assert precision.standard_error(excess, spread_found, size) == pytest.approx(float(np.std(means)), rel=0.06)


def test_a_drop_as_large_as_promised_is_found_in_four_of_five_months() -> None:
    rng = np.random.default_rng(6)
    drop = precision.smallest_drop(1.0)
    before, after = rng.normal(0, 1, 20_000), rng.normal(-drop, 1, 20_000)
    found = np.mean((before - after) / math.sqrt(2) > 1.644854)
    assert found == pytest.approx(0.8, abs=0.01)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 4)), min_size=2, max_size=20))
def test_the_weighted_deviation_is_that_of_the_population_the_weights_stand_for(made: list[tuple[float, int]]) -> None:
    scores, weights = [score for score, _ in made], [weight for _, weight in made]
    population = [score for score, weight in made for _ in range(weight)]
    expected = float(np.std(population)) * math.sqrt(len(made) / (len(made) - 1))
    found = precision.weighted_deviation(scores, [float(one) for one in weights])
    assert found == pytest.approx(expected, abs=1e-9)
