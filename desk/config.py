"""How a desk works: times, limits and what a review needs. Given once, frozen; tafol.settings makes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """Times and limits of one desk."""

    lease: timedelta = timedelta(minutes=15)
    """A task goes back to its queue when nothing was heard of its holder for so long."""
    heartbeat_every_s: float = 60.0
    due_soon: timedelta = timedelta(hours=4)
    max_held: int = 3
    """Tasks that one person may hold at once, over all queues."""
    correct_within: timedelta = timedelta(days=14)
    """How long a reviewer may correct a review of their own; well within combine's 45 days."""
    min_strengths: int = 1
    min_development_points: int = 1
    keep_content: timedelta = timedelta(days=90)
    """Retention of transcripts and the like, from the end of the transaction."""
    keep_sent: timedelta = timedelta(days=7)
    session: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=1)
    lock_after: int = 5
    """Failed tries in a row that lock an account."""
    locked_for: timedelta = timedelta(minutes=15)
    tries_per_address: int = 30
    """Failed tries from one address within `tries_window`."""
    tries_window: timedelta = timedelta(minutes=10)
    agreements_needed: int = 2
    """Named people who must agree to a scorecard or a frame before it is published."""
    time_zone: str = "Europe/London"
    """The organisation's: what 'today' means."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
