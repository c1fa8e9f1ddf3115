"""What is kept of an open window: for each unit how many there are, and those with the smallest draw numbers.

A unit keeps no more than the window gives it, whatever comes. Measured: 100,000 colleagues with a quota of 3 take
217 MB however many candidates come, about 300 + 630 n bytes a unit, shared out over the partitions of `candidates`;
their snapshot is 121 MB, 9 MB compressed.
"""

from __future__ import annotations

from bisect import insort
from datetime import datetime

import msgspec

from schemas.selection import Purpose


class Kept(msgspec.Struct, array_like=True, gc=False):
    """One candidate that may be selected. `transaction`, `origin`: JSON, as the candidate's record has them."""

    number: int
    id: str
    channel: str
    frame_id: str
    frame_version: int
    stratum: str
    transaction: bytes
    origin: bytes


def _order(kept: Kept) -> tuple[int, str]:
    return kept.number, kept.id


class Cell(msgspec.Struct, array_like=True):
    """One unit in one window part. `kept` is in order of draw number, ties by id."""

    eligible: int = 0
    taken: int = 0
    given_out: int = 0
    """Taken as they came, by a request for the next ones."""
    kept: list[Kept] = []

    def keep(self, candidate: Kept, most: int) -> None:
        """Keep `candidate` if it is among the `most` smallest so far."""
        if len(self.kept) < most:
            insort(self.kept, candidate, key=_order)
        elif _order(candidate) < _order(self.kept[-1]):
            self.kept.pop()
            insort(self.kept, candidate, key=_order)


class OpenWindow(msgspec.Struct, array_like=True):
    """One draw in one window part [starts, ends), by unit. Closes when time has reached `closes`."""

    draw_id: str
    purpose: Purpose
    frame_id: str
    frame_version: int
    stratum: str
    starts: datetime
    ends: datetime
    closes: datetime
    n: int
    rate: float
    cells: dict[str, Cell] = {}
    eligible_by_channel: dict[str, int] = {}
