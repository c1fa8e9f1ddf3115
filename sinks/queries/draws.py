"""What draws took, and what waited for them."""

from __future__ import annotations

from datetime import datetime

from schemas.base import Versioned
from sinks.queries.log_of_decisions import in_utc, written
from sinks.queries.text import sql
from sinks.store import Asker, Row


def selections_between(store: Asker, *, ended_from: datetime, ended_to: datetime) -> list[Row]:
    """What probability draws took of the transactions that ended in [ended_from, ended_to). Raises StoreError."""
    return store.ask(sql("selections_between"), {"ended_from": written(ended_from), "ended_to": written(ended_to)})


def waiting_in_stratum(
    store: Asker, frame: Versioned, stratum: str, *, ended_from: datetime, ended_to: datetime
) -> list[Row]:
    """Candidates of a stratum with a quota or a cap, in the order of the draw. Raises StoreError."""
    rows = store.ask(
        sql("waiting_in_stratum"),
        {
            "frame_id": frame.id,
            "frame_version": frame.version,
            "stratum": stratum,
            "ended_from": written(ended_from),
            "ended_to": written(ended_to),
        },
    )
    return [in_utc(row) for row in rows]


def closed_cells(store: Asker, *, starts_from: datetime, ends_to: datetime) -> dict[tuple[str, str, datetime], int]:
    """Candidates that came in time, by draw id, unit and start of each closed window. Raises StoreError."""
    rows = store.ask(sql("closed_cells"), {"starts_from": written(starts_from), "ends_to": written(ends_to)})
    return {(str(row["draw_id"]), str(row["unit"]), row["starts"]): int(row["eligible"]) for row in map(in_utc, rows)}


def taken_by_draw(store: Asker, draw_id: str, ids: list[str]) -> frozenset[str]:
    """Those of `ids` that a draw took. Raises StoreError."""
    rows = store.ask(sql("taken_by_draw"), {"draw_id": draw_id, "ids": ids})
    return frozenset(str(row["transaction_id"]) for row in rows)
