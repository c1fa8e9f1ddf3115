"""Windows of local days, weeks (from Monday) and months, cut into parts of whole days.

Boundaries are local midnights, so a day has 23, 24 or 25 hours. Part i of p, of a window of D days with n to draw, has
the days floor(i D / p) to floor((i + 1) D / p) and draws floor((i + 1) n / p) - floor(i n / p).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.frame import Window

REMEMBERED_LIMIT: Final = 2000
"""Local days whose part is remembered; then the memory starts again."""


class Part(NamedTuple):
    """One part of a window, [starts, ends) in UTC; `n`: how many are drawn of each unit."""

    starts: datetime
    ends: datetime
    n: int


class Windows:
    """The windows of one zone and kind, and what is drawn in their parts."""

    def __init__(self, zone: ZoneInfo, window: Window, parts: int, n: int) -> None:
        self._zone = zone
        self._window = window
        self._parts = parts
        self._n = n
        self._by_day: dict[date, Part] = {}

    def at(self, instant: datetime) -> Part:
        """The part in which the local day of `instant` lies."""
        day = instant.astimezone(self._zone).date()
        found = self._by_day.get(day)
        if found is None:
            if len(self._by_day) >= REMEMBERED_LIMIT:
                self._by_day.clear()
            found = self._by_day[day] = self._made(day)
        return found

    def _made(self, day: date) -> Part:
        first, days = _whole(day, self._window)
        nth = (((day - first).days + 1) * self._parts - 1) // days
        return Part(
            starts=_midnight(first + timedelta(days=nth * days // self._parts), self._zone),
            ends=_midnight(first + timedelta(days=(nth + 1) * days // self._parts), self._zone),
            n=(nth + 1) * self._n // self._parts - nth * self._n // self._parts,
        )


def begins_window(instant: datetime, window: Window, zone: ZoneInfo) -> bool:
    """Whether a window of this kind begins at `instant`."""
    day = instant.astimezone(zone).date()
    return _whole(day, window)[0] == day and _midnight(day, zone) == instant


def next_beginning(instant: datetime, window: Window, zone: ZoneInfo) -> datetime:
    """When the next window of this kind begins after `instant`."""
    first, days = _whole(instant.astimezone(zone).date(), window)
    return _midnight(first + timedelta(days=days), zone)


def _whole(day: date, window: Window) -> tuple[date, int]:
    """First day and number of days of the window that `day` lies in."""
    if window == "day":
        return day, 1
    if window == "week":
        return day - timedelta(days=day.weekday()), 7
    return day.replace(day=1), monthrange(day.year, day.month)[1]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
