"""Arrivals follow the clock on the wall and add up to the volume that was asked for."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from tafol.simulator.arrivals import Arrival, arrivals, day_starts, hourly_rate, local_days
from tafol.simulator.config import SimulationConfig
from tests.unit.simulator.configs import config

pytestmark = pytest.mark.unit

CLOCKS_GO_BACK = date(2026, 10, 25)
CLOCKS_GO_FORWARD = date(2026, 3, 29)


def week_to(ends: datetime, per_week: float = 20_000) -> SimulationConfig:
    return config(starts=ends - timedelta(days=7), ends=ends, transactions_per_week=per_week)


def all_arrivals(simulated: SimulationConfig) -> list[Arrival]:
    return [arrival for day in local_days(simulated) for arrival in arrivals(simulated, day)]


def test_a_week_has_the_volume_and_the_channel_shares_asked_for() -> None:
    simulated = config(transactions_per_week=20_000)
    monday = simulated.starts.astimezone(simulated.zone).date()
    found = Counter(arrival.channel for n in range(7) for arrival in arrivals(simulated, monday + timedelta(days=n)))
    assert found.total() == pytest.approx(20_000, abs=5 * 20_000**0.5)
    for channel, share in simulated.channel_shares.items():
        assert found[channel] == pytest.approx(20_000 * share, abs=5 * (20_000 * share) ** 0.5)


def test_expected_arrivals_of_a_week_are_the_volume() -> None:
    simulated = config(transactions_per_week=1234.5)
    hours = [simulated.starts + timedelta(hours=n) for n in range(7 * 24)]
    expected = sum(
        hourly_rate(simulated, channel, hour.astimezone(simulated.zone))
        for channel in simulated.channel_shares
        for hour in hours
    )
    assert expected == pytest.approx(1234.5)


@pytest.mark.parametrize(("day", "hours"), [(CLOCKS_GO_BACK, 25), (CLOCKS_GO_FORWARD, 23), (date(2026, 11, 4), 24)])
def test_a_local_day_has_its_own_length(day: date, hours: int) -> None:
    zone = config().zone
    assert day_starts(day + timedelta(days=1), zone) - day_starts(day, zone) == timedelta(hours=hours)


@pytest.mark.parametrize("change", [CLOCKS_GO_BACK, CLOCKS_GO_FORWARD])
def test_counters_open_at_nine_on_the_wall_before_and_after_a_change_of_clocks(change: date) -> None:
    ends = datetime(change.year, change.month, change.day, tzinfo=UTC) + timedelta(days=4)
    simulated = week_to(ends)
    opened: dict[date, set[int]] = {}
    for arrival in all_arrivals(simulated):
        if arrival.channel == "face_to_face":
            local = arrival.at.astimezone(simulated.zone)
            opened.setdefault(local.date(), set()).add(local.hour)
    assert change not in opened  # a Sunday
    for day, hours in opened.items():
        assert min(hours) == 9
        assert max(hours) <= (12 if day.weekday() == 5 else 16)


def test_a_night_of_25_hours_has_its_second_hour_twice() -> None:
    simulated = week_to(datetime(2026, 10, 26, 0, tzinfo=UTC), per_week=2_000_000)
    night = [arrival.at for arrival in arrivals(simulated, CLOCKS_GO_BACK) if arrival.channel == "chat"]
    by_local_hour = Counter(at.astimezone(simulated.zone).hour for at in night)
    rate = hourly_rate(simulated, "chat", datetime(2026, 10, 25, 0, 30, tzinfo=simulated.zone))
    assert by_local_hour[0] == pytest.approx(rate, abs=5 * rate**0.5)
    assert all(day_starts(CLOCKS_GO_BACK, simulated.zone) <= at for at in night)


def test_arrivals_of_a_day_do_not_hang_on_the_span() -> None:
    day = date(2026, 11, 11)
    assert arrivals(config(), day) == arrivals(config(starts=config().starts + timedelta(days=1)), day)
    assert len({arrival.name for arrival in all_arrivals(config())}) == len(all_arrivals(config()))
