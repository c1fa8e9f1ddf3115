"""MemoryStore: the store of unit tests. Collapses by id as the tables do, at once instead of at a merge."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

from sinks.store import LogPartition, Row, StoreError
from sinks.tables import TABLES, Table

INCORRECT_DATA: Final = 117
CANNOT_READ_ALL_DATA: Final = 33
VIOLATED_CONSTRAINT: Final = 469
UNKNOWN_TABLE: Final = 60


class MemoryStore:
    """Rows by table and id. A block with a bad row changes nothing, and the refusal carries ClickHouse's code."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[object, ...], Row]] = {name: {} for name in TABLES}

    def insert(self, table: str, lines: bytes) -> None:
        """As the protocol says."""
        if table not in TABLES:
            raise StoreError(f"no table {table}", code=UNKNOWN_TABLE)
        declared = TABLES[table]
        block = [_row(declared, line) for line in lines.splitlines() if line.strip()]
        stored = self._rows[table]
        for row in block:
            key = tuple(row[column] for column in declared.key)
            if key not in stored or _stands(declared, row, stored[key]):
                stored[key] = row

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        """As the protocol says."""
        return {
            LogPartition(str(row["topic"]), str(row["topic_id"]), int(str(row["partition"]))): int(
                str(row["next_offset"])
            )
            for row in self._rows["sink_positions"].values()
            if row["topic"] in topics
        }

    def rows(self, table: str) -> list[Row]:
        """As the protocol says."""
        if table not in TABLES:
            raise StoreError(f"no table {table}", code=UNKNOWN_TABLE)
        stored = self._rows[table]
        return [dict(stored[key]) for key in sorted(stored, key=lambda key: [_comparable(part) for part in key])]


def _comparable(value: object) -> tuple[str, object]:
    return (type(value).__name__, value)


def _stands(table: Table, new: Row, old: Row) -> bool:
    this, that = int(str(new[table.version])), int(str(old[table.version]))
    return this < that if table.first_stands else this >= that


def _row(table: Table, line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        raise StoreError(f"table {table.name}: a line is not JSON", code=CANNOT_READ_ALL_DATA) from None
    if isinstance(row, list):
        if len(row) != len(table.columns):
            raise StoreError(f"table {table.name}: a line has not a value for each column", code=INCORRECT_DATA)
        row = dict(zip(table.columns, row, strict=True))
    if not isinstance(row, dict) or not row.keys() <= set(table.columns):
        raise StoreError(f"table {table.name}: a field has no column", code=INCORRECT_DATA)
    if any(row.get(column) in (None, "") for column in (*table.key, table.version)):
        raise StoreError(f"table {table.name}: a row without its id", code=VIOLATED_CONSTRAINT)
    return row
