"""Rows as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import Any, Final, Literal

FileFormat = Literal["csv", "json", "parquet"]
FORMATS: Final[tuple[FileFormat, ...]] = ("csv", "json", "parquet")


def flat(row: Any) -> dict[str, Any]:
    """The fields of a dataclass, those of dataclasses within it as `outer_inner`."""
    fields: dict[str, Any] = {}
    for name, value in (asdict(row) if is_dataclass(row) and not isinstance(row, type) else row).items():
        if isinstance(value, dict):
            fields |= {f"{name}_{inner}": one for inner, one in flat(value).items()}
        else:
            fields[name] = value
    return fields


def written(rows: Sequence[Any], wanted: FileFormat, columns: Sequence[str]) -> bytes:
    """Dataclasses as a file. `columns`: those that stand even when there is no row."""
    made = [flat(row) for row in rows]
    if wanted == "json":
        return as_json(made)
    names = list(made[0]) if made else list(columns)
    if wanted == "csv":
        text = io.StringIO(newline="")
        sheet = csv.DictWriter(text, names, lineterminator="\n")
        sheet.writeheader()
        sheet.writerows(made)
        return text.getvalue().encode()
    return _parquet(made, names)


def as_json(value: Any) -> bytes:
    """Days as YYYY-MM-DD."""
    return (json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n").encode()


def _parquet(rows: list[dict[str, Any]], names: Sequence[str]) -> bytes:
    from pyarrow import BufferOutputStream, array, parquet, table  # noqa: PLC0415 - 100 ms that only this needs

    out = BufferOutputStream()
    parquet.write_table(table({name: array([row[name] for row in rows]) for name in names}), out)
    return bytes(out.getvalue().to_pybytes())


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a file")
