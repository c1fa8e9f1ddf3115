"""Pace: when events go out, and that it changes nothing else."""

from datetime import datetime, timedelta

import pytest

from schemas.errors import ConfigError
from tafol.simulator.pace import paced
from tafol.simulator.stream import SimulatedEvent, Simulation
from tests.unit.simulator.configs import ENDS, WEEK, config

pytestmark = pytest.mark.unit

STARTS = ENDS - WEEK


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.naps = 0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.naps += 1
        self.now_s += seconds


@pytest.fixture(scope="module")
def events() -> list[SimulatedEvent]:
    return list(Simulation(config(transactions_per_week=300)).events())


def test_speed_sends_each_event_so_many_times_as_fast(events: list[SimulatedEvent]) -> None:
    clock = Clock()
    for event in paced(events, clock=clock, sleep=clock.sleep, starts=STARTS, speed=3600):
        due_s = (event.send_at - STARTS) / timedelta(seconds=3600)
        assert clock.now_s - 1000 == pytest.approx(due_s, abs=0.003)


def test_rate_sends_so_many_a_second(events: list[SimulatedEvent]) -> None:
    clock = Clock()
    sent = [clock() for _ in paced(events, clock=clock, sleep=clock.sleep, starts=STARTS, rate_per_s=50)]
    assert sent[-1] - 1000 == pytest.approx((len(events) - 1) / 50, abs=0.003)


def test_as_fast_as_possible_never_sleeps(events: list[SimulatedEvent]) -> None:
    clock = Clock()
    assert list(paced(events, clock=clock, sleep=clock.sleep, starts=STARTS)) == events
    assert clock.naps == 0


def test_who_is_late_catches_up(events: list[SimulatedEvent]) -> None:
    clock = Clock()
    due: list[datetime] = []
    for event in paced(events, clock=clock, sleep=clock.sleep, starts=STARTS, speed=3600):
        if not due:
            clock.now_s += 60  # sending the first takes a minute: sixty hours
        due.append(event.send_at)
        behind = clock.now_s - 1000 - (event.send_at - STARTS) / timedelta(seconds=3600)
        assert behind >= -0.003
    assert behind == pytest.approx(0, abs=0.003)
    assert due == [event.send_at for event in events]


@pytest.mark.parametrize("pace", [{"speed": 1.0, "rate_per_s": 1.0}, {"speed": 0.0}, {"rate_per_s": -5.0}])
def test_a_pace_that_cannot_be_meant_is_refused(pace: dict[str, float]) -> None:
    clock = Clock()
    with pytest.raises(ConfigError):
        paced([], clock=clock, sleep=clock.sleep, starts=STARTS, **pace)
