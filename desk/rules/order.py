"""The order in which tasks are given out: purpose, priority, due time, then chance.

Chance last, so that among equals those that are not reached by their due time are a random part of them, and the
non-response does not lean (contracts, "Caps"). A task carries no draw number, and a systematic draw rests on none; a
hash of the transaction id serves the same end and is the same in every process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from schemas.selection import Purpose

PURPOSE_RANK: Final[dict[Purpose, int]] = {
    "spot": 0,
    "planned": 1,
    "random": 2,
    "systematic": 2,
    "quota": 2,
    "targeted": 3,
}
"""Somebody waits for a spot check; estimates rest on the draws; targeted checks can wait. One rank for all draws."""
PERSON: Final = b"tafol-desk"


class Place(NamedTuple):
    """Where a task stands in its queue: the smallest is given out first."""

    purpose_rank: int
    priority: int
    due_at: datetime
    chance: int
    task_id: str


def purpose_rank(purposes: Iterable[Purpose]) -> int:
    """The most urgent of a task's purposes."""
    return min(PURPOSE_RANK[purpose] for purpose in purposes)


def chance(transaction_id: str) -> int:
    """A number in [0, 2**63) that says nothing of the transaction; all copies have the same."""
    digest = hashlib.blake2b(transaction_id.encode(), digest_size=8, person=PERSON).digest()
    return int.from_bytes(digest, "big") >> 1
