"""Figures that only the tables know, as samples for Prometheus: tasks by outcome, and what people did about alerts.

Read once in a while by a worker that stores rows, over a connection of its own, in a thread. While ClickHouse does not
answer the last figures stand, and `tafol_tables_age_seconds` says how old they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sinks.metrics import Sample
from sinks.queries.alerts import AlertRow, alerts
from sinks.queries.task_figures import TaskFigures, task_figures
from sinks.store import Asker, StoreError

READ_EVERY_S: Final = 30.0

log = logging.getLogger(__name__)


@dataclass
class TableFigures:
    """Reads the figures and shows the last ones. `now`: the wall clock, which says what is overdue."""

    store: Asker
    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    _samples: tuple[Sample, ...] = ()
    _read_at_s: float | None = None

    async def read_until(self, stop: asyncio.Event, every_s: float = READ_EVERY_S) -> None:
        """Read now and every `every_s` seconds, until `stop`."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.read)
            except StoreError as error:
                log.warning("the figures for the metrics could not be read: %s", error.message)
            try:
                await asyncio.wait_for(stop.wait(), every_s)
            except TimeoutError:
                continue

    def read(self) -> None:
        """Read them once. Raises StoreError."""
        tasks = task_figures(self.store, now=self.now())
        acted = [one for one in alerts(self.store) if one.state == "open"]
        self._samples, self._read_at_s = (*_of_tasks(tasks), *_of_alerts(acted)), self.monotonic_s()

    def samples(self) -> Iterator[Sample]:
        """The figures as last read; none before the first time."""
        if self._read_at_s is not None:
            yield Sample("tafol_tables_age_seconds", (), self.monotonic_s() - self._read_at_s)
        yield from self._samples


def _of_tasks(figures: Iterable[TaskFigures]) -> Iterator[Sample]:
    waiting: dict[str, int] = {}
    overdue: dict[str, int] = {}
    for one in figures:
        waiting[one.queue] = waiting.get(one.queue, 0) + one.waiting
        overdue[one.queue] = overdue.get(one.queue, 0) + one.overdue
        yield Sample("tafol_tasks_due", (one.queue, one.outcome), one.due)
    yield from (Sample("tafol_tasks_waiting", (queue,), tasks) for queue, tasks in waiting.items())
    yield from (Sample("tafol_tasks_overdue", (queue,), tasks) for queue, tasks in overdue.items())


def _of_alerts(found: Iterable[AlertRow]) -> Iterator[Sample]:
    """Of a series only the alert that was raised last: an earlier one that was never stored as closed is over."""
    latest: dict[str, AlertRow] = {}
    for one in found:
        before = latest.get(one.series_id)
        if before is None or one.raised_at > before.raised_at:
            latest[one.series_id] = one
    for one in latest.values():
        yield Sample("tafol_quality_alert_status", (one.series_id, one.status), 1.0)
