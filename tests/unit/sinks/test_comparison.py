"""Differences with their intervals, mix and handling, drivers."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sinks.queries.comparison import compare, drivers
from sinks.queries.domains import contrast, domain, interval_of
from sinks.queries.estimates import ScoreCell, Within
from tests.unit.sinks.cells import NOVEMBER, OCTOBER, Cells, cell

pytestmark = pytest.mark.unit


def test_a_difference_of_two_periods_is_that_of_two_samples() -> None:
    """One cell each, none finite to speak of: Welch's error, by the arithmetic of the books."""
    before, after = [80.0, 70.0, 90.0, 85.0, 60.0, 75.0], [60.0, 65.0, 80.0, 50.0, 70.0]
    store = Cells({
        OCTOBER.from_day: [cell(before, n=6, size=10**9)], NOVEMBER.from_day: [cell(after, n=5, size=10**9)],
    })  # fmt: skip
    found = compare(store, OCTOBER, NOVEMBER)
    assert found is not None
    error = math.sqrt(np.var(before, ddof=1) / 6 + np.var(after, ddof=1) / 5)
    assert found.change.value == pytest.approx(65 - np.mean(before))
    assert found.change.standard_error == pytest.approx(error)
    assert found.change.df == 9
    assert found.change.lower == pytest.approx(found.change.value - stats.t.ppf(0.975, 9) * error)
    assert not found.too_few


def test_two_groups_of_one_cell_are_not_independent() -> None:
    """By the formula: z of the difference over all reviewed of the cell."""
    north, south = [80.0, 60.0, 90.0, 70.0, 75.0], [50.0, 65.0, 40.0, 70.0, 45.0, 55.0]
    one, other = domain([cell(north, n=12, size=60)]), domain([cell(south, n=12, size=60)])
    assert one is not None
    assert other is not None
    z = np.array([*(np.mean(north) - np.array(north)) / 5, *(np.array(south) - np.mean(south)) / 6, 0.0])
    variance = (1 - 12 / 60) * 12 * np.var(z, ddof=1)
    found = contrast([(-1, one), (1, other)])
    assert found.standard_error == pytest.approx(math.sqrt(variance))
    assert found.df == 11
    assert found.value == pytest.approx(np.mean(south) - np.mean(north))


parts = st.lists(
    st.tuples(st.lists(st.floats(0, 100), min_size=2, max_size=6), st.integers(0, 500), st.sampled_from("abcd")),
    min_size=1, max_size=4,
)  # fmt: skip


@given(parts, parts)
def test_mix_and_handling_make_up_the_difference(
    before: list[tuple[list[float], int, str]], after: list[tuple[list[float], int, str]]
) -> None:
    def rows(sides: list[tuple[list[float], int, str]]) -> list[ScoreCell]:
        return [
            cell(scores, n=len(scores), size=len(scores) + more, name=str(n), group=group)
            for n, (scores, more, group) in enumerate(sides)
        ]

    found = compare(Cells({OCTOBER.from_day: rows(before), NOVEMBER.from_day: rows(after)}), OCTOBER, NOVEMBER)
    assert found is not None
    assert found.mix + found.within == pytest.approx(found.change.value, abs=1e-9)
    assert sum(part.share_before for part in found.parts) == pytest.approx(1)
    assert sum(part.share_after for part in found.parts) == pytest.approx(1)


def test_other_work_handled_alike_is_mix_alone() -> None:
    """Complaints score 60 and all else 80, before and after; their share rises from a tenth to a half."""

    def side(complaints: int) -> list[ScoreCell]:
        return [
            cell([55.0, 65.0], n=2, size=complaints, name="c", group="complaint"),
            cell([75.0, 85.0], n=2, size=100 - complaints, name="o", group="other"),
        ]

    found = compare(Cells({OCTOBER.from_day: side(10), NOVEMBER.from_day: side(50)}), OCTOBER, NOVEMBER)
    assert found is not None
    assert (found.change.value, found.mix, found.within) == pytest.approx((-8.0, -8.0, 0.0))
    assert found.too_few  # four reviews
    # More of what goes worse than the rest, and less of what goes better: both pull down.
    assert [part.mix for part in found.parts] == pytest.approx([-5.6, -2.4])


def test_a_part_that_is_new_counts_as_mix() -> None:
    store = Cells({
        OCTOBER.from_day: [cell([80.0, 80.0], n=2, size=50, group="billing")],
        NOVEMBER.from_day: [
            cell([80.0, 80.0], n=2, size=50, name="b", group="billing"),
            cell([40.0, 40.0], n=2, size=50, name="n", group="new"),
        ],
    })  # fmt: skip
    found = compare(store, OCTOBER, NOVEMBER)
    assert found is not None
    new = next(part for part in found.parts if part.name == "new")
    assert (new.mean_before, new.mean_after, new.within) == (None, 40.0, 0.0)
    assert found.mix == pytest.approx(found.change.value)


def test_a_side_without_reviews_is_no_comparison() -> None:
    assert (
        compare(Cells({OCTOBER.from_day: [], NOVEMBER.from_day: [cell([1.0, 2.0], n=2, size=9)]}), OCTOBER, NOVEMBER)
        is None
    )


def test_a_review_alone_leaves_the_difference_without_an_interval() -> None:
    store = Cells({
        OCTOBER.from_day: [cell([80.0], n=1, size=50)], NOVEMBER.from_day: [cell([60.0] * 9, n=9, size=50)],
    })  # fmt: skip
    found = compare(store, OCTOBER, NOVEMBER)
    assert found is not None
    assert (found.change.standard_error, found.change.lower, found.too_few) == (None, None, True)


def test_a_census_has_no_error() -> None:
    found = domain([cell([80.0, 60.0, 70.0], n=3, size=3)])
    assert found is not None
    assert interval_of(found).standard_error == 0
    assert interval_of(found).lower == pytest.approx(70)


def test_drivers_are_the_criteria_that_fell_most() -> None:
    def side(greeting: float, solution: float) -> list[ScoreCell]:
        return [
            cell([greeting - 5, greeting + 5] * 4, n=8, size=90, measure="greeting"),
            cell([solution - 5, solution + 5] * 4, n=8, size=90, measure="solution"),
        ]

    before = [*side(80, 70), cell([1.0, 2.0], n=8, size=90, measure="of old")]
    store = Cells({OCTOBER.from_day: before, NOVEMBER.from_day: side(79, 50)})
    solution, greeting = drivers(store, OCTOBER, NOVEMBER)
    assert [solution.criterion, greeting.criterion] == ["solution", "greeting"]
    assert [solution.change.value, greeting.change.value] == pytest.approx([-20, -1])
    assert {asked["measure"] for asked in store.asked} == {"criterion"}


def test_sides_that_may_share_transactions_are_refused() -> None:
    store = Cells({})
    overlapping = Within(date(2026, 10, 15), date(2026, 11, 15), "Europe/London")
    with pytest.raises(ValueError, match="share some days"):
        compare(store, OCTOBER, overlapping)
    with pytest.raises(ValueError, match="may share transactions"):
        compare(store, replace(OCTOBER, teams=("north",)), replace(OCTOBER, sites=("leeds",)))
    with pytest.raises(ValueError, match="one id at a time"):
        compare(store, OCTOBER, NOVEMBER, measure="criterion")
