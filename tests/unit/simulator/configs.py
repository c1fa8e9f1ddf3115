"""Configurations and review tasks for the simulator's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.base import Channel, Origin, Versioned
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask, TransactionFields, task_id
from tafol.simulator.config import SimulationConfig
from tafol.simulator.stream import Facts

ENDS = datetime(2026, 11, 16, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def config(**fields: Any) -> SimulationConfig:
    """One week in November that ends on a Monday at midnight."""
    return SimulationConfig.model_validate(
        {"starts": ENDS - WEEK, "ends": ENDS, "transactions_per_week": 2_000} | fields
    )


def _criterion(criterion_id: str, kind: str, weight: float, **fields: Any) -> dict[str, Any]:
    ends = {"lowest": 1, "highest": 4} if kind == "points" else {}
    label = {"en": criterion_id.title(), "cy": f"{criterion_id.title()} (cy)"}
    return {"id": criterion_id, "label": label, "weight": weight, "scale": {"kind": kind, **ends}, **fields}


def scorecard() -> Scorecard:
    """All three scales; two criteria with an error class."""
    return Scorecard.model_validate(
        {
            "id": "service",
            "version": 1,
            "holds_from": "2026-01-01T00:00:00Z",
            "title": {"en": "Service", "cy": "Gwasanaeth"},
            "sections": [
                {
                    "id": "all",
                    "label": {"en": "All", "cy": "Popeth"},
                    "criteria": [
                        _criterion("greeting", "pass_fail", 1),
                        _criterion("listening", "points", 3),
                        _criterion("answer", "percentage", 4),
                        _criterion("identity", "pass_fail", 1, error_class="compliance", na_allowed=False),
                        _criterion("accuracy", "points", 2, error_class="customer"),
                    ],
                }
            ],
        }
    )


def task(facts: Facts | None = None, copy_number: int = 1, **fields: Any) -> ReviewTask:
    """A review task for a transaction of the simulation, or for one that it knows nothing of."""
    channel: Channel = facts.channel if facts else "chat"
    transaction = TransactionFields(
        id=facts.id if facts else "t-1",
        channel=channel,
        colleague_id=facts.colleague_id if facts else "someone",
        team_id=facts.team_id if facts else "elsewhere",
        site="cardiff",
        topic=facts.topic if facts else "parking",
        language="en",
        started_at=(facts.ended_at if facts else ENDS) - timedelta(minutes=5),
        ended_at=facts.ended_at if facts else ENDS,
        customer_pseudonym="0" * 32,
        outcome="resolved",
    )
    made = ReviewTask(
        task_id=task_id(transaction.id, "service", copy_number),
        copy_number=copy_number,
        copies=3,
        purposes=("random",),
        frame=Versioned(id="frame", version=1),
        stratum="all",
        inclusion_probability=0.1,
        scorecard=Versioned(id="service", version=1),
        queue="all",
        priority=5,
        drawn_at=ENDS,
        due_at=ENDS,
        transaction=transaction,
        origin=Origin(topic="transactions.chat", partition=0, offset=1),
    )
    return made.model_copy(update=fields)
