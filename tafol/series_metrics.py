"""What detection knows, as samples for Prometheus: each series that is watched, and each alert that is open.

Taken from the stage's own state when somebody looks, never kept: the state comes out of the log, so after a restart or
a take-over the samples are right as soon as there are any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas.detector import DIMENSIONS
from sinks.metrics import Sample
from streams.trends.series import OpenAlert
from streams.trends.stage import DetectState, watched


def series_samples(states: Iterable[DetectState]) -> Iterator[Sample]:
    """Samples of every series in `states`; scores in points, times in seconds since 1970.

    A dimension that a series does not have is an empty label, which Prometheus takes for none.
    """
    for state in states:
        for series_id, series in watched(state):
            labels = (series_id, *(series.values.get(one, "") for one in DIMENSIONS))
            alert = series.alert  # read once: the stage may close it meanwhile
            yield Sample("tafol_quality_alert_active", labels, float(alert is not None))
            if alert is not None:
                yield from _of_alert(series_id, alert)


def _of_alert(series_id: str, alert: OpenAlert) -> Iterator[Sample]:
    yield Sample("tafol_quality_alert_since_seconds", (series_id,), alert.since_ms / 1000)
    yield Sample("tafol_quality_alert_reference_points", (series_id,), alert.reference * 100)
    yield Sample("tafol_quality_alert_mean_points", (series_id,), alert.mean * 100)
    yield Sample("tafol_quality_alert_reviews", (series_id,), alert.reviews)
