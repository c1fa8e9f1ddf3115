"""`tafol trends` as people type it, against a ClickHouse of the settings."""

import csv
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from tafol.cli import app
from tests.fixtures.clickhouse import ClickHouse
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse
NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")
WEEK = timedelta(days=7)
BOTH = ("greeting", "solution")


@pytest.fixture
def run(
    clickhouse: ClickHouse, migrated: ClickHouseStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """Two teams, eight reviews of each in each of two weeks; north fell from 80 to 60, in what is hard most of all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAFOL_DATA_DIR", str(tmp_path / "data"))
    for name, value in clickhouse.settings(migrated.database, tmp_path).items():
        monkeypatch.setenv(name, value)
    scores = [
        r.score(
            100 * week + 10 * of + n, level + (n % 4) * 2 - 3, ended_at=r.NOW - (1 - week) * WEEK, team_id=team,
            topic=("billing", "complaint")[n % 2], colleague_id=f"col-{team}-{n % 2}", criteria=BOTH,
        )
        for week, levels in enumerate(({"north": 80.0, "south": 75.0}, {"north": 60.0, "south": 75.0}))
        for of, (team, level) in enumerate(levels.items())
        for n in range(8)
    ]  # fmt: skip
    store_all(
        migrated,
        r.chunk(c.SCORES, *scores),
        r.chunk(c.POPULATION_COUNTS, *[r.population(160, 16, day=date(2026, 11, day)) for day in (13, 20)]),
    )
    return lambda *arguments: CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})


def test_a_table_and_its_plot(run: Callable[..., Any]) -> None:
    result = run("trends", "--by", "team", *NOVEMBER)
    assert result.exit_code == 0, result.stderr
    (north,) = [line for line in result.stdout.splitlines() if "north" in line and "2026-11-16" in line]
    assert "60.0" in north
    assert "●" in north
    assert "Mean score, 0 to 100" in result.stdout
    one = run("trends", "--team", "north", *NOVEMBER)
    assert "95 % interval" in one.stdout
    assert "Mean score" not in run("trends", "--team", "north", "--no-plot", *NOVEMBER).stdout


def test_files(run: Callable[..., Any], tmp_path: Path) -> None:
    printed = json.loads(run("trends", "--by", "team", "--format", "json", *NOVEMBER).stdout)
    assert [(one["group_id"], one["mean_0_100"]) for one in printed] == [
        ("north", 80.0), ("north", 60.0), ("south", 75.0), ("south", 75.0),
    ]  # fmt: skip
    for form in ("csv", "parquet"):
        done = run("trends", "--by", "team", "--format", form, "--output", f"t.{form}", *NOVEMBER)
        assert done.exit_code == 0, done.stderr
    with (tmp_path / "t.csv").open(newline="") as file:
        assert [float(one["mean_0_100"]) for one in csv.DictReader(file)] == [80.0, 60.0, 75.0, 75.0]
    table = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert [one["mean_0_100"] for one in table] == [80.0, 60.0, 75.0, 75.0]
    refused = run("trends", "--format", "csv", "--output", "no/such/folder.csv", *NOVEMBER)
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (1, True)


def test_names_that_are_not_there(run: Callable[..., Any]) -> None:
    team = run("trends", "--team", "nort", *NOVEMBER)
    assert (team.exit_code, "no team 'nort'" in team.stderr, "Did you mean north" in team.stderr) == (1, True, True)
    criterion = run("trends", "--measure", "criterion", "--only", "greting", *NOVEMBER)
    assert (criterion.exit_code, "Did you mean greeting?" in criterion.stderr) == (1, True)
    alone = run("trends", "--only", "greeting", *NOVEMBER)
    assert "--measure criterion" in alone.stderr


def test_two_periods(run: Callable[..., Any]) -> None:
    result = run("trends", "compare", "--from", "2026-11-16", "--to", "2026-11-23", "--team", "north")
    assert result.exit_code == 0, result.stderr
    assert "-20.0" in result.stdout
    assert "a fall beyond chance" in result.stdout
    assert "greeting" in result.stdout
    told = run("trends", "compare", "--from", "2026-11-16", "--to", "2026-11-23", "--team", "north", "--format", "json")
    found = json.loads(told.stdout)
    assert found["change"]["value"] == pytest.approx(-20)
    assert found["mix"] + found["within"] == pytest.approx(-20)
    assert found["asked"]["before"]["from_day"] == "2026-11-09"
    assert [one["criterion"] for one in found["drivers"]] == ["greeting", "solution"]


def test_two_teams(run: Callable[..., Any]) -> None:
    result = run("trends", "compare", "--by", "team", "south", "north", "--from", "2026-11-16", "--to", "2026-11-23")
    assert result.exit_code == 0, result.stderr
    assert "-15.0" in result.stdout
    wrong = run("trends", "compare", "--by", "team", "south", "nroth", *NOVEMBER)
    assert "Did you mean" in wrong.stderr
    three = run("trends", "compare", "--by", "team", "a", "b", "c", *NOVEMBER)
    assert "two groups are compared" in three.stderr
    nothing = run("trends", "compare", "--from", "2026-11-09", "--to", "2026-11-16")
    assert "no reviews" in nothing.stderr


def test_a_league_has_intervals_of_ranks(run: Callable[..., Any]) -> None:
    result = run("trends", "league", "--from", "2026-11-16", "--to", "2026-11-23")
    assert result.exit_code == 0, result.stderr
    assert "of 4" in result.stdout
    assert "too few" in result.stdout
    once = run("trends", "league", *NOVEMBER, "--format", "json")
    assert once.stdout == run("trends", "league", *NOVEMBER, "--format", "json").stdout
    assert {"best_rank", "worst_rank"} < set(json.loads(once.stdout)[0])
    assert "nothing to hold side by side" in run("trends", "league", "--by", "channel", *NOVEMBER).stdout
