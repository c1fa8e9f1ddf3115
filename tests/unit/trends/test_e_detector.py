"""The arithmetic of the evidence, and of the reference it holds scores to."""

from __future__ import annotations

import math
import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from schemas.detector import BETS
from streams.trends.e_detector import HIGHEST_FLOOR, Evidence
from streams.trends.reference import Reference

pytestmark = pytest.mark.unit

shares = st.floats(0, 1)


def weighed(scores: list[tuple[float, float]], lambdas: tuple[float, ...] = BETS) -> Evidence:
    """The evidence of (floor, score) pairs."""
    evidence = Evidence.fresh(lambdas)
    for number, (floor, score) in enumerate(scores):
        evidence.weigh(lambdas, floor, score, number)
    return evidence


def test_no_score_is_no_evidence() -> None:
    assert weighed([]).log_total == -math.inf


def test_one_bet_by_hand() -> None:
    """lambda 0.5, floor 0.75: a = 2; a score of 0.25 has the factor 1 + 2 * 0.5 = 2, one of 1 the factor 0.5."""
    evidence = weighed([(0.75, 0.25), (0.75, 1.0), (0.75, 0.25), (0.75, 0.25)], (0.5,))

    # Sum over the starts: 2*.5*2*2 + .5*2*2 + 2*2 + 2; of the first and the third, which tie at 4, the later one.
    assert math.exp(evidence.log_total) == pytest.approx(4 + 2 + 4 + 2)
    assert (evidence.strongest.since_ms, evidence.strongest.reviews) == (2, 2)
    assert evidence.strongest.scores / 2 == pytest.approx(0.25)


def test_scores_at_the_floor_add_one_each() -> None:
    assert math.exp(weighed([(0.75, 0.75)] * 500).log_total) == pytest.approx(500)


def test_the_evidence_expected_of_scores_at_the_floor_grows_by_one_a_review() -> None:
    """Over all eight orders of passes (chance 0.9) and failures, weighted: E[M_3] = 3 whatever the bet."""
    expected = 0.0
    for order in range(8):
        scores = [1.0 if order >> bit & 1 else 0.0 for bit in range(3)]
        chance = math.prod(0.9 if score else 0.1 for score in scores)
        expected += chance * math.exp(weighed([(0.9, score) for score in scores]).log_total)

    assert expected == pytest.approx(3)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_long_runs_stay_within_floats(score: float) -> None:
    evidence = weighed([(1.0, score)] * 20_000)

    assert math.isfinite(evidence.log_total)
    assert math.isfinite(evidence.strongest.run)


@given(st.lists(st.tuples(shares, shares), max_size=60))
def test_evidence_is_the_mean_over_bets_of_the_sum_over_starts(scores: list[tuple[float, float]]) -> None:
    wanted = 0.0
    for bet in BETS:
        for start in range(len(scores)):
            wanted += math.prod(
                1 + bet / (1 - min(floor, HIGHEST_FLOOR)) * (min(floor, HIGHEST_FLOOR) - score)
                for floor, score in scores[start:]
            )

    assert math.exp(weighed(scores).log_total) == pytest.approx(wanted / len(BETS), rel=1e-9)


@given(st.lists(st.tuples(shares, shares), max_size=40), st.lists(st.tuples(shares, shares), max_size=40))
def test_evidence_goes_on_from_a_dump_as_if_nothing_happened(
    before: list[tuple[float, float]], after: list[tuple[float, float]]
) -> None:
    revived = msgspec.msgpack.decode(msgspec.msgpack.encode(weighed(before)), type=Evidence)
    for number, (floor, score) in enumerate(after, len(before)):
        revived.weigh(BETS, floor, score, number)

    assert revived == weighed(before + after)


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=40), shares)
def test_a_lower_score_is_never_weaker_evidence(scores: list[tuple[float, float]], lower: float) -> None:
    floor, score = scores[-1]
    worse = [*scores[:-1], (floor, min(score, lower))]

    assert weighed(worse).log_total >= weighed(scores).log_total


@given(st.lists(shares, min_size=30, max_size=80))
def test_the_reference_is_the_lower_end_of_the_interval_of_the_mean(scores: list[float]) -> None:
    reference = Reference()
    for score in scores:
        reference.learn(score, len(scores))

    error = statistics.stdev(scores) / math.sqrt(len(scores))
    wanted = statistics.fmean(scores) - t.ppf(0.95, len(scores) - 1) * error
    assert reference.bound == pytest.approx(max(0.0, wanted), abs=1e-12)


def test_a_reference_stands_with_its_last_review_and_not_before() -> None:
    reference = Reference()
    stands = []
    for _ in range(31):
        stands.append(reference.bound)
        if reference.bound is None:
            reference.learn(0.5, 30)

    assert stands == [None] * 30 + [0.5]
