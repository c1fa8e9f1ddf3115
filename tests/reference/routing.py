"""What route must give: the tasks of a whole log of selections, worked out transaction by transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.draw_number import OVERLAP, SPACE, draw_numbers
from schemas.frame import SamplingFrame, WorkingHours
from schemas.selection import PROBABILITY_PURPOSES, Selection


@cache
def due_by_the_minute(start: datetime, minutes: int, working: WorkingHours, zone: ZoneInfo) -> datetime:
    """Counts working minutes one by one off a clock on the wall. `start` is a whole minute."""
    now = start.astimezone(UTC)
    while minutes:
        local = now.astimezone(zone)
        if local.isoweekday() in working.days and working.opens <= local.time() < working.closes:
            minutes -= 1
        now += timedelta(minutes=1)
    return now


def tasks(selections: Sequence[Selection], frame: SamplingFrame) -> dict[str, dict[str, Any]]:
    """The fields that matter of every task, by task id, once all `selections` have come in this order."""
    by_transaction: dict[str, list[Selection]] = defaultdict(list)
    for one in selections:
        by_transaction[one.transaction.id].append(one)
    found: dict[str, dict[str, Any]] = {}
    for transaction_id, asked in by_transaction.items():
        welsh = asked[0].transaction.language == "cy"
        chance = [one for one in asked if one.purpose in PROBABILITY_PURPOSES]
        leads = (chance or asked)[0]
        share_of_space = int(frame.overlap.share * SPACE)
        numbers = [
            draw_numbers(frame.seed_bytes, frame.id, frame.version, one.stratum, OVERLAP)(transaction_id)
            for one in asked
        ]
        copies = frame.overlap.copies if min(numbers) < share_of_space else 1
        minutes = 8 * 60 if welsh else 16 * 60
        for copy in range(1, copies + 1):
            found[f"{transaction_id}|chat|{copy}"] = {
                "copies": copies,
                "purposes": {one.purpose for one in asked},
                "stratum": leads.stratum,
                "inclusion_probability": leads.inclusion_probability,
                "drawn_at": leads.drawn_at,
                "queue": "welsh" if welsh else "rest",
                "priority": 2 if welsh else 5,
                "due_at": min(
                    due_by_the_minute(one.drawn_at, minutes, frame.working_hours, frame.zone) for one in asked
                ),
            }
    return found
