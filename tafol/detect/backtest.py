"""What detection would have said: stored scores through the very arithmetic of the detect stage, by several settings.

Two things differ from what the stream saw. Stored scores are as they stand now, with corrections and second opinions,
and in the order in which they were last changed; the stream weighs first reviews only, in the order in which they came.
And every class of error counts for every scorecard here, for a stored score does not say which classes it could have
had: such a series is always perfect and raises nothing. `settings`, not the log, decide which series there are, so a
backtest answers for settings that were never published.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from schemas.base import Versioned
from schemas.detector import Detectors, SeriesKind
from schemas.scorecard import ERROR_CLASSES
from schemas.series import SeriesPoint, series_id
from sinks.queries.stored_scores import StoredScore
from streams.scoring.series import Facts, TransactionValues, scores_by_series
from streams.stage import instant
from streams.trends.series import Change, SeriesState, log_evidence, weigh

PERIOD_DAYS: Final = {"week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}


@dataclass
class Alarm:
    """One alert as it would have been. Scores in points."""

    series_id: str
    since: datetime
    raised_at: datetime
    """When the score that raised it came about."""
    reviews: int
    reference_0_100: float
    mean_0_100: float
    evidence: float
    threshold: float
    times_raised: int = 1
    closed_at: datetime | None = None


@dataclass
class Variant:
    """What one choice of settings gave."""

    settings: Detectors
    alarms: list[Alarm] = field(default_factory=list)


class KindSeen(NamedTuple):
    """A kind of series as the settings expect it and as it was. `reviews_a_period`: of the series in the middle."""

    kind: SeriesKind
    series: int
    reviews_a_period_expected: float
    reviews_a_period: float


@dataclass
class Backtest:
    """The outcome. `evidence`: of the first variant, the highest of each day by series, as a logarithm to base e."""

    variants: list[Variant]
    scores: int = 0
    reviews: Counter[str] = field(default_factory=Counter)
    """Points by series id."""
    kinds: dict[str, SeriesKind] = field(default_factory=dict)
    evidence: dict[str, dict[date, float]] = field(default_factory=dict)

    def strongest(self) -> str | None:
        """The series whose evidence came nearest to its threshold, or went furthest beyond; None when nothing was."""
        settings = self.variants[0].settings

        def reached(series: str) -> float:
            return max(self.evidence[series].values()) - math.log(settings.threshold(self.kinds[series]))

        return max(self.evidence, key=reached, default=None)

    def kinds_seen(self, days: float) -> list[KindSeen]:
        """Each kind of the settings beside what `days` days showed: budgets hold only if these fit."""
        settings = self.variants[0].settings
        periods = days / PERIOD_DAYS[settings.period]
        seen = []
        for kind in settings.series:
            counts = sorted(self.reviews[one] for one, its in self.kinds.items() if its == kind)
            middle = counts[len(counts) // 2] / periods if counts else 0.0
            seen.append(KindSeen(kind, len(counts), settings.reviews_expected(kind), middle))
        return seen


def variants(settings: Detectors, tolerances: Sequence[float], budgets: Sequence[float]) -> list[Detectors]:
    """`settings` with every pair of a tolerance (points, for all kinds) and a budget (periods a false alarm).

    None given: as the settings have it.
    """
    found = []
    wanted: list[float | None] = [*tolerances] or [None]
    bearable: list[float | None] = [*budgets] or [None]
    for tolerance in wanted:
        for periods in bearable:
            changes: dict[str, object] = {}
            if tolerance is not None:
                own = [kind.model_dump() | {"tolerance_points": None} for kind in settings.series]
                changes |= {"tolerance_points": tolerance, "series": own}
            if periods is not None:
                changes["one_false_alarm_in_periods"] = periods
            found.append(Detectors.model_validate(settings.model_dump() | changes))
    return found


def run(scores: Iterable[StoredScore], settings: Sequence[Detectors]) -> Backtest:
    """Weigh `scores`, in their order, under each of `settings`; all of them watch the same series."""
    outcome = Backtest([Variant(one) for one in settings])
    states: list[dict[str, SeriesState]] = [{} for _ in settings]
    open_alarms: list[dict[str, Alarm]] = [{} for _ in settings]
    kinds = {frozenset[str](kind.of): kind for kind in settings[0].series}
    for score in scores:
        outcome.scores += 1
        for point in points_of(score, settings[0]):
            series, dimensions = point.series_id, frozenset[str](point.series)
            outcome.reviews[series] += 1
            outcome.kinds.setdefault(series, kinds[dimensions])
            for variant, held, alarms in zip(outcome.variants, states, open_alarms, strict=True):
                state = held.setdefault(series, SeriesState(dict(point.series)))
                kind = variant.settings.kind(dimensions)
                assert kind is not None
                change = weigh(state, point, variant.settings, kind, f"{series}|{score.score_id}")
                if change is not None:
                    _note(variant, alarms, series, change, score)
                if variant is outcome.variants[0]:
                    _trace(outcome, series, state, change, score)
    return outcome


def points_of(score: StoredScore, settings: Detectors) -> list[SeriesPoint]:
    """The points that a stored score gives to the series of `settings`."""
    return [
        SeriesPoint(
            series_id=series_id(values),
            series=values,
            score_0_100=points,
            scorecard=Versioned(id=score.scorecard_id, version=score.scorecard_version),
            stratum=score.stratum,
            detectors=settings.ref,
            review_id=score.score_id,
            transaction_id=score.transaction_id,
            ended_at=score.ended_at,
            reviewed_at=score.scored_at,
        )
        for values, points in scores_by_series(settings, _values(score), score.scorecard_id, _facts(score))
    ]


def _note(variant: Variant, alarms: dict[str, Alarm], series: str, change: Change, score: StoredScore) -> None:
    seen = change.alert
    if change.closed_because is not None:
        alarms.pop(series).closed_at = score.scored_at
        return
    if series in alarms:
        alarms[series].times_raised = seen.times_raised
        return
    alarms[series] = Alarm(
        series_id=series,
        since=instant(seen.since_ms),
        raised_at=score.scored_at,
        reviews=seen.reviews,
        reference_0_100=seen.reference * 100.0,
        mean_0_100=seen.mean * 100.0,
        evidence=seen.evidence,
        threshold=seen.threshold,
    )
    variant.alarms.append(alarms[series])


def _trace(outcome: Backtest, series: str, state: SeriesState, change: Change | None, score: StoredScore) -> None:
    raised = change is not None and change.closed_because is None
    evidence = math.log(change.alert.evidence) if change is not None and raised else log_evidence(state)
    if evidence == -math.inf:
        return
    days = outcome.evidence.setdefault(series, {})
    day = score.ended_at.date()
    days[day] = max(days.get(day, -math.inf), evidence)


def _values(score: StoredScore) -> TransactionValues:
    return {
        "team": score.team_id,
        "colleague": score.colleague_id,
        "channel": score.channel,
        "site": score.site,
        "topic": score.topic,
        "language": score.language,
    }


def _facts(score: StoredScore) -> Facts:
    return Facts(score.total_0_100, score.criteria, {one: one in score.critical_errors for one in ERROR_CLASSES})
