"""What a code means, and how long to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.retries import CODES, Backoff, Verdict, hint, named, verdict

pytestmark = pytest.mark.unit


def test_no_answer_is_waited_out() -> None:
    assert verdict(None) is Verdict.RETRY
    assert named(None) == "no answer"


def test_a_code_that_is_not_known_stops_for_nothing_is_lost_by_stopping() -> None:
    assert verdict(987_654) is Verdict.STOP
    assert named(987_654) == "code 987654"
    assert hint(987_654) is None


def test_what_a_person_must_mend_says_how() -> None:
    assert hint(None) is not None
    assert {code for code, known in CODES.items() if known.verdict is Verdict.STOP and known.hint is None} == set()


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_wait_never_leaves_its_bounds(attempt: int, chance: float) -> None:
    backoff = Backoff(first_s=0.5, longest_s=20.0)
    delay_s = backoff.delay_s(attempt, lambda: chance)
    assert 0 <= delay_s <= min(20.0, 0.5 * 2.0 ** min(attempt, 60))


def test_the_wait_doubles_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1.0, longest_s=6.0)
    assert [backoff.delay_s(attempt, lambda: 0.5) for attempt in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
