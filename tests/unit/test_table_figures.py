"""Figures of the tables among the metrics: read now and then, kept while ClickHouse is away, as old as they say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from sinks.metrics import Metrics
from sinks.store import Parameter, Row, StoreError
from tafol.table_figures import TableFigures

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TASKS: list[Row] = [
    {"queue": "chat", "outcome": "awaiting", "waiting": 7, "overdue": 2, "due": 2},
    {"queue": "chat", "outcome": "submitted", "waiting": 0, "overdue": 0, "due": 30},
    {"queue": "phone", "outcome": "shed", "waiting": 0, "overdue": 0, "due": 4},
]


class Tables:
    """Answers with rows, or not at all."""

    def __init__(self) -> None:
        self.away = False
        self.alerts: list[Row] = []
        self.stop: asyncio.Event | None = None
        self.asked = 0

    def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        self.asked += 1
        if self.away:
            raise StoreError("ClickHouse, query: no answer")
        return TASKS if "current_review_tasks" in sql else self.alerts


def alert(series: str, status: str, raised: int, state: str = "open") -> Row:
    return {
        "alert_id": f"{series}|{raised}", "series_id": series, "state": state, "status": status, "closed_because": "",
        "since": NOW, "raised_at": NOW.replace(hour=raised), "changed_at": NOW, "times_raised": 1, "evidence": 1.0,
        "threshold": 1.0, "reviews": 1, "reference_0_100": 80.0, "mean_0_100": 60.0, "one_false_alarm_in_periods": 1.0,
        "period": "quarter", "acted_by": "", "acted_at": None, "action_reason": "",
    }  # fmt: skip


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def showing(tables: Tables, clock: Clock) -> tuple[TableFigures, Metrics]:
    figures = TableFigures(tables, lambda: NOW, clock)
    metrics = Metrics(clock)
    metrics.show(figures.samples)
    return figures, metrics


def test_tasks_by_queue_and_outcome() -> None:
    figures, metrics = showing(Tables(), Clock())
    figures.read()
    value = metrics.registry.get_sample_value
    assert value("tafol_tasks_waiting", {"queue": "chat"}) == 7
    assert value("tafol_tasks_overdue", {"queue": "chat"}) == 2
    assert value("tafol_tasks_waiting", {"queue": "phone"}) == 0
    assert value("tafol_tasks_due", {"queue": "chat", "outcome": "submitted"}) == 30
    assert value("tafol_tasks_due", {"queue": "phone", "outcome": "shed"}) == 4


def test_of_each_open_alert_what_people_did_about_the_last_one() -> None:
    tables = Tables()
    tables.alerts = [
        alert("team=north", "open", 5),
        alert("team=north", "resolved", 9),
        alert("team=south", "acknowledged", 7),
        alert("team=east", "closed", 7, state="closed"),
    ]
    figures, metrics = showing(tables, Clock())
    figures.read()
    value = metrics.registry.get_sample_value
    assert value("tafol_quality_alert_status", {"series": "team=north", "status": "resolved"}) == 1
    assert value("tafol_quality_alert_status", {"series": "team=north", "status": "open"}) is None
    assert value("tafol_quality_alert_status", {"series": "team=south", "status": "acknowledged"}) == 1
    assert value("tafol_quality_alert_status", {"series": "team=east", "status": "closed"}) is None


def test_nothing_is_said_before_the_first_reading_and_the_last_one_stands_while_clickhouse_is_away() -> None:
    tables, clock = Tables(), Clock()
    figures, metrics = showing(tables, clock)
    assert metrics.registry.get_sample_value("tafol_tables_age_seconds") is None
    figures.read()
    tables.away = True
    clock.now_s += 90
    with pytest.raises(StoreError):
        figures.read()
    assert metrics.registry.get_sample_value("tafol_tables_age_seconds") == 90
    assert metrics.registry.get_sample_value("tafol_tasks_waiting", {"queue": "chat"}) == 7


async def test_it_goes_on_while_clickhouse_is_away_and_ends_when_asked() -> None:
    class Back(Tables):
        def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
            if self.asked == 3:  # the fourth question: after three that had no answer
                self.away = False
                loop.call_soon_threadsafe(stop.set)
            return super().ask(sql, parameters)

    loop, stop, tables = asyncio.get_running_loop(), asyncio.Event(), Back()
    tables.away = True
    figures, metrics = showing(tables, Clock())
    await figures.read_until(stop, every_s=0.001)
    assert metrics.registry.get_sample_value("tafol_tasks_waiting", {"queue": "chat"}) == 7
