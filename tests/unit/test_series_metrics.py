"""What detection knows, as Prometheus sees it: right after a restart and a take-over, gone with the partition."""

from __future__ import annotations

import pytest

from schemas import catalogue
from schemas.series import ReferenceAgreed, SeriesPoint
from sinks.metrics import Metrics
from streams.stage import Chunk, Partition
from streams.trends.stage import DetectStage, DetectState
from tafol.series_metrics import series_samples
from tests.unit.trends import records as r

pytestmark = pytest.mark.unit

STAGE = DetectStage()
HERE = Partition(catalogue.SERIES_POINTS, 0)
THERE = Partition(catalogue.SERIES_POINTS, 1)
USUAL = [75.0, 80.0, 90.0, 70.0, 85.0] * 6
DROP = [*USUAL, *USUAL, *[30.0] * 9]
EMPTY = dict.fromkeys(("team", "colleague", "channel", "site", "topic", "language", "criterion", "error_class"), "")
NORTH = {**EMPTY, "series": "team=north", "team": "north"}
SOUTH = {**EMPTY, "series": "team=south", "team": "south"}


def state_after(source: Partition, *found: SeriesPoint | ReferenceAgreed) -> DetectState:
    state = STAGE.initial(source)
    STAGE.step(state, Chunk(source, r.in_log(*found)), r.registers())
    return state


def shown(states: dict[Partition, DetectState]) -> Metrics:
    metrics = Metrics(lambda: 0.0)
    metrics.show(lambda: series_samples(states.values()))
    return metrics


def active(metrics: Metrics, labels: dict[str, str]) -> float | None:
    return metrics.registry.get_sample_value("tafol_quality_alert_active", labels)


def test_a_drop_shows_with_what_it_rests_on_and_the_others_show_none() -> None:
    south = r.points(USUAL, first=500, series={"team": "south"})
    metrics = shown({HERE: state_after(HERE, *r.points(DROP), *south)})

    assert active(metrics, NORTH) == 1
    assert active(metrics, SOUTH) == 0
    of_north = {
        name: metrics.registry.get_sample_value(f"tafol_quality_alert_{name}", {"series": "team=north"})
        for name in ("mean_points", "reference_points", "reviews", "since_seconds")
    }
    assert of_north["mean_points"] == pytest.approx(30)
    assert of_north["reference_points"] == pytest.approx(75.8, abs=0.05)
    assert of_north["since_seconds"] == r.point(60, 0.0).ended_at.timestamp()
    assert 1 <= (of_north["reviews"] or 0) <= 9
    assert metrics.registry.get_sample_value("tafol_quality_alert_reviews", {"series": "team=south"}) is None


def test_after_a_restart_it_shows_at_once_what_the_snapshot_says() -> None:
    before = state_after(HERE, *r.points(DROP))

    assert active(shown({HERE: STAGE.load(HERE, STAGE.dump(before))}), NORTH) == 1


def test_it_follows_the_partition_to_another_worker() -> None:
    moved = state_after(HERE, *r.points(DROP))
    mine, other = {HERE: moved}, {THERE: STAGE.initial(THERE)}
    here, there = shown(mine), shown(other)
    assert (active(here, NORTH), active(there, NORTH)) == (1, None)

    other[HERE] = mine.pop(HERE)

    assert (active(here, NORTH), active(there, NORTH)) == (None, 1)


def test_it_ends_with_the_alert() -> None:
    assert active(shown({HERE: state_after(HERE, *r.points(DROP + USUAL))}), NORTH) == 0


def test_a_series_that_is_forgotten_is_shown_no_longer() -> None:
    state = state_after(HERE, *r.points(DROP))
    state.log_time_ms += state.span_ms + 1

    assert active(shown({HERE: state}), NORTH) is None
