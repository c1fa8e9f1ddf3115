"""Made-up estimates as sinks/queries/estimates.sql would return them: of eight teams, one of which falls.

For pages and pictures; whether estimates are right is tested on the real SQL. Deterministic; a filter leaves the
groups that it names, and small groups have too few reviews, as in life.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sinks.store import Parameter, Row

TEAMS = (
    "cardiff-service", "cardiff-sales", "bangor-service", "bangor-counter", "swansea-service", "swansea-billing",
    "wrexham-service", "wrexham-counter",
)  # fmt: skip
SITES = ("bangor", "cardiff", "swansea", "wrexham")
VALUES: dict[str, tuple[str, ...]] = {
    "all": ("",),
    "channel": ("chat", "face_to_face", "phone"),
    "site": SITES,
    "team": TEAMS,
    "colleague": tuple(f"c-{site}-{number:02d}" for site in SITES for number in range(1, 8)),
    "topic": ("billing", "complaint", "moving-home", "technical-support"),
    "language": ("cy", "en"),
}
PLURAL = {
    "channel": "channels", "site": "sites", "team": "teams", "colleague": "colleagues", "topic": "topics",
    "language": "languages",
}  # fmt: skip
SPREAD = 14.0
"""Standard deviation of single scores, in points."""
FALLS = "cardiff-service"
PERIOD_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91}


def estimate_rows(asked: Mapping[str, Parameter], criteria: Sequence[str]) -> list[Row]:
    """The rows for these parameters."""
    by, period, measure = str(asked["group_by"]), str(asked["period"]), str(asked["measure"])
    from_day, to_day = asked["from_day"], asked["to_day"]
    assert isinstance(from_day, date)
    assert isinstance(to_day, date)
    starts = [from_day] if period == "all" else _starts(from_day, to_day, PERIOD_DAYS[period])
    wanted: Any = asked[PLURAL[by]] if by in PLURAL else ()
    groups = [one for one in VALUES[by] if not wanted or one in wanted]
    fell = by == "all" and asked["teams"] == [FALLS]
    ids = {
        "total": ("",),
        "criterion": tuple(criteria),
        "error_class": ("any", "business", "compliance", "customer"),
        "distribution": tuple(f"{tenth:03d}" for tenth in range(0, 100, 10)),
    }[measure]
    days = (to_day - from_day).days / len(starts)
    return [
        _row(
            FALLS if fell else group,
            start,
            one,
            measure,
            reviews=_reviews(group, days, len(groups)),
            last=start == starts[-1],
        )
        | {"group_id": group}
        for group in groups
        for one in ids
        for start in starts
    ]


def cell_rows(asked: Mapping[str, Parameter], criteria: Sequence[str]) -> list[Row]:
    """What those estimates are made of, as sinks/queries/score_cells.sql returns it: one draw cell in all."""
    found = [row for row in estimate_rows(asked, criteria) if row["mean_0_100"] is not None]
    reviewed = sum(int(row["reviewed"]) for row in found if row["measure_id"] == found[0]["measure_id"])
    return [
        {
            "cell": f"contact-centre:1/chat/{row['period_start']}", "n": float(reviewed), "size": reviewed * 23.0,
            "group_id": row["group_id"], "period_start": row["period_start"], "measure_id": row["measure_id"],
            "k": float(row["reviewed"]), "mean": row["mean_0_100"], "m2": float(row["reviewed"]) * SPREAD**2,
        }
        for row in found
    ]  # fmt: skip


def name_rows(scorecards: Sequence[str]) -> list[Row]:
    """What there is to choose from. `scorecards`: their ids."""
    return [{PLURAL[by]: list(VALUES[by]) for by in PLURAL} | {"scorecards": list(scorecards), "strata": []}]


def _starts(from_day: date, to_day: date, days: int) -> list[date]:
    return [from_day + timedelta(days=at) for at in range(0, (to_day - from_day).days, days)]


def _reviews(group: str, days: float, groups: int) -> int:
    part = 0.25 if group.endswith("counter") else 0.06 if group.endswith("07") else 1.0
    return max(0, round(days * 24 / max(1, groups) * part))


def _row(group: str, start: date, measure_id: str, measure: str, *, reviews: int, last: bool) -> Row:
    chance = random.Random(f"{group}|{start}|{measure_id}")
    steady = random.Random(f"{group}|{measure_id}")
    mean = 83.0 + steady.gauss(0, 6.0 if measure != "total" else 4.0 if group.startswith("c-") else 2.5)
    if group == FALLS and start >= date(2026, 8, 20):
        mean -= 13.0
    spread = SPREAD
    if measure == "error_class":
        mean = {"any": 93.0}.get(measure_id, 97.0 + steady.random() * 2)
        spread = 100 * math.sqrt(mean / 100 * (1 - mean / 100))
    if measure == "distribution":
        mean = [1.2, 0.4, 0.6, 1.1, 2.0, 4.2, 9.5, 21.0, 33.5, 26.5][int(measure_id) // 10]
        spread = 100 * math.sqrt(mean / 100 * (1 - mean / 100))
    error = spread / math.sqrt(reviews) if reviews else None
    value = None if error is None else min(100.0, max(0.0, mean + chance.gauss(0, 0.6) * error))
    known = value is not None and error is not None and reviews >= 2
    assert value is not None or not known
    low = max(0.0, (value or 0.0) - 2.0 * (error or 0.0)) if known else None
    high = min(100.0, (value or 0.0) + 2.0 * (error or 0.0)) if known else None
    awaiting = reviews // 2 if last else 0
    selected = round(reviews * 1.12) + awaiting
    return {
        "group_id": group, "period_start": start, "measure_id": measure_id, "mean_0_100": value,
        "standard_error": error if known else None, "df": max(0, reviews - 1), "lower_0_100": low, "upper_0_100": high,
        "reviewed": reviews, "eligible": reviews * 23, "selected": selected, "awaiting": awaiting,
        "response_rate": reviews / (selected - awaiting) if selected > awaiting else None, "cells": 6, "joins": 0,
        "cells_behind": 0, "provisional": int(last),
        "too_few": int(reviews < 5 or high is None or low is None or (high - low) / 2 > 10.0),
    }  # fmt: skip
