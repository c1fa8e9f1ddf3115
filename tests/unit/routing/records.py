"""Frames and selections for tests, complete but for what a test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.base import Origin, Versioned
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from schemas.selection import Purpose, Selection, TransactionFields, selection_id
from streams.registers import Appended, Registers, Timeline
from streams.stage import PlainRecord

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
APPENDED_MS = int(MONDAY.timestamp() * 1000)
HOUR_MS = 3_600_000


def frame(**fields: Any) -> SamplingFrame:
    written = {
        "id": "centre",
        "version": 1,
        "holds_from": "2026-01-01T00:00:00Z",
        "lawful_purpose": "quality of service",
        "seed": "07" * 32,
        "strata": [{"name": "all", "draw": {"method": "random", "rate": 0.1}}],
        "routes": [
            {"when": {"language": "cy"}, "queue": "welsh", "scorecard": "chat", "priority": 2, "due_working_hours": 8},
            {"queue": "rest", "scorecard": "chat", "due_working_hours": 16},
        ],
    }
    return SamplingFrame.model_validate(written | fields)


def scorecard(scorecard_id: str = "chat", version: int = 1, **fields: Any) -> Scorecard:
    label = {"en": "Greeting", "cy": "Cyfarchiad"}
    criterion = {"id": "greeting", "label": label, "scale": {"kind": "pass_fail"}}
    written = {
        "id": scorecard_id,
        "version": version,
        "holds_from": "2026-01-01T00:00:00Z",
        "title": label,
        "sections": [{"id": "all", "label": label, "criteria": [criterion]}],
    }
    return Scorecard.model_validate(written | fields)


def registers(*frames: SamplingFrame, scorecards: tuple[Scorecard, ...] = ()) -> Registers:
    """Registers that hold these entries, each appended well ahead of the instant it holds from."""
    cards = scorecards or (scorecard(),)
    ahead = timedelta(days=1)
    by_id = {card.id: [one for one in cards if one.id == card.id] for card in cards}
    return Registers(
        frames=Timeline.of("sampling frame", [Appended(one, one.holds_from - ahead) for one in frames]),
        scorecards={
            name: Timeline.of(f"scorecard {name}", [Appended(one, one.holds_from - ahead) for one in versions])
            for name, versions in by_id.items()
        },
    )


def transaction_fields(transaction_id: str = "t-1", **fields: Any) -> TransactionFields:
    written = {
        "id": transaction_id,
        "channel": "chat",
        "colleague_id": "c-1",
        "team_id": "cardiff-sales",
        "site": "cardiff",
        "topic": "sales",
        "language": "en",
        "started_at": MONDAY - timedelta(minutes=10),
        "ended_at": MONDAY,
        "customer_pseudonym": "ab" * 16,
        "outcome": "resolved",
    }
    return TransactionFields.model_validate(written | fields)


def selection(transaction_id: str = "t-1", purpose: Purpose = "random", draw_id: str = "", **fields: Any) -> Selection:
    draw = draw_id or f"centre:1/{purpose}"
    by_chance = purpose in ("random", "systematic", "quota")
    written = {
        "selection_id": selection_id(draw, transaction_id),
        "draw_id": draw,
        "purpose": purpose,
        "frame": Versioned(id="centre", version=1),
        "stratum": "all",
        "inclusion_probability": 0.1 if by_chance else None,
        "draw_number": 5 if by_chance else None,
        "drawn_at": MONDAY,
        "transaction": transaction_fields(transaction_id),
        "origin": Origin(topic="transactions.chat", partition=0, offset=17),
    }
    return Selection.model_validate(written | fields)


def in_log(*selections: Selection, appended_ms: int = APPENDED_MS, first_offset: int = 0) -> list[PlainRecord]:
    """The selections as consecutive records, a second apart."""
    return [
        PlainRecord(
            offset=first_offset + nth,
            timestamp=appended_ms + nth * 1000,
            key=one.transaction.id.encode(),
            value=one.model_dump_json().encode(),
        )
        for nth, one in enumerate(selections)
    ]
