"""Scoring rule 1, by hand and at its limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidRecord
from schemas.review import Rating
from schemas.scoring import Scored, score, values_of
from tests.unit.scoring.records import ALL_GOOD, SCORECARD, card, criterion

pytestmark = pytest.mark.unit


def ratings(values: dict[str, Any]) -> list[Rating]:
    return [Rating(criterion=name, value=value) for name, value in values.items()]


def scored(**values: float | None) -> Scored:
    return score(values_of(ratings(ALL_GOOD | values), SCORECARD), SCORECARD)


def test_the_total_is_the_weighted_mean_of_the_scaled_ratings() -> None:
    # (1*0 + 3*66.7 + 2.5*50 + 3*33.3 + 1*100 + 2*100) / 12.5 = 725 / 12.5
    result = scored(greeting=0, answer=3, tone=50, accuracy=2)

    assert result.total_0_100 == pytest.approx(58)
    assert result.criteria_0_100 == pytest.approx((0, 200 / 3, 50, 100 / 3, 100, 100))
    assert result.critical_errors == ()


def test_the_weight_of_what_was_not_applicable_drops_out() -> None:
    result = scored(greeting=0, answer=None, tone=None, accuracy=None, records=None)  # (1*0 + 2*100) / 3

    assert result.total_0_100 == pytest.approx(200 / 3)
    assert result.criteria_0_100 == (0, None, None, None, None, 100)


def test_nothing_applicable_is_no_total() -> None:
    alone = card(criterion("greeting"))

    assert score(values_of(ratings({"greeting": None}), alone), alone) == (None, (None,), ())


@pytest.mark.parametrize(
    ("values", "total", "errors"),
    [
        pytest.param({"records": 0}, 11.5 / 12.5 * 100, ("business",), id="a class without a rule is flagged"),
        pytest.param({"accuracy": 1}, 40, ("customer",), id="cap"),
        pytest.param({"identity": 0}, 0, ("compliance",), id="zero"),
        pytest.param({"accuracy": 1, "identity": 0}, 0, ("customer", "compliance"), id="zero beats cap"),
        pytest.param({"accuracy": 2}, 10.5 / 12.5 * 100, (), id="low is not lowest"),
        pytest.param({"greeting": 0}, 11.5 / 12.5 * 100, (), id="no class, no error"),
        pytest.param(
            {"accuracy": 1, "answer": 1, "tone": 0, "greeting": 0, "records": 0},
            2 / 12.5 * 100,
            ("customer", "business"),
            id="a cap never lifts",
        ),
    ],
)
def test_critical_errors_act_by_their_class(values: dict[str, float], total: float, errors: tuple[str, ...]) -> None:
    result = scored(**values)

    assert result.total_0_100 == pytest.approx(total)
    assert result.critical_errors == errors


def test_the_lowest_of_several_caps_wins() -> None:
    capped = card(
        criterion("a", weight=10),
        criterion("b", error_class="customer"),
        criterion("c", error_class="business"),
        critical={"customer": {"effect": "cap", "cap_0_100": 60}, "business": {"effect": "cap", "cap_0_100": 30}},
    )

    assert score([1, 0, 0], capped).total_0_100 == 30


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(ALL_GOOD | {"charm": 1}, "no criterion 'charm'", id="unknown criterion"),
        pytest.param(ALL_GOOD | {"answer": 5}, "'answer'.*rated 5.*whole numbers from 1 to 4", id="off the scale"),
        pytest.param(ALL_GOOD | {"answer": 2.5}, "'answer'.*rated 2.5.*whole", id="between two points"),
        pytest.param(ALL_GOOD | {"greeting": 2}, "'greeting'.*rated 2.*0 to 1", id="no pass and no fail"),
        pytest.param(ALL_GOOD | {"identity": None}, "'identity'.*not applicable", id="not applicable where it must be"),
        pytest.param({"greeting": 1}, "'answer'.*not rated", id="missing"),
    ],
)
def test_ratings_that_do_not_fit_the_scorecard_are_refused_in_words(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRecord, match=said) as refused:
        values_of(ratings(values), SCORECARD)

    assert refused.value.reason == "invalid_review"


weights = st.floats(0.001, 1000)


@given(st.lists(st.tuples(weights, st.none() | st.floats(0, 100)), min_size=1, max_size=30))
def test_a_mean_lies_between_its_parts(rated: list[tuple[float, float | None]]) -> None:
    any_card = card(*(criterion(f"c-{n}", "percentage", weight=weight) for n, (weight, _) in enumerate(rated)))
    values = [value for _, value in rated]

    total = score(values, any_card).total_0_100

    known = [any_card.criteria[0].scale.score_0_100(value) for value in values if value is not None]
    assert (total is None) == (not known)
    assert total is None or min(known) <= total <= max(known)


@given(st.lists(st.tuples(weights, st.floats(0, 100)), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_criteria_and_the_unit_of_weights_do_not_matter(rated: list[Any], dice: Any) -> None:
    def total_of(pairs: list[tuple[float, float]]) -> float | None:
        cards = card(*(criterion(f"c-{n}", "percentage", weight=weight) for n, (weight, _) in enumerate(pairs)))
        return score([value for _, value in pairs], cards).total_0_100

    shuffled = [(weight / 2, value) for weight, value in rated]  # a half is exact in binary
    dice.shuffle(shuffled)

    assert total_of(rated) == total_of(shuffled)
