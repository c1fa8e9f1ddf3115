"""References that people agree: made of stored scores or learned anew, and put into the series' own partition."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas.base import Versioned
from schemas.catalogue import SERIES_POINTS
from schemas.detector import LEAST_REFERENCE_REVIEWS, Detectors
from schemas.errors import ConfigError
from schemas.series import CellReference, ReferenceAgreed, cell_of
from sinks.queries.stored_scores import StoredScore
from streams.connection import Connection
from streams.trends.reference import Reference, lower_bound
from tafol.detect.backtest import points_of
from tafol.detect.records import send_keyed


def references(scores: Iterable[StoredScore], settings: Detectors, series: str) -> tuple[CellReference, ...]:
    """The reference of each cell of `series` that has reviews enough: the lower end of the interval of its mean.

    Raises ConfigError when no cell has.
    """
    cells: dict[str, tuple[Versioned, str, Reference]] = {}
    for score in scores:
        for point in points_of(score, settings):
            if point.series_id == series:
                cell = cell_of(point.scorecard, point.stratum)
                _, _, reference = cells.setdefault(cell, (point.scorecard, point.stratum, Reference()))
                reference.learn(point.score_0_100 / 100.0, size=1 << 62)
    found = tuple(
        CellReference(
            scorecard=scorecard,
            stratum=stratum,
            reference_0_100=min(100.0, 100.0 * lower_bound(one.reviews, one.mean, one.squares)),
        )
        for scorecard, stratum, one in cells.values()
        if one.reviews >= LEAST_REFERENCE_REVIEWS
    )
    if not found:
        most = max((one.reviews for _, _, one in cells.values()), default=0)
        raise ConfigError(
            f"series {series!r} has no stratum with {LEAST_REFERENCE_REVIEWS} reviews in these days (at most {most})",
            hint="Take a longer stretch, or let it learn from the reviews to come: leave --from and --to out.",
        )
    return found


def publish(connection: Connection, agreed: ReferenceAgreed) -> datetime:
    """Write the agreement to `series-points`; its append time. Raises Unreachable, TafolError."""
    return send_keyed(connection, SERIES_POINTS, agreed.series_id, agreed.agreement_id, agreed)
