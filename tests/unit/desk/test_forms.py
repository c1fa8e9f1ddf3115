"""A form: its running score is the pipeline's arithmetic, and only a complete one may be submitted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.rules import forms
from desk.views import Draft, Mark, RatingInput
from schemas.scoring import score, values_of
from tests.fixtures.desk import CARD, COMPLETE

pytestmark = pytest.mark.unit
VALUES = {"greeting": (0, 1), "answer": (1, 2, 3, 4), "identity": (0, 1)}


def lacking(draft: Draft) -> set[tuple[str, str]]:
    return {(one.field, one.code) for one in forms.problems(draft, CARD, min_strengths=1, min_development_points=1)}


@given(st.fixed_dictionaries({name: st.sampled_from((*values, None)) for name, values in VALUES.items()}))
def test_a_complete_forms_score_is_the_one_that_combine_will_give(values: dict[str, float | None]) -> None:
    values = {**values, "identity": values["identity"] if values["identity"] is not None else 1}
    ratings = tuple(RatingInput(name, value, not_applicable=value is None) for name, value in values.items())
    draft = replace(COMPLETE, ratings=ratings)
    assert lacking(draft) == set()
    travelling = forms.ratings(draft, CARD)
    combined = score(values_of(travelling, CARD), CARD)
    shown = forms.preview(draft, CARD)
    assert shown.total_0_100 == combined.total_0_100
    assert shown.critical_errors == combined.critical_errors
    assert tuple(shown.criteria_0_100.values()) == combined.criteria_0_100
    assert shown.complete


@given(
    st.lists(
        st.builds(
            RatingInput,
            criterion=st.sampled_from([*VALUES, "unknown"]),
            value=st.none() | st.floats(),
            not_applicable=st.booleans(),
            comment=st.text(max_size=20),
            marks=st.lists(
                st.builds(Mark, st.none() | st.floats(), st.none() | st.integers(), st.text()), max_size=2
            ).map(tuple),
        ),
        max_size=6,
    ),
    st.lists(st.text(max_size=10), max_size=3),
    st.floats(),
)
def test_whatever_is_sent_either_names_a_problem_or_travels(
    ratings: list[RatingInput], texts: list[str], seconds: float
) -> None:
    draft = forms.cleaned(Draft(tuple(ratings), tuple(texts), tuple(texts), seconds))
    forms.preview(draft, CARD)
    if not lacking(draft):
        values_of(forms.ratings(draft, CARD), CARD)
    assert 0 <= draft.time_spent_s <= forms.LONGEST_S
    assert "\x00" not in "".join(draft.strengths)


def test_the_running_score_is_over_what_is_rated_so_far() -> None:
    half = Draft(ratings=(RatingInput("answer", 2.5), RatingInput("greeting", 1)))
    shown = forms.preview(half, CARD)
    assert (shown.total_0_100, shown.rated, shown.missing) == (100.0, 1, ("answer", "identity"))
    assert forms.preview(Draft(), CARD).total_0_100 is None


def test_a_critical_error_shows_what_it_does_and_where() -> None:
    failed = replace(COMPLETE, ratings=(*COMPLETE.ratings[:2], RatingInput("identity", 0)))
    shown = forms.preview(failed, CARD)
    assert (shown.total_0_100, shown.auto_failed, shown.critical_errors) == (0.0, ("identity",), ("compliance",))
    assert shown.before_critical_0_100 == pytest.approx((100 + 200 / 3 + 0) / 3)


@pytest.mark.parametrize(
    ("draft", "problem"),
    [
        (replace(COMPLETE, ratings=COMPLETE.ratings[:2]), ("ratings.identity", "missing")),
        (
            replace(COMPLETE, ratings=(*COMPLETE.ratings[:2], RatingInput("identity", None, not_applicable=True))),
            ("ratings.identity", "na_not_allowed"),
        ),
        (
            replace(COMPLETE, ratings=(COMPLETE.ratings[0], RatingInput("answer", 5), COMPLETE.ratings[2])),
            ("ratings.answer", "off_scale"),
        ),
        (replace(COMPLETE, ratings=(*COMPLETE.ratings, RatingInput("other", 1))), ("ratings.other", "unknown")),
        (replace(COMPLETE, ratings=(*COMPLETE.ratings, COMPLETE.ratings[0])), ("ratings", "repeated")),
        (replace(COMPLETE, strengths=("  ",)), ("strengths", "missing")),
        (replace(COMPLETE, development_points=()), ("development_points", "missing")),
        (replace(COMPLETE, strengths=("x" * 4001,)), ("strengths", "too_long")),
        (
            replace(
                COMPLETE, ratings=(RatingInput("greeting", 1, marks=(Mark(at_s=1, line=1),)), *COMPLETE.ratings[1:])
            ),
            ("ratings.greeting", "mark"),
        ),
    ],
)
def test_each_problem_names_its_field(draft: Draft, problem: tuple[str, str]) -> None:
    assert lacking(draft) == {problem}
