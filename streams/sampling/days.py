"""Local days of one time zone: 23, 24 or 25 hours long, found without asking the zone for every event."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_QUARTER_HOUR = timedelta(minutes=15)


class LocalDay(NamedTuple):
    """One local day. Every instant in [shortcut_from, ends) is surely of this day; so far no look at the zone."""

    day: date
    shortcut_from: datetime
    ends: datetime


class LocalDays:
    """The days of one zone, remembered as they come."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days: dict[date, LocalDay] = {}

    def at(self, instant: datetime) -> LocalDay:
        """The local day of `instant` (in UTC)."""
        day = instant.astimezone(self._zone).date()
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = self._made(day)
        return found

    def _made(self, day: date) -> LocalDay:
        starts = datetime.combine(day, time(), self._zone).astimezone(UTC)
        ends = datetime.combine(day + timedelta(days=1), time(), self._zone).astimezone(UTC)
        # Some zones once put the clock back across midnight, so that a day came in two pieces: no shortcut then.
        quarters = int((ends - starts) / _QUARTER_HOUR)
        whole = all((starts + n * _QUARTER_HOUR).astimezone(self._zone).date() == day for n in range(quarters))
        return LocalDay(day, starts if whole else ends, ends)
