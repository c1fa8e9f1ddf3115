"""How long rows are kept: ClickHouse TTLs, from settings, put on the tables apart from the migrations. Idempotent.

Counts and positions hold nothing about people and are kept for ever: coverage of the whole log is told by them when
the rows are long gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.errors import ConfigError
from sinks.clickhouse import ClickHouseStore
from sinks.tables import TABLES, Class

LONGEST_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after the end of the transaction (rejected: after its append); None: kept for ever."""

    transactions_days: int | None = None
    reviews_days: int | None = None
    """Selections, tasks, reviews, ratings and scores."""
    rejected_days: int | None = None

    def __post_init__(self) -> None:
        for days in (self.transactions_days, self.reviews_days, self.rejected_days):
            if days is not None and not 1 <= days <= LONGEST_DAYS:
                raise ConfigError(f"retention of {days} days: 1 to {LONGEST_DAYS} are possible")

    def days(self, kept_as: Class) -> int | None:
        """Days for a class of data."""
        known: dict[Class, int | None] = {
            "transactions": self.transactions_days,
            "reviews": self.reviews_days,
            "rejected": self.rejected_days,
        }
        return known.get(kept_as)


def apply_retention(store: ClickHouseStore, retention: Retention) -> tuple[str, ...]:
    """Give every table the TTL it should have; the names of those that were changed, none when all had it.

    A changed TTL is applied to the rows that are there by ClickHouse, in the background. Raises StoreError.
    """
    found = store.ask(
        "SELECT name, create_table_query FROM system.tables WHERE database = {database:String}",
        {"database": store.database},
    )
    made = {str(row["name"]): str(row["create_table_query"]) for row in found}
    changed = []
    for table in TABLES.values():
        days = retention.days(table.kept_as)
        if days == _days_of(made.get(table.name, "")):
            continue
        if days is None:
            store.command(f"ALTER TABLE {table.name} REMOVE TTL")
        else:
            store.command(f"ALTER TABLE {table.name} MODIFY TTL toDateTime({table.event_time}) + toIntervalDay({days})")
        changed.append(table.name)
    return tuple(changed)


def _days_of(create_table_query: str) -> int | None:
    found = re.search(r"\bTTL toDateTime\(\w+\) \+ toIntervalDay\((\d+)\)", create_table_query)
    return None if found is None else int(found[1])
