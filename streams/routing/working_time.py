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


def add_working_hours(start: datetime, hours: float, working: WorkingHours, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) by which `hours` of working time have passed since `start`; `hours` is above 0.

    Work that ends with the shift is due when the shift ends, not when the next one begins.
    """
    left = timedelta(hours=hours)
    now = start.astimezone(UTC)
    latest = now + LONGEST
    day = start.astimezone(zone).date()
    while now < latest:
        if day.isoweekday() in working.days:
            opens, closes = _shift(day, working, zone)
            now = max(now, opens)
            at_work = closes - now
            if at_work >= left:
                return min(now + left, latest)
            if at_work > timedelta(0):
                left -= at_work
                now = closes
        day += timedelta(days=1)
        if datetime.combine(day, working.opens, zone) > latest:
            break
    return latest


def _shift(day: date, working: WorkingHours, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants in UTC at which work begins and ends on a local day."""
    opens = datetime.combine(day, working.opens, zone).astimezone(UTC)
    closes = datetime.combine(day, working.closes, zone).astimezone(UTC)
    return opens, closes
