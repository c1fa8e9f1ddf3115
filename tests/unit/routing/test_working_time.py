"""Due times: shifts, weekends, clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.frame import WorkingHours
from streams.routing.working_time import LONGEST, WorkingTime
from tests.reference.routing import due_by_the_minute

pytestmark = pytest.mark.unit

LONDON = ZoneInfo("Europe/London")
OFFICE = WorkingHours()

minutes_of_2026 = st.integers(0, 365 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
around_the_changes = st.sampled_from([datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)]).flatmap(
    lambda day: st.integers(0, 4 * 24 * 60).map(lambda n: day + timedelta(minutes=n))
)
starts = st.one_of(minutes_of_2026, around_the_changes)
days = st.sets(st.integers(1, 7), min_size=1).map(lambda found: tuple(sorted(found)))
after_the_changes = st.tuples(st.integers(3 * 60, 22 * 60), st.integers(1, 119)).map(
    lambda ends: (_clock(ends[0]), _clock(ends[0] + ends[1]))
)
across_the_changes = st.sampled_from([(time(0), time(23, 59)), (time(0, 30), time(6)), (time(0), time(3))])
shifts = st.builds(
    lambda chosen, ends: WorkingHours(days=chosen, opens=ends[0], closes=ends[1]),
    days,
    st.one_of(after_the_changes, across_the_changes),
)


def _clock(minute: int) -> time:
    return time(minute // 60, minute % 60)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        pytest.param("2026-03-02T10:00Z", 2, "2026-03-02T12:00Z", id="within the shift"),
        pytest.param("2026-03-02T10:00Z", 7, "2026-03-02T17:00Z", id="ends with the shift"),
        pytest.param("2026-03-02T10:00Z", 8, "2026-03-03T10:00Z", id="goes on the next morning"),
        pytest.param("2026-03-06T16:00Z", 2, "2026-03-09T10:00Z", id="over the weekend"),
        pytest.param("2026-03-07T12:00Z", 1, "2026-03-09T10:00Z", id="drawn on a Saturday"),
        pytest.param("2026-03-02T20:00Z", 0.5, "2026-03-03T09:30Z", id="drawn after the shift"),
        pytest.param("2026-03-27T16:00Z", 2, "2026-03-30T09:00Z", id="over the spring change: 10:00 BST"),
        pytest.param("2026-10-23T15:00Z", 2, "2026-10-26T10:00Z", id="over the autumn change: 10:00 GMT"),
    ],
)
def test_hours_are_counted_in_the_shift(start: str, hours: float, due: str) -> None:
    found = WorkingTime(OFFICE, LONDON).after(datetime.fromisoformat(start), hours)

    assert found == datetime.fromisoformat(due)
    assert found.tzinfo is UTC


def test_a_night_shift_over_the_change_has_the_hours_that_really_passed() -> None:
    nights = WorkingHours(days=(7,), opens=time(0), closes=time(4))
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)

    assert WorkingTime(nights, LONDON).after(spring, 3) == datetime(2026, 3, 29, 3, tzinfo=UTC)  # 04:00 BST
    assert WorkingTime(nights, LONDON).after(autumn, 5) == datetime(2026, 10, 25, 4, tzinfo=UTC)  # 04:00 GMT


def test_a_day_that_never_was_is_not_worked_twice() -> None:
    samoa = ZoneInfo("Pacific/Apia")  # skipped 30 December 2011 altogether
    start = datetime(2011, 12, 29, 9, tzinfo=samoa)
    every_day = WorkingHours(days=(1, 2, 3, 4, 5, 6, 7))

    assert WorkingTime(every_day, samoa).after(start, 16) == datetime(2011, 12, 31, 17, tzinfo=samoa)


def test_hardly_any_working_time_still_gives_a_due_date() -> None:
    sliver = WorkingHours(days=(3,), opens=time(9), closes=time(9, 0, 1))
    start = datetime(2026, 3, 2, tzinfo=UTC)

    assert WorkingTime(sliver, LONDON).after(start, 1000) == start + LONGEST


@given(starts, st.integers(1, 600), shifts)
def test_the_same_as_counting_minutes_on_the_wall(start: datetime, minutes: int, working: WorkingHours) -> None:
    found = WorkingTime(working, LONDON).after(start, minutes / 60)

    wanted = due_by_the_minute(start, minutes, working, LONDON) if _short(minutes, working) else None
    assert wanted is None or abs(found - wanted) < timedelta(milliseconds=1)


def _short(minutes: int, working: WorkingHours) -> bool:
    """Keeps the count below four weeks of minutes."""
    shift = (working.closes.hour - working.opens.hour) * 60 + working.closes.minute - working.opens.minute
    return minutes <= 3 * shift * len(working.days)


@given(
    starts,
    st.integers(1, 400),
    st.integers(1, 400),
    shifts,
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_hours_add_up_in_any_zone(start: datetime, first: int, then: int, working: WorkingHours, name: str) -> None:
    zone = ZoneInfo(name)
    between = WorkingTime(working, zone).after(start, first / 60)
    in_two = WorkingTime(working, zone).after(between, then / 60)
    at_once = WorkingTime(working, zone).after(start, (first + then) / 60)

    assert start < between < in_two
    if in_two < start + LONGEST:
        assert abs(in_two - at_once) < timedelta(milliseconds=1)
