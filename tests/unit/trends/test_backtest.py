"""Trying detection out on stored scores: the same arithmetic, other settings, the plot, references to agree."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import catalogue
from schemas.alert import Alert
from schemas.errors import ConfigError
from sinks.queries.stored_scores import StoredScore
from streams.stage import Chunk, Partition
from streams.trends.stage import DetectStage
from tafol.detect import plot
from tafol.detect.agree import references
from tafol.detect.backtest import points_of, run, variants
from tests.unit.trends import records as r

pytestmark = pytest.mark.unit

BEGUN = datetime(2026, 3, 2, 10, tzinfo=UTC)
SETTINGS = r.detectors()


def stored(number: int, total: float | None, **fields: Any) -> StoredScore:
    shown: dict[str, Any] = {
        "score_id": f"t-{number}|chat",
        "scored_at": BEGUN + timedelta(hours=number + 1),
        "transaction_id": f"t-{number}",
        "channel": "chat",
        "colleague_id": "c-1",
        "team_id": "north",
        "site": "leeds",
        "topic": "billing",
        "language": "en",
        "ended_at": BEGUN + timedelta(hours=number),
        "stratum": "all",
        "scorecard_id": "chat",
        "scorecard_version": 1,
        "total_0_100": total,
        "criteria": {},
        "critical_errors": frozenset(),
    }
    return StoredScore(**shown | fields)


def falling() -> list[StoredScore]:
    """Two teams of which one falls by 15 points after a hundred reviews of two hundred."""
    dice = random.Random(5)
    return [
        stored(
            2 * nth + (team == "south"),
            dice.gauss(60 if team == "south" and nth >= 100 else 75, 5),
            team_id=team,
        )
        for nth in range(200)
        for team in ("north", "south")
    ]


def test_it_says_what_the_stream_would_have_said() -> None:
    scores = falling()
    records = r.in_log(*(point for score in scores for point in points_of(score, SETTINGS)))
    source = Partition(catalogue.SERIES_POINTS, 0)
    stage = DetectStage()
    sent = [
        Alert.model_validate_json(one.value or b"")
        for one in stage.step(stage.initial(source), Chunk(source, records), r.registers())
    ]

    [variant] = run(scores, [SETTINGS]).variants

    first = {alert.alert_id: alert for alert in reversed(sent)}
    assert [(one.series_id, one.since, one.reviews) for one in variant.alarms] == [
        (one.series_id, one.since, one.reviews) for one in reversed(first.values())
    ]
    assert sum(one.times_raised for one in variant.alarms) == sum(alert.state == "open" for alert in sent)
    assert {one.series_id for one in variant.alarms} == {"team=south"}
    assert variant.alarms[0].mean_0_100 == pytest.approx(60, abs=4)


def test_it_closes_where_the_series_came_back() -> None:
    dice = random.Random(6)
    scores = [stored(nth, dice.gauss(50 if 60 <= nth < 80 else 75, 5)) for nth in range(200)]

    [variant] = run(scores, [SETTINGS]).variants

    [alarm] = variant.alarms
    assert alarm.closed_at is not None
    assert alarm.raised_at < alarm.closed_at


def test_what_if_of_tolerance_and_budget() -> None:
    tried = variants(r.detectors(series=[{"of": "team", "count": 4, "tolerance_points": 1}]), [2, 30], [1, 10])

    outcome = run(falling(), tried)

    settings = [(one.settings.tolerance_points, one.settings.one_false_alarm_in_periods) for one in outcome.variants]
    assert settings == [(2, 1), (2, 10), (30, 1), (30, 10)]
    assert [bool(one.alarms) for one in outcome.variants] == [True, True, False, False]
    sooner, later = (one.alarms[0].raised_at for one in outcome.variants[:2])
    assert sooner < later


def test_without_a_wish_the_settings_stand() -> None:
    own = r.detectors(series=[{"of": "team", "count": 4, "tolerance_points": 1}])

    assert variants(own, [], []) == [own]


def test_it_says_whether_the_settings_fit_what_there_is() -> None:
    outcome = run(falling(), [r.detectors(period="week", reviews_a_period=50)])

    [seen] = outcome.kinds_seen(days=14)
    assert (seen.kind.count, seen.series) == (4, 2)
    assert (seen.reviews_a_period_expected, seen.reviews_a_period) == (50, 100)


def test_scores_without_a_total_give_no_point() -> None:
    outcome = run([stored(1, None)], [SETTINGS])

    assert (outcome.scores, outcome.reviews.total()) == (1, 0)


def test_criteria_and_errors_are_series_too() -> None:
    settings = r.detectors(series=[{"of": "criterion", "count": 1}, {"of": ["site", "error_class"], "count": 3}])
    score = stored(1, 80, criteria={"tone": 40.0}, critical_errors=frozenset({"business"}))

    assert {one.series_id: one.score_0_100 for one in points_of(score, settings)} == {
        "criterion=chat/tone": 40,
        "site=leeds,error_class=customer": 100,
        "site=leeds,error_class=business": 0,
        "site=leeds,error_class=compliance": 100,
    }


def test_the_plot_shows_evidence_threshold_and_alarm() -> None:
    outcome = run(falling(), [SETTINGS])

    assert outcome.strongest() == "team=south"
    picture = plot.evidence(outcome, "team=south", 80)
    assert "team=south has dropped" in picture
    assert "alarm at 200" in picture
    assert "2026-03-" in picture
    assert "\x1b" not in picture


def test_a_reference_is_made_of_the_stored_scores_of_each_cell() -> None:
    many = [stored(nth, score) for nth, score in enumerate([80.0, 90.0, 70.0, 85.0, 75.0] * 8)]
    few = [stored(100 + nth, 50.0, stratum="hard") for nth in range(29)]
    others = [stored(200 + nth, 10.0, team_id="south") for nth in range(40)]

    [reference] = references([*many, *few, *others], SETTINGS, "team=north")

    # Mean 80, deviation 7.16 of 40: less 1.685 standard errors.
    assert (reference.stratum, reference.cell) == ("all", "chat:1/all")
    assert reference.reference_0_100 == pytest.approx(80 - 1.685 * 7.161 / 40**0.5, abs=0.01)


def test_too_few_stored_scores_are_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"no stratum with 30 reviews in these days \(at most 5\)"):
        references([stored(nth, 80.0) for nth in range(5)], SETTINGS, "team=north")
