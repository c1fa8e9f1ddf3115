"""Scorecards and reviews for tests, complete but for what a test says."""

from __future__ import annotations

from typing import Any

from schemas.base import Origin, Versioned
from schemas.review import Review
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask, task_id
from streams.stage import PlainRecord
from tests.unit.routing.records import APPENDED_MS, MONDAY, scorecard, transaction_fields

LABEL = {"en": "Label", "cy": "Label"}


def criterion(criterion_id: str, scale: str = "pass_fail", **fields: Any) -> dict[str, Any]:
    ends = {"lowest": 1, "highest": 4} if scale == "points" else {}
    return {"id": criterion_id, "label": LABEL, "scale": {"kind": scale, **ends}, **fields}


def card(*criteria: dict[str, Any], critical: dict[str, Any] | None = None, **fields: Any) -> Scorecard:
    sections = [{"id": "all", "label": LABEL, "criteria": list(criteria)}]
    return scorecard(sections=sections, critical=critical or {}, **fields)


SCORECARD = card(
    criterion("greeting", weight=1),
    criterion("answer", "points", weight=3),
    criterion("tone", "percentage", weight=2.5),
    criterion("accuracy", "points", weight=3, error_class="customer"),
    criterion("records", weight=1, error_class="business"),
    criterion("identity", weight=2, error_class="compliance", na_allowed=False),
    critical={"customer": {"effect": "cap", "cap_0_100": 40}, "compliance": {"effect": "zero"}},
)
ALL_GOOD = {"greeting": 1, "answer": 4, "tone": 100, "accuracy": 4, "records": 1, "identity": 1}


def task(transaction_id: str = "t-1", copy_number: int = 1, **fields: Any) -> ReviewTask:
    written = {
        "task_id": task_id(transaction_id, "chat", copy_number),
        "copy_number": copy_number,
        "copies": 3,
        "purposes": ["random"],
        "frame": Versioned(id="centre", version=1),
        "stratum": "all",
        "inclusion_probability": 0.1,
        "scorecard": Versioned(id="chat", version=1),
        "queue": "rest",
        "priority": 5,
        "drawn_at": MONDAY,
        "due_at": MONDAY,
        "transaction": transaction_fields(transaction_id),
        "origin": Origin(topic="transactions.chat", partition=0, offset=17),
    }
    return ReviewTask.model_validate(written | fields)


def review(
    transaction_id: str = "t-1", copy_number: int = 1, revision: int = 0, outcome: str = "submitted", **fields: Any
) -> Review:
    """`ratings`: value by criterion; the others are rated best."""
    ratings = ALL_GOOD | fields.pop("ratings", {})
    written = {
        "task": fields.pop("task", None) or task(transaction_id, copy_number),
        "revision": revision,
        "outcome": outcome,
        "reason": "" if outcome == "submitted" else "a reason",
        "reviewer_id": f"r-{copy_number}" if outcome in ("submitted", "skipped") else None,
        "at": MONDAY,
        "ratings": [{"criterion": name, "value": value} for name, value in ratings.items()]
        if outcome == "submitted"
        else [],
    }
    return Review.model_validate(written | fields)


def in_log(*reviews: Review, appended_ms: int = APPENDED_MS, first_offset: int = 0) -> list[PlainRecord]:
    """The reviews as records a second apart, at every other offset."""
    return [
        PlainRecord(
            offset=first_offset + 2 * nth,
            timestamp=appended_ms + nth * 1000,
            key=one.transaction_id.encode(),
            value=one.model_dump_json().encode(),
        )
        for nth, one in enumerate(reviews)
    ]
