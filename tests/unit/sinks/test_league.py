"""Leagues: means drawn in, rank intervals that hold what they promise."""

import numpy as np
import pytest

from sinks.queries.estimates import ScoreCell
from sinks.queries.league import league, league_of, paule_mandel, rank_intervals
from tests.unit.sinks.cells import NOVEMBER, Cells, cell

pytestmark = pytest.mark.unit


def seeded() -> np.random.Generator:
    return np.random.default_rng(20261122)


def centre(random: np.random.Generator, *, between: float, within: float, reviews: int, colleagues: int = 60) -> tuple[
    list[float], tuple[ScoreCell, ...]
]:  # fmt: skip
    """True means, and what was reviewed of 400 transactions of each."""
    truth = random.normal(75, between, colleagues)
    cells = tuple(
        cell(random.normal(mean, within, reviews).tolist(), n=reviews, size=400, name=f"c{n}", group=f"col-{n:03d}")
        for n, mean in enumerate(truth)
    )
    return truth.tolist(), cells


def test_where_all_are_alike_nobody_is_told_apart() -> None:
    _, cells = centre(seeded(), between=0, within=15, reviews=6)
    found = league_of(cells, seeded())
    assert found is not None
    assert found.between < 3
    assert found.within == pytest.approx(15, rel=0.15)
    plain = np.std([one.mean for one in found.standings])
    assert np.std([one.drawn_in for one in found.standings]) < plain / 3
    assert sum(one.verdict in ("above", "below") for one in found.standings) <= 2


def test_where_they_differ_the_best_guess_is_nearer_the_truth_than_plain_means() -> None:
    truth, cells = centre(seeded(), between=6, within=15, reviews=6)
    found = league_of(cells, seeded())
    assert found is not None
    assert found.between == pytest.approx(6, rel=0.35)
    known = {f"col-{n:03d}": mean for n, mean in enumerate(truth)}
    off_plain = np.mean([(one.mean - known[one.group_id]) ** 2 for one in found.standings])
    off_drawn_in = np.mean([(one.drawn_in - known[one.group_id]) ** 2 for one in found.standings])
    assert off_drawn_in < 0.8 * off_plain


def test_rank_intervals_hold_the_true_rank_about_as_often_as_promised() -> None:
    """95 % promised; 20 centres of 40 colleagues: 800 ranks, whose share lies within 3 points of it nearly always."""
    random, held, told = seeded(), 0, 0
    for _ in range(20):
        truth, cells = centre(random, between=5, within=12, reviews=8, colleagues=40)
        found = league_of(cells, random)
        assert found is not None
        order = {f"col-{n:03d}": 1 + sum(other > mean for other in truth) for n, mean in enumerate(truth)}
        held += sum(one.best_rank <= order[one.group_id] <= one.worst_rank for one in found.standings)
        told += len(found.standings)
    assert 0.92 <= held / told <= 0.98


def test_a_colleague_whose_every_transaction_was_reviewed_keeps_the_own_mean() -> None:
    rows = (
        cell([90.0, 70.0], n=2, size=2, name="a", group="all-seen"),
        cell([50.0, 60.0, 70.0], n=3, size=90, name="b", group="few-seen"),
        cell([50.0, 90.0, 10.0], n=3, size=90, name="c", group="few-more"),
    )
    found = league_of(rows, seeded())
    assert found is not None
    seen = next(one for one in found.standings if one.group_id == "all-seen")
    assert (seen.mean, seen.drawn_in, seen.lower, seen.upper) == pytest.approx((80.0, 80.0, 80.0, 80.0), abs=1e-6)
    assert {one.verdict for one in found.standings} == {"too few"}


def test_ranks_of_means_that_are_known_are_points() -> None:
    best, worst = rank_intervals(np.array([50.0, 90.0, 70.0]), np.zeros(3), seeded(), draws=50)
    assert best.tolist() == worst.tolist() == [3, 1, 2]


def test_what_is_left_when_chance_is_taken_out() -> None:
    """Equal variances: tau^2 is the plain variance of the means less theirs (Paule & Mandel 1982)."""
    means = np.array([60.0, 70.0, 80.0, 90.0])
    assert paule_mandel(means, np.full(4, 25.0)) == pytest.approx(np.var(means, ddof=1) - 25)
    assert paule_mandel(means, np.full(4, 1000.0)) == 0


def test_one_colleague_is_no_league_and_nobody_takes_no_part() -> None:
    rows = [cell([80.0, 70.0], n=2, size=9, group="col-1"), cell([80.0, 70.0], n=2, size=9, name="b", group="")]
    assert league(Cells({NOVEMBER.from_day: rows}), NOVEMBER, random=seeded()) is None
    with pytest.raises(ValueError, match="one id"):
        league(Cells({}), NOVEMBER, random=seeded(), measure="criterion")
