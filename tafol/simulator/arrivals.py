"""When customers come: a Poisson process whose rate follows the local weekday and hour of each channel.

The rate is constant within an hour, so gaps within an hour are exponential, and starting afresh at each hour changes
nothing (the process has no memory). Hours are walked in UTC and looked up in local time: a day with a change of clocks
has 23 or 25 hours, and counters open at nine on the wall all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.base import CHANNELS, Channel
from tafol.simulator import chance
from tafol.simulator.config import SimulationConfig

HOUR = timedelta(hours=1)
HOUR_S: Final = 3600.0


class Arrival(NamedTuple):
    """A customer comes. `name`: unique in the simulation, and the same for any span that holds the day."""

    channel: Channel
    at: datetime
    name: str


def _hours(weights: dict[int, float]) -> tuple[float, ...]:
    return tuple(weights.get(hour, 0.0) for hour in range(24))


_PHONE_DAY: Final = _hours(
    {8: 5, 9: 9, 10: 12, 11: 11, 12: 9, 13: 8.5, 14: 9.5, 15: 9, 16: 8.5, 17: 7, 18: 4.5, 19: 3},
)  # fmt: skip
_PHONE_SATURDAY: Final = _hours({9: 4, 10: 6, 11: 6, 12: 5, 13: 4, 14: 3, 15: 3, 16: 2})
_CHAT_DAY: Final = _hours(
    {0: 0.5, 6: 0.5, 7: 2, 8: 4, 9: 6, 10: 7, 11: 7, 12: 8, 13: 7.5, 14: 6.5, 15: 6, 16: 6, 17: 6.5, 18: 7, 19: 7.5,
     20: 7, 21: 5, 22: 2.5, 23: 1},
)  # fmt: skip
_COUNTER_DAY: Final = _hours({9: 5, 10: 9, 11: 10, 12: 9, 13: 8, 14: 8, 15: 7, 16: 5})
_COUNTER_SATURDAY: Final = _hours({9: 5, 10: 8, 11: 8, 12: 6})
_CLOSED: Final = _hours({})


def _week(monday: float, midweek: tuple[float, ...], saturday: tuple[float, ...], sunday: tuple[float, ...]) -> tuple[
    tuple[float, ...], ...
]:  # fmt: skip
    first = tuple(weight * monday for weight in midweek)
    return (first, midweek, midweek, midweek, midweek, saturday, sunday)


CURVES: Final[dict[Channel, tuple[tuple[float, ...], ...]]] = {
    "phone": _week(1.25, _PHONE_DAY, _PHONE_SATURDAY, _CLOSED),
    "chat": _week(1.1, _CHAT_DAY, _CHAT_DAY, tuple(weight * 0.7 for weight in _CHAT_DAY)),
    "face_to_face": _week(1.0, _COUNTER_DAY, _COUNTER_SATURDAY, _CLOSED),
}
"""Relative rate by weekday (0 = Monday) and local hour; 0 = closed."""
_WEEK_TOTAL: Final = {channel: sum(sum(day) for day in week) for channel, week in CURVES.items()}


def hourly_rate(config: SimulationConfig, channel: Channel, local: datetime) -> float:
    """Expected arrivals in the hour that holds the local time `local`."""
    weekly = config.transactions_per_week * config.channel_shares.get(channel, 0.0)
    return weekly * CURVES[channel][local.weekday()][local.hour] / _WEEK_TOTAL[channel]


def local_days(config: SimulationConfig) -> Iterator[date]:
    """The local days that the simulation touches, in order."""
    day = config.starts.astimezone(config.zone).date()
    last = config.ends.astimezone(config.zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def day_starts(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def arrivals(config: SimulationConfig, day: date) -> list[Arrival]:
    """All arrivals of one local day, by channel and then by time."""
    found: list[Arrival] = []
    zone = config.zone
    ends = day_starts(day + timedelta(days=1), zone)
    for channel in CHANNELS:
        chances = chance.stream(config.seed, "arrivals", channel, day)
        number = 0
        hour = day_starts(day, zone)
        while hour < ends:
            rate = hourly_rate(config, channel, hour.astimezone(zone))
            gone_s = chances.expovariate(rate / HOUR_S) if rate else HOUR_S
            while gone_s < HOUR_S:
                found.append(Arrival(channel, hour + timedelta(seconds=gone_s), _name(channel, day, number)))
                number += 1
                gone_s += chances.expovariate(rate / HOUR_S)
            hour += HOUR
    return found


def _name(channel: Channel, day: date, number: int) -> str:
    return f"{channel[:2]}-{day:%Y%m%d}-{number:05d}"
