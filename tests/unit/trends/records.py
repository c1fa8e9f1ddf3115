"""Detectors, points and logs for tests, complete but for what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.base import Versioned
from schemas.detector import Detectors
from schemas.series import ReferenceAgreed, SeriesPoint, series_id
from streams.registers import Appended, Registers, Timeline
from streams.stage import PlainRecord

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
APPENDED_MS = int(MONDAY.timestamp() * 1000) + 3_600_000
CHAT = Versioned(id="chat", version=1)


def detectors(version: int = 1, **fields: Any) -> Detectors:
    """Entry `version` of the register: it holds from as many days after Monday."""
    written = {
        "id": "quality",
        "version": version,
        "holds_from": MONDAY + timedelta(days=version),
        "reference_reviews": 30,
        "tolerance_points": 2,
        "close_after_reviews": 10,
        "reviews_a_period": 50,
        "series": [{"of": "team", "count": 4}],
    }
    return Detectors.model_validate(written | fields)


def registers(*entries: Detectors) -> Registers:
    ahead = timedelta(days=1)
    known = entries or (detectors(),)
    return Registers(detectors=Timeline.of("detectors", [Appended(one, one.holds_from - ahead) for one in known]))


def point(number: int, score_0_100: float, **fields: Any) -> SeriesPoint:
    """The point of review `number`; transactions end a minute apart."""
    values = fields.pop("series", {"team": "north"})
    written = {
        "series_id": series_id(values),
        "series": values,
        "score_0_100": score_0_100,
        "scorecard": CHAT,
        "stratum": "all",
        "detectors": Versioned(id="quality", version=1),
        "review_id": f"t-{number}|chat|1",
        "transaction_id": f"t-{number}",
        "ended_at": MONDAY + timedelta(minutes=number),
        "reviewed_at": MONDAY + timedelta(hours=1, minutes=number),
    }
    return SeriesPoint.model_validate(written | fields)


def points(scores: Sequence[float], first: int = 0, **fields: Any) -> list[SeriesPoint]:
    return [point(number, score, **fields) for number, score in enumerate(scores, first)]


def agreed(**fields: Any) -> ReferenceAgreed:
    written = {
        "agreement_id": "a-1",
        "series_id": "team=north",
        "agreed_by": "manager",
        "reason": "the new procedure takes longer",
        "agreed_at": MONDAY,
    }
    return ReferenceAgreed.model_validate(written | fields)


def in_log(*records: SeriesPoint | ReferenceAgreed, first_offset: int = 0) -> list[PlainRecord]:
    """The records a minute apart, at every other offset."""
    return [
        PlainRecord(
            offset=first_offset + 2 * nth,
            timestamp=APPENDED_MS + nth * 60_000,
            key=one.series_id.encode(),
            value=one.model_dump_json().encode(),
        )
        for nth, one in enumerate(records)
    ]
