"""An analytics store of canned answers, behind the desk's real services: an answer for each query of the library.

Its one alert is no invention: the scores of a series fall, and detection itself (tafol.detect.trace) says what it would
have said. `away` makes every question fail as a ClickHouse that is down does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from desk.services.analytics import Analytics, Weighed
from schemas.alert import alert_id
from schemas.detector import Detectors
from sinks.queries.series_records import SeriesRow
from sinks.queries.text import sql
from sinks.store import Parameter, Row, StoreError
from streams.registers import Appended, Timeline
from tafol.detect.trace import trace

Answer = Callable[[Mapping[str, Parameter]], Sequence[Mapping[str, Any]]]


@dataclass
class FakeClickHouse:
    """`answers`: by the name of the query in sinks/queries. `asked`: the names of what was asked, in order."""

    answers: dict[str, Answer]
    away: bool = False
    asked: list[str] = field(default_factory=list)

    def ask(self, text: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        if self.away:
            raise StoreError("ClickHouse, query: no answer")
        name = next(one for one in self.answers if sql(one) == text)
        self.asked.append(name)
        return [dict(row) for row in self.answers[name](parameters)]

    def close(self) -> None:
        """Nothing is held."""


def analytics(store: FakeClickHouse, now: Callable[[], datetime], detectors: Detectors | None = None) -> Analytics:
    """The desk's port over the store; with `detectors` alerts have their evidence."""
    if detectors is None:
        return Analytics(lambda: store, now)
    timeline = Timeline.of("detectors", [Appended(detectors, detectors.holds_from - timedelta(days=1))])
    return Analytics(lambda: store, now, lambda series, rows: tuple(trace(series, rows, timeline)))


@dataclass(frozen=True)
class Fall:
    """A series whose scores fall from about `before` to about `after` on the day `fell`; and its detectors."""

    series_id: str
    now: datetime
    before: float = 84.0
    after: float = 71.0
    days: int = 100
    fell_days_ago: int = 16
    a_day: int = 5

    @property
    def detectors(self) -> Detectors:
        return Detectors.model_validate(
            {
                "id": "quality",
                "version": 1,
                "holds_from": self.now - timedelta(days=400),
                "reference_reviews": 100,
                "reviews_a_period": 300,
                "series": [{"of": "team", "count": 8}],
            }
        )

    def records(self) -> list[SeriesRow]:
        chance = random.Random(5)
        found = []
        for number in range(self.days * self.a_day):
            ended = self.now - timedelta(days=self.days - number / self.a_day, hours=30)
            fell = ended >= self.now - timedelta(days=self.fell_days_ago)
            about = self.after if fell else self.before
            score = min(100.0, max(0.0, round(chance.gauss(about, 11.0), 1)))
            found.append(
                SeriesRow(
                    agreed=False, score_0_100=score, ended_at=ended, reviewed_at=ended + timedelta(hours=24),
                    scorecard_id="chat", scorecard_version=1, stratum="chat/service", review_id=f"t-{number}|chat|1",
                    transaction_id=f"t-{number}", detectors_id="quality", detectors_version=1, agreement_id="",
                    agreed_by="", reason="", cells=(), references_0_100=(),
                )
            )  # fmt: skip
        return found

    def course(self) -> Sequence[Weighed]:
        timeline = Timeline.of("detectors", [Appended(self.detectors, self.detectors.holds_from - timedelta(days=1))])
        return tuple(trace(self.series_id, self.records(), timeline))

    def alert(self, **fields: Any) -> Row:
        """The row of the alert that detection raises, as sinks/queries/alerts.sql returns it."""
        settings = self.detectors
        threshold = settings.threshold(settings.series[0])
        course = self.course()
        raised = next(one for one in course if one.log10_evidence is not None and 10**one.log10_evidence >= threshold)
        assert raised.log10_evidence is not None
        since = [one for one in course if one.ended_at >= self.now - timedelta(days=self.fell_days_ago)]
        rests_on = [one for one in since if one.reviewed_at <= raised.reviewed_at]
        return {
            "alert_id": alert_id(self.series_id, "t-1|chat|1"),
            "series_id": self.series_id,
            "state": "open",
            "status": "open",
            "closed_because": "",
            "since": since[0].ended_at,
            "raised_at": raised.reviewed_at,
            "changed_at": raised.reviewed_at,
            "times_raised": 1,
            "evidence": 10**raised.log10_evidence,
            "threshold": threshold,
            "reviews": len(rests_on),
            "reference_0_100": self.before - 3.5,
            "mean_0_100": sum(one.score_0_100 for one in rests_on) / len(rests_on),
            "one_false_alarm_in_periods": settings.one_false_alarm_in_periods,
            "period": settings.period,
            "acted_by": "",
            "acted_at": None,
            "action_reason": "",
        } | fields

    def change(self) -> Row:
        return {
            "before_reviews": 420, "since_reviews": 74, "left_out": 0, "before_0_100": self.before,
            "before_error": 0.5, "since_0_100": self.after, "since_error": 1.2,
        }  # fmt: skip

    def drivers(self, criteria: Sequence[str], scorecard: str = "chat") -> list[Row]:
        """The first of `criteria` fell most, the last hardly."""
        rows = []
        for place, criterion in enumerate(criteria):
            change = -24.0 / (1 + 1.7 * place)
            rows.append(
                {
                    "scorecard_id": scorecard, "criterion": criterion, "before_reviews": 420, "since_reviews": 74,
                    "before_0_100": 82.0 + place, "since_0_100": 82.0 + place + change, "change_0_100": change,
                    "change_error": 2.4,
                }
            )  # fmt: skip
        return rows

    def answers(self, criteria: Sequence[str], *others: Row) -> dict[str, Answer]:
        """What the queries about alerts answer: this one, and `others`."""
        mine = self.alert()
        return {
            "alerts": lambda _: [mine, *others],
            "alert_change": lambda _: [self.change()],
            "alert_drivers": lambda _: self.drivers(criteria),
            "series_records": lambda asked: (
                [asdict(one) for one in self.records()] if asked["series_id"] == self.series_id else []
            ),
        }
