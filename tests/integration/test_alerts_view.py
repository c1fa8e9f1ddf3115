"""The view current_alerts: what detection says of an alert, and what people did about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from schemas import catalogue as c
from schemas.alert import Alert, AlertAction
from sinks.batching import block
from sinks.clickhouse import ClickHouseStore
from sinks.rows import rows_of
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse


def seen(store: ClickHouseStore, *records: BaseModel) -> dict[str, Any]:
    """The one alert after these records came."""
    for offset, record in enumerate(records):
        topic = c.ALERTS if isinstance(record, Alert) else c.ALERT_ACTIONS
        for table, pieces in rows_of(r.chunk(topic, record, first_offset=offset)).pieces.items():
            store.insert(table, block(pieces))
    [row] = store.ask("SELECT * FROM current_alerts", {})
    return row


def at(hours: float, **fields: Any) -> Alert:
    """Alert 1 as it stands so many hours after it was raised."""
    return r.alert(1, changed_at=r.NOW + timedelta(hours=hours), as_of_offset=int(hours * 10), **fields)


def done(number: int, action: str, hours: float) -> AlertAction:
    return r.alert_action(number, action, of=1, at=r.NOW + timedelta(hours=hours))


CLOSED = {"state": "closed", "closed_because": "back"}


@pytest.mark.parametrize(
    ("records", "status"),
    [
        pytest.param([at(0)], "open", id="raised"),
        pytest.param([at(0), at(1, **CLOSED)], "closed", id="closed"),
        pytest.param([at(1, **CLOSED), at(0)], "closed", id="closed, the rows in another order"),
        pytest.param([at(0), done(1, "acknowledge", 1)], "acknowledged", id="acknowledged"),
        pytest.param([at(0), done(1, "acknowledge", 1), at(2, **CLOSED)], "closed", id="acknowledged, then closed"),
        pytest.param([at(0), done(1, "acknowledge", 1), done(2, "resolve", 2)], "resolved", id="resolved"),
        pytest.param([at(0), done(2, "resolve", 2), at(3, **CLOSED)], "resolved", id="resolved, then closed"),
        pytest.param([at(0), done(2, "resolve", 2), at(3)], "acknowledged", id="resolved, then raised again"),
    ],
)
def test_the_status_is_what_stands_last(migrated: ClickHouseStore, records: list[BaseModel], status: str) -> None:
    assert seen(migrated, *records)["status"] == status


def test_who_did_what_last_is_shown(migrated: ClickHouseStore) -> None:
    row = seen(migrated, at(0), done(1, "acknowledge", 1), done(2, "resolve", 2))

    assert (row["acted_by"], row["action_reason"]) == ("supervisor", "spoke with the team")
    assert (row["series"], row["series_id"], row["mean_0_100"]) == ({"team": "north"}, "team=north", 66)
