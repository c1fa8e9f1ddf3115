"""Everything the tables know of one transaction: the decision, the draws that took it, tasks, reviews and scores."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.queries.log_of_decisions import in_utc
from sinks.queries.text import sql
from sinks.store import Asker, Row


@dataclass(frozen=True, slots=True)
class Story:
    """One transaction. The rows have the columns that the SQL files name; times in UTC."""

    decided: Row
    selections: tuple[Row, ...]
    tasks: tuple[Row, ...]
    reviews: tuple[Row, ...]
    scores: tuple[Row, ...]


def story(store: Asker, transaction_id: str) -> Story | None:
    """None where no transaction of this id is stored. Raises StoreError."""

    def rows(name: str) -> tuple[Row, ...]:
        return tuple(in_utc(row) for row in store.ask(sql(name), {"id": transaction_id}))

    decided = rows("transaction")
    if not decided:
        return None
    return Story(
        decided[0],
        rows("transaction_selections"),
        rows("transaction_tasks"),
        rows("transaction_reviews"),
        rows("transaction_scores"),
    )
