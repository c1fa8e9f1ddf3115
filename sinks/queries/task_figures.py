"""Review tasks by queue and outcome: what waits, what is overdue, and what became of what was due."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sinks.queries.log_of_decisions import written
from sinks.queries.text import sql
from sinks.store import Asker

DUE_DAYS: Final = 28
"""Response rates are those of tasks that were due in the last four weeks."""


class TaskFigures(NamedTuple):
    """Tasks of one queue with one outcome, 'awaiting' where there is none yet."""

    queue: str
    outcome: str
    waiting: int
    overdue: int
    due: int


def task_figures(store: Asker, *, now: datetime, due_days: int = DUE_DAYS) -> tuple[TaskFigures, ...]:
    """As of `now`. Raises StoreError."""
    rows = store.ask(sql("task_figures"), {"now": written(now), "days": due_days})
    return tuple(TaskFigures(**row) for row in rows)
