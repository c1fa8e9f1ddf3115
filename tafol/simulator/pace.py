"""When each event goes out: as fast as possible, so many a second, or as it happened, so many times as fast.

One that is late goes out at once, and the pace catches up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from schemas.errors import ConfigError
from tafol.simulator.stream import SimulatedEvent

SHORTEST_SLEEP_S = 0.002
"""Below this an event goes out early rather than the thread to sleep: a sleep costs about as much."""


def paced(
    events: Iterable[SimulatedEvent],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    starts: datetime,
    speed: float | None = None,
    rate_per_s: float | None = None,
) -> Iterator[SimulatedEvent]:
    """Yield each event when it is due.

    `clock`: monotonic seconds; `sleep`: waits for seconds, or less when all shall stop. `speed`: simulated seconds per
    second, counted from `starts`; `rate_per_s`: events a second, whatever their times; neither: as fast as possible.
    Raises ConfigError for both, or for one that is not above zero.
    """
    if speed is not None and rate_per_s is not None:
        raise ConfigError("speed and rate exclude each other", hint="Give one of them, or neither.")
    for name, value in (("speed", speed), ("rate", rate_per_s)):
        if value is not None and not value > 0:
            raise ConfigError(f"{name} must be above zero, not {value:g}")

    def wait_and_yield() -> Iterator[SimulatedEvent]:
        begun = clock()
        for number, event in enumerate(events):
            ahead_s = begun + _due_after_s(number, event, starts, speed, rate_per_s) - clock()
            if ahead_s > SHORTEST_SLEEP_S:
                sleep(ahead_s)
            yield event

    return wait_and_yield()


def _due_after_s(
    number: int, event: SimulatedEvent, starts: datetime, speed: float | None, rate: float | None
) -> float:
    """Seconds from the beginning to when the event is due."""
    if speed is not None:
        return (event.send_at - starts).total_seconds() / speed
    return number / rate if rate is not None else 0.0
