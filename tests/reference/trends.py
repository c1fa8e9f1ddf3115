"""What detect must give: the alerts of a whole log, with sums over every start of a drop written out in full."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scipy.stats import t

from schemas.alert import Alert
from schemas.detector import Detectors
from schemas.series import ReferenceAgreed, SeriesPoint
from streams.registers import Registers


class Seen(NamedTuple):
    """The fields of an alert that matter."""

    alert_id: str
    state: str
    closed_because: str | None
    times_raised: int
    since: str
    reviews: int
    mean_0_100: float
    reference_0_100: float

    @classmethod
    def of(cls, alert: Alert) -> Seen:
        return cls(
            alert.alert_id,
            alert.state,
            alert.closed_because,
            alert.times_raised,
            alert.since.isoformat(),
            alert.reviews,
            round(alert.mean_0_100, 6),
            round(alert.reference_0_100, 6),
        )


class Weighed(NamedTuple):
    point: SeriesPoint
    score: float
    floor: float


@dataclass
class Series:
    entry: Detectors | None = None
    learning: dict[str, list[float]] = field(default_factory=dict)
    bounds: dict[str, float] = field(default_factory=dict)
    weighed: list[Weighed] = field(default_factory=list)
    block: list[float] = field(default_factory=list)
    alert: Seen | None = None


def alerts(log: Sequence[SeriesPoint | ReferenceAgreed], registers: Registers) -> dict[int, Seen]:
    """What is sent, by position in the log."""
    all_series: dict[str, Series] = {}
    sent = {}
    for number, record in enumerate(log):
        series = all_series.setdefault(record.series_id, Series())
        if isinstance(record, ReferenceAgreed):
            said = _agree(series, record)
        else:
            said = _weigh(series, record, registers.detectors.get(record.detectors))
        if said is not None:
            sent[number] = said
    return sent


def _agree(series: Series, agreed: ReferenceAgreed) -> Seen | None:
    if not agreed.references:
        series.learning, series.bounds = {}, {}
    for one in agreed.references:
        series.bounds[one.cell] = one.reference_0_100 / 100
    series.weighed = []
    alert, series.alert = series.alert, None
    return None if alert is None else alert._replace(state="closed", closed_because="new_reference")


def _weigh(series: Series, point: SeriesPoint, named: Detectors) -> Seen | None:
    if series.entry is None or named.holds_from > series.entry.holds_from:
        series.entry, series.weighed = named, []
    entry = series.entry
    score = point.score_0_100 / 100
    if point.cell not in series.bounds:
        learning = series.learning.setdefault(point.cell, [])
        learning.append(score)
        if len(learning) == entry.reference_reviews:
            spread = t.ppf(0.95, len(learning) - 1) * statistics.stdev(learning) / len(learning) ** 0.5
            series.bounds[point.cell] = max(0.0, statistics.fmean(learning) - spread)
        return None
    floor = min(max(series.bounds[point.cell] - entry.tolerance_points / 100, 0), 0.999)
    series.weighed.append(Weighed(point, score, floor))
    if series.alert is not None:
        series.block.append(score - floor)
        if len(series.block) == entry.close_after_reviews:
            total, series.block = sum(series.block), []
            if total >= 0:
                closed, series.alert = series.alert, None
                return closed._replace(state="closed", closed_because="back")
    return _alarm(series, point, entry)


def _alarm(series: Series, point: SeriesPoint, entry: Detectors) -> Seen | None:
    """Evidence: over all bets the mean, and over all starts the sum, of the product of the factors from the start."""
    products = [_products(series.weighed, bet) for bet in entry.bets]
    evidence = sum(sum(starts) for starts in products) / len(products)
    if evidence < entry.series_count * entry.one_false_alarm_in_periods * entry.reviews_a_period:
        return None
    best = max(range(len(products)), key=lambda bet: max(products[bet]))
    start = max(range(len(series.weighed)), key=lambda one: (products[best][one], one))
    run = series.weighed[start:]
    before = series.alert
    series.alert = Seen(
        alert_id=f"{point.series_id}|{point.review_id}" if before is None else before.alert_id,
        state="open",
        closed_because=None,
        times_raised=1 if before is None else before.times_raised + 1,
        since=run[0].point.ended_at.isoformat() if before is None else before.since,
        reviews=len(run),
        mean_0_100=round(100 * statistics.fmean(one.score for one in run), 6),
        reference_0_100=round(100 * statistics.fmean(one.floor for one in run), 6),
    )
    series.weighed, series.block = [], []
    return series.alert


def _products(weighed: Sequence[Weighed], bet: float) -> list[float]:
    """For each start the product of the factors from there to the end."""
    found = []
    product = 1.0
    for one in reversed(weighed):
        product *= 1 + bet / (1 - one.floor) * (one.floor - one.score)
        found.append(product)
    return found[::-1]
