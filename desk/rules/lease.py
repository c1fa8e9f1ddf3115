"""Leases: one person at a time works on a task, until an end that heartbeats move.

Invariants:
- `token` only grows: each claim takes the next, so a token names one claim of one person for ever (a fencing token).
- A lease that has ended, and that nobody has taken since, is 'lapsed': its holder may go on, for nothing was done
  behind their back. Once somebody else has claimed the task, the old token is 'lost' for good.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Verdict = Literal["held", "lapsed", "lost"]


class LeaseState(NamedTuple):
    """Who has a task. `holder_id` None: nobody, and `ends_at` is None."""

    token: int = 0
    holder_id: str | None = None
    ends_at: datetime | None = None


def is_held(lease: LeaseState, now: datetime) -> bool:
    """Whether somebody holds the task at `now`. A lease ends at its end: [claimed, ends_at)."""
    return lease.holder_id is not None and lease.ends_at is not None and now < lease.ends_at


def claimed(lease: LeaseState, account_id: str, now: datetime, length: timedelta) -> LeaseState:
    """The lease after a claim. The task must be free: ValueError when another holds it."""
    if is_held(lease, now) and lease.holder_id != account_id:
        raise ValueError("the task is held by another")
    return LeaseState(lease.token + 1, account_id, now + length)


def prolonged(lease: LeaseState, now: datetime, length: timedelta) -> LeaseState:
    """The lease after a heartbeat; it never ends earlier than before."""
    assert lease.ends_at is not None
    return lease._replace(ends_at=max(lease.ends_at, now + length))


def given_up(lease: LeaseState) -> LeaseState:
    """Nobody's task again. The token stays, so that the next claim takes a higher one."""
    return LeaseState(lease.token)


def verdict(lease: LeaseState, account_id: str, token: int, now: datetime) -> Verdict:
    """What a person's token is worth at `now`."""
    if lease.holder_id != account_id or lease.token != token:
        return "lost"
    return "held" if is_held(lease, now) else "lapsed"
