"""The analytics store as the desk asks it: ClickHouse, away at times, asked the same thing by a page and its pictures.

Answers are kept for a moment, so that a page and the pictures on it, which are requests of their own, tell the same and
cost one query. Connections are kept and given to one thread at a time. Whatever goes wrong is AnalyticsAway.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from desk.errors import AnalyticsAway
from schemas.errors import TafolError
from sinks.queries.series_records import SeriesRow
from sinks.store import Asker, Parameter, Row

KEPT_FOR: Final = timedelta(seconds=90)
MOST_ANSWERS: Final = 200
MOST_ROWS: Final = 20_000
"""A longer answer is not kept."""

_Question = tuple[str, tuple[tuple[str, str], ...]]


class Connection(Asker, Protocol):
    """One connection to ClickHouse, used by one thread at a time."""

    def close(self) -> None:
        """Let it go."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One review of a series, and how strong the evidence for a drop was after it."""

    reviewed_at: datetime
    ended_at: datetime
    score_0_100: float
    log10_evidence: float | None
    """None while the reference was being learned."""


Replay = Callable[[str, Sequence[SeriesRow]], Sequence[Weighed]]
"""Detection once more over the stored records of a series (its id), by the arithmetic of the detect stage."""


@dataclass
class Analytics:
    """An Asker over connections that `connect` makes. `replay` None: pages show alerts without their evidence."""

    connect: Callable[[], Connection]
    now: Callable[[], datetime]
    replay: Replay | None = None
    rows_kept_for: timedelta | None = None
    """The shortest retention of a table; None: rows are kept for ever."""
    _idle: list[Connection] = field(default_factory=list)
    _answers: OrderedDict[_Question, tuple[datetime, list[Row]]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        """Rows of a SELECT, at most KEPT_FOR old: not to be changed. Raises AnalyticsAway."""
        question = (sql, tuple(sorted((name, str(value)) for name, value in parameters.items())))
        now = self.now()
        with self._lock:
            kept = self._answers.get(question)
            if kept is not None and kept[0] <= now < kept[0] + KEPT_FOR:
                return kept[1]
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self.connect()
            rows = connection.ask(sql, parameters)
        except TafolError as error:
            if connection is not None:
                connection.close()
            raise AnalyticsAway(f"the analytics store: {error.message}") from error
        with self._lock:
            self._idle.append(connection)
            if len(rows) <= MOST_ROWS:
                self._answers[question] = (self.now(), rows)
                self._answers.move_to_end(question)
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        return rows

    def close(self) -> None:
        """Let all connections go."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()


def connected(analytics: Analytics | None) -> Analytics:
    """Raises AnalyticsAway where none is connected."""
    if analytics is None:
        raise AnalyticsAway("no analytics store is connected to this desk", connected=False)
    return analytics
