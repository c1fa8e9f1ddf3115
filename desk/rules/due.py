"""What becomes of a task that is not done by its due time.

While somebody works on it, nothing: the review is worth more than the date. Else it ends as non-response: 'shed' when
nobody ever took it (there were not enough reviewers), 'expired' when somebody did and did not finish.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from desk.rules.lease import LeaseState, is_held

IN_WORDS: Final = {
    "shed": "Not reached by its due time.",
    "expired": "Begun, but not finished by its due time.",
}


def ending(due_at: datetime, lease: LeaseState, now: datetime) -> Literal["shed", "expired"] | None:
    """How the task ends at `now`; None: not yet."""
    if now < due_at or is_held(lease, now):
        return None
    return "expired" if lease.token > 0 else "shed"
