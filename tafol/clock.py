"""The one place where the system's clocks are read. They decide when something is done, never what."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, by the wall clock."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def sleep_s(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
