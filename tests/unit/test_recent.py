"""Memory for a span of log time."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.recent import SWEEP_EVERY_MS, Recent

pytestmark = pytest.mark.unit

SPAN_MS = 3 * SWEEP_EVERY_MS


def test_an_item_is_forgotten_when_its_span_is_over_and_not_before() -> None:
    recent = Recent[int](span_ms=SPAN_MS)
    recent.pass_time(1000)
    recent.put("a", 1)

    recent.pass_time(1000 + SPAN_MS)
    assert recent.get("a") == 1

    recent.pass_time(1001 + SPAN_MS)
    assert recent.get("a") is None


def test_log_time_never_goes_back() -> None:
    recent = Recent[int](span_ms=SPAN_MS)
    recent.pass_time(SPAN_MS + 2000)
    recent.pass_time(0)
    recent.put("a", 1)
    recent.pass_time(SPAN_MS + 3000)

    assert recent.get("a") == 1


def test_room_is_freed_within_a_day_of_log_time() -> None:
    recent = Recent[int](span_ms=SPAN_MS)
    recent.pass_time(0)
    recent.put("a", 1)

    recent.pass_time(SPAN_MS + SWEEP_EVERY_MS)

    assert recent.items == {}


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 6 * SWEEP_EVERY_MS), st.booleans()), min_size=1, max_size=30
)


@given(steps, st.integers(0, 29))
def test_remembers_what_was_put_last_within_the_span_also_across_a_snapshot(
    taken: list[tuple[str, int, bool]], cut: int
) -> None:
    recent = Recent[int](span_ms=SPAN_MS)
    puts: dict[str, tuple[int, int]] = {}
    log_time = 0
    for nth, (key, append_time, puts_one) in enumerate(taken):
        if nth == cut:
            recent = msgspec.msgpack.decode(msgspec.msgpack.encode(recent), type=Recent[int])
        log_time = max(log_time, append_time)
        recent.pass_time(append_time)
        at, item = puts.get(key, (0, 0))
        assert recent.get(key) == (item if key in puts and log_time <= at + SPAN_MS else None)
        if puts_one:
            recent.put(key, nth)
            puts[key] = (log_time, nth)
