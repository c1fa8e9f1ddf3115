"""Scores that reviewers gave, by transaction: from them a plan learns how far scores differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sinks.queries.log_of_decisions import written
from sinks.queries.text import sql
from sinks.store import Asker


class Observed(NamedTuple):
    """The score of one transaction, points 0 to 100, and the weight that its draw gives it."""

    score_0_100: float
    weight: float


def observed_scores(store: Asker, *, ended_from: datetime, ended_to: datetime) -> Mapping[str, Observed]:
    """By transaction id, for those that ended in [ended_from, ended_to). Raises StoreError."""
    rows = store.ask(sql("observed_scores"), {"ended_from": written(ended_from), "ended_to": written(ended_to)})
    return {
        str(row["transaction_id"]): Observed(float(row["score_0_100"]), 1 / (row["inclusion_probability"] or 1.0))
        for row in rows
    }
