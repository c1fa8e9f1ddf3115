"""The course of a series' evidence for the desk: its stored records, by the detectors that are on the register."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from desk.services.analytics import Weighed
from schemas.detector import Detectors
from schemas.errors import TafolError, UnknownVersion
from sinks.queries.series_records import SeriesRow
from streams.connection import Connection
from streams.registers import Timeline
from tafol import publish
from tafol.detect.trace import trace


class Replayed:
    """The desk's Replay. Entries of the register never change, so it is read again only for one that is not known."""

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection
        self._known: Timeline[Detectors] | None = None
        self._lock = threading.Lock()

    def __call__(self, series_id: str, rows: Sequence[SeriesRow]) -> tuple[Weighed, ...]:
        """Empty when the register cannot be read now: an alert is shown without the course of its evidence."""
        try:
            with self._lock:
                known = self._known
            if known is not None:
                try:
                    return tuple(trace(series_id, rows, known))
                except UnknownVersion:
                    pass  # published since
            read = Timeline.of("detectors", publish.read_published(self._connection()).detectors)
            with self._lock:
                self._known = read
            return tuple(trace(series_id, rows, read))
        except TafolError:
            return ()
