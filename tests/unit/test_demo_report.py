"""The demo's plot of means by team, also where hardly anything was scored."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

import pytest

from sinks.queries.estimates import Estimate
from tafol.demo_report import _plot
from tafol.simulator.config import ScoreDrop, SimulationConfig
from tests.unit.simulator import configs

pytestmark = pytest.mark.unit

WEEKS = (date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16))
WORSE = "cardiff-billing"


def mean(team: str, week: date, points: float | None) -> Estimate:
    """An estimate of which only these three are looked at."""
    everything: dict[str, Any] = dict.fromkeys(one.name for one in fields(Estimate))
    return Estimate(**everything | {"group_id": team, "period_start": week, "mean_0_100": points})


@pytest.fixture
def config() -> SimulationConfig:
    return configs.config(drop=ScoreDrop(team_id=WORSE, from_day=WEEKS[1], points=12))


def test_both_lines_are_drawn_with_their_weeks(config: SimulationConfig) -> None:
    means = [mean(WORSE, WEEKS[0], 80), mean(WORSE, WEEKS[2], 60), *(mean("other", week, 75) for week in WEEKS)]
    picture = _plot(means, config, 80)
    assert WORSE in picture
    assert "the other teams" in picture
    assert all(f"{week:%d %b}" in picture for week in WEEKS)


@pytest.mark.parametrize(("team", "missing"), [("other", WORSE), (WORSE, "the other teams")])
def test_a_line_without_a_mean_is_left_out(config: SimulationConfig, team: str, missing: str) -> None:
    picture = _plot([mean(team, WEEKS[0], 80), mean(team, WEEKS[1], None)], config, 80)
    assert "Mean score by week" in picture
    assert missing not in picture


def test_without_any_score_there_is_no_plot(config: SimulationConfig) -> None:
    assert _plot([], config, 80) == ""
