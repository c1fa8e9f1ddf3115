"""Due times in working hours: an instant plus so many hours in which reviewers are at work.

Pure. Working hours are wall-clock times in a time zone, so the instants they stand for move with the clock change; the
hours between them are real ones (a shift over the spring change is an hour shorter). An opening or closing time that
the change skips or repeats is taken by the offset in force before the change (PEP 495, fold 0).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from schemas.frame import WorkingHours

LONGEST: Final = timedelta(days=366)
"""No task is due later than this after its start, however few working hours a frame gives."""
REMEMBERED_DAYS: Final = 2000


class WorkingTime:
    """The working hours of one frame in its time zone. Remembers shifts: asking the zone costs more than the rest."""

    def __init__(self, working: WorkingHours, zone: ZoneInfo) -> None:
        self._working = working
        self._zone = zone
        self._shifts: dict[date, tuple[datetime, datetime] | None] = {}

    def after(self, start: datetime, hours: float) -> datetime:
        """The first instant (UTC) by which `hours` of working time have passed since `start`; `hours` is above 0.

        Work that ends with the shift is due when the shift ends, not when the next one begins.
        """
        left = timedelta(hours=hours)
        now = start.astimezone(UTC)
        latest = now + LONGEST
        day = start.astimezone(self._zone).date()
        # Nowhere is a local date more than a day off that of UTC.
        while now < latest and day <= latest.date() + _DAY:
            shift = self._shift(day)
            if shift is not None:
                opens, closes = shift
                now = max(now, opens)
                at_work = closes - now
                if at_work >= left:
                    return min(now + left, latest)
                if at_work > _NO_TIME:
                    left -= at_work
                    now = closes
            day += _DAY
        return latest

    def _shift(self, day: date) -> tuple[datetime, datetime] | None:
        """The instants in UTC at which work begins and ends on a local day; None on a day off."""
        try:
            return self._shifts[day]
        except KeyError:
            pass
        if len(self._shifts) >= REMEMBERED_DAYS:
            self._shifts.clear()
        found = None
        if day.isoweekday() in self._working.days:
            opens, closes = (
                datetime.combine(day, clock, self._zone).astimezone(UTC)
                for clock in (self._working.opens, self._working.closes)
            )
            found = opens, closes
        self._shifts[day] = found
        return found


_DAY: Final = timedelta(days=1)
_NO_TIME: Final = timedelta(0)
