"""Leases and the order of tasks: any course of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.rules import due, lease, order
from desk.rules.lease import LeaseState

pytestmark = pytest.mark.unit
START = datetime(2026, 9, 7, 9, tzinfo=UTC)
LENGTH = timedelta(minutes=15)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "heartbeat", "give_up"]),
        st.sampled_from(["ann", "ben", "cai"]),
        st.integers(0, 1800),
    ),
    max_size=60,
)


@given(EVENTS)
def test_no_two_hold_a_task_at_once_and_tokens_only_grow(events: list[tuple[str, str, int]]) -> None:
    state, now = LeaseState(), START
    tokens: list[int] = []
    valid: dict[tuple[str, int], bool] = {}
    for what, who, seconds in events:
        now += timedelta(seconds=seconds)
        mine = lease.verdict(state, who, state.token, now)
        if what == "claim" and (not lease.is_held(state, now) or state.holder_id == who):
            state = lease.claimed(state, who, now, LENGTH)
            tokens.append(state.token)
            valid = {**dict.fromkeys(valid, False), (who, state.token): True}
        elif what == "claim":
            with pytest.raises(ValueError, match="held by another"):
                lease.claimed(state, who, now, LENGTH)
        elif what == "heartbeat" and mine != "lost":
            before = state.ends_at
            state = lease.prolonged(state, now, LENGTH)
            assert before is not None
            assert state.ends_at is not None
            assert state.ends_at >= before
        elif what == "give_up" and mine != "lost":
            state = lease.given_up(state)
            valid = dict.fromkeys(valid, False)
        holders = [one for one in valid if lease.verdict(state, *one, now) == "held"]
        assert len(holders) <= 1
        assert all(lease.verdict(state, *one, now) == "lost" for one, still in valid.items() if not still)
    assert tokens == sorted(set(tokens))


def test_a_lease_ends_at_its_end_and_lapses_until_somebody_takes_it() -> None:
    held = lease.claimed(LeaseState(), "ann", START, LENGTH)
    assert lease.verdict(held, "ann", 1, START + LENGTH - timedelta(microseconds=1)) == "held"
    assert lease.verdict(held, "ann", 1, START + LENGTH) == "lapsed"
    taken = lease.claimed(held, "ben", START + LENGTH, LENGTH)
    assert lease.verdict(taken, "ann", 1, START + LENGTH) == "lost"
    assert lease.verdict(taken, "ben", 1, START + LENGTH) == "lost"  # the right person, with an old token


@given(st.integers(-3600, 3600), st.booleans(), st.booleans())
def test_what_is_past_due_ends_unless_somebody_works_on_it(seconds: int, ever: bool, held: bool) -> None:
    now = START + timedelta(seconds=seconds)
    state = LeaseState(3 if ever or held else 0, "ann" if held else None, now + LENGTH if held else None)
    expected = None if seconds < 0 or held else "expired" if ever else "shed"
    assert due.ending(START, state, now) == expected


def test_a_person_waits_for_a_spot_check_and_draws_go_before_targeted_checks() -> None:
    ranks = [order.purpose_rank([one]) for one in ("spot", "planned", "quota", "targeted")]
    assert ranks == sorted(set(ranks))
    assert order.purpose_rank(["random", "spot"]) == order.purpose_rank(["spot"])
    assert len({order.PURPOSE_RANK[one] for one in ("random", "systematic", "quota")}) == 1


@given(st.sets(st.text(min_size=1, max_size=30), min_size=2, max_size=30))
def test_chance_is_the_same_for_all_copies_and_fits_the_store(ids: set[str]) -> None:
    numbers = {order.chance(one) for one in ids}
    assert len(numbers) == len(ids)
    assert all(0 <= one < 2**63 for one in numbers)
    assert order.chance("t-1") == 8_520_321_791_845_342_503


def test_equals_are_given_out_in_an_order_that_does_not_lean_on_their_ids() -> None:
    first_half = sum(order.chance(f"t-{number}") < 2**62 for number in range(2000))
    assert 900 < first_half < 1100
