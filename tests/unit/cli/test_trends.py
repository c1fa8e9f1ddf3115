"""`tafol trends` short of a store: what is typed, what is written, what is drawn."""

import csv
import io
import json
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from pyarrow import parquet, py_buffer
from typer.testing import CliRunner

from schemas.errors import ConfigError
from sinks.queries.comparison import Comparison, Part, Side
from sinks.queries.domains import Interval
from sinks.queries.estimates import Estimate, Period, Within
from sinks.store import Row
from tafol.cli import app
from tafol.cli.trend_tables import conclusion, mind
from tafol.trends.files import written
from tafol.trends.plot import BAR, MOST_LINES, interval, lines, scale_of
from tafol.trends.question import check_names, choose, days

pytestmark = pytest.mark.unit
SUNDAY = date(2026, 11, 22)
WEEK = Within(date(2026, 11, 16), date(2026, 11, 23), "Europe/London")


def row(mean: float | None = 80.0, **changed: Any) -> Estimate:
    shown: dict[str, Any] = {
        "group_id": "north", "period_start": date(2026, 11, 16), "measure_id": "", "mean_0_100": mean,
        "standard_error": 1.5, "df": 30, "lower_0_100": 77.0, "upper_0_100": 83.0, "reviewed": 40, "eligible": 900,
        "selected": 44, "awaiting": 0, "response_rate": 0.9, "cells": 3, "joins": 0, "cells_behind": 0,
        "provisional": False, "too_few": False,
    }  # fmt: skip
    return Estimate(**shown | changed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "tems"), "Did you mean team"),
        (("--by", "languge"), "Did you mean language"),
        (("--period", "weak"), "Did you mean week?"),
        (("--measure", "eror-class"), "Did you mean error_class?"),
        (("--format", "cvs"), "Did you mean csv?"),
        (("--format", "parquet"), "give --output FILE"),
        (("--output", "x.csv"), "--format csv, json or parquet"),
        (("--from", "2026-11-10", "--to", "2026-11-10"), "--from 2026-11-10 is not before --to 2026-11-10"),
        (("--time-zone", "Europe/Lodnon"), "Europe/Lodnon: no such zone"),
    ],
)
def test_what_is_typed_wrongly_is_named_with_what_was_meant(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["trends", *arguments])
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_name_is_taken_with_dashes_and_in_any_case() -> None:
    assert choose("Error-Class", ("total", "error_class"), "--measure") == "error_class"


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("day", date(2026, 11, 9)),
        ("week", date(2026, 8, 31)),
        ("month", date(2025, 11, 1)),
        ("quarter", date(2024, 10, 1)),
        ("all", date(2026, 10, 26)),
    ],
)
def test_without_days_whole_periods_up_to_today_are_shown(period: Period, first: date) -> None:
    assert days(None, None, period, SUNDAY) == (first, date(2026, 11, 23))


class Names:
    """A store in which these teams were scored."""

    def ask(self, sql: str, parameters: Any) -> list[Row]:
        nothing: list[str] = []
        return [{"teams": ["cardiff-billing", "north", "south"], "channels": ["phone"], "sites": nothing}]


def test_a_team_that_is_not_there_is_met_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="no team 'nroth' was selected or scored from 2026-11-16 to 2026-11-22"
    ) as told:
        check_names(Names(), Within(WEEK.from_day, WEEK.to_day, WEEK.time_zone, teams=("south", "nroth")))
    assert told.value.hint == "Did you mean north or south?"
    with pytest.raises(ConfigError) as told:
        check_names(Names(), Within(WEEK.from_day, WEEK.to_day, WEEK.time_zone, teams=("zzz",)))
    assert told.value.hint == "Those that were: cardiff-billing, north and south"
    check_names(Names(), Within(WEEK.from_day, WEEK.to_day, WEEK.time_zone, teams=("north",), channels=("phone",)))


def test_the_same_rows_in_every_format() -> None:
    rows = [row(), row(None, group_id="south", standard_error=None, lower_0_100=None, upper_0_100=None)]
    columns = [one.name for one in fields(Estimate)]
    as_json = json.loads(written(rows, "json", columns))
    assert as_json[0]["period_start"] == "2026-11-16"
    assert (as_json[0]["mean_0_100"], as_json[1]["mean_0_100"]) == (80.0, None)
    sheet = list(csv.DictReader(io.StringIO(written(rows, "csv", columns).decode())))
    assert [one["mean_0_100"] for one in sheet] == ["80.0", ""]
    assert sheet[0]["period_start"] == "2026-11-16"
    table = parquet.read_table(py_buffer(written(rows, "parquet", columns))).to_pylist()
    assert table[0]["period_start"] == date(2026, 11, 16)
    assert [one["mean_0_100"] for one in table] == [80.0, None]
    assert list(table[0]) == list(as_json[0]) == list(sheet[0]) == columns


def test_no_rows_are_still_a_table() -> None:
    assert written([], "csv", ["a", "b"]) == b"a,b\n"
    assert parquet.read_table(py_buffer(written([], "parquet", ["a", "b"]))).column_names == ["a", "b"]
    assert written([], "json", ["a"]) == b"[]\n"


def test_what_is_within_a_row_gets_a_name_of_both() -> None:
    side = Side(Interval(80.0, 1.0, 9, 78.0, 82.0), 10, 100)
    assert written([side], "csv", []).splitlines()[0] == (
        b"mean_value,mean_standard_error,mean_df,mean_lower,mean_upper,reviewed,eligible"
    )


def test_intervals_share_a_scale() -> None:
    assert scale_of([61.2, 88.0]) == (60.0, 90.0)
    whole = interval(75, 60, 90, (60, 90))
    assert len(whole) == BAR
    assert (whole[0], whole[-1], whole.count("●")) == ("├", "┤", 1)
    assert interval(60, None, None, (60, 90)).strip() == "○"
    # A point at the end of a scale stays on it.
    assert len(interval(100, 100, 100, (0, 100))) == BAR


def test_lines_are_drawn_of_a_few_series_over_time() -> None:
    weeks = [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)]
    few = [row(80.0 + n, period_start=week) for n, week in enumerate(weeks)]
    picture = lines(few, "Mean score", 80)
    assert picture is not None
    assert "95 % interval" in picture
    assert "02 Nov 26" in picture
    assert lines(few[:1], "Mean score", 80) is None
    many = [row(80.0, period_start=week, group_id=f"t{n}") for week in weeks for n in range(MOST_LINES + 1)]
    assert lines(many, "Mean score", 80) is None


def test_what_must_be_minded_is_said() -> None:
    assert mind(row()) == []
    assert mind(row(too_few=True, awaiting=3, provisional=True, joins=2)) == [
        "too few to say", "provisional: 3 to come", "2 cells joined",
    ]  # fmt: skip
    assert mind(row(cells_behind=1, provisional=True)) == ["provisional: counts to come"]


@pytest.mark.parametrize(
    ("lower", "upper", "too_few", "said"),
    [
        (-9.0, -1.0, False, "a fall beyond chance"),
        (1.0, 9.0, False, "a rise beyond chance"),
        (-9.0, 1.0, False, "Chance alone"),
        (-9.0, -1.0, True, "Too few"),
        (None, None, True, "Too few"),
    ],
)
def test_a_conclusion_says_no_more_than_the_interval(
    lower: float | None, upper: float | None, too_few: bool, said: str
) -> None:
    side = Side(Interval(80.0, 1.0, 9, 78.0, 82.0), 10, 100)
    change = Interval(-5.0, None if lower is None else 2.0, 9, lower, upper)
    part = Part("billing", 1, 1, 80, 75, 0, -5)
    assert said in conclusion(Comparison(side, side, change, 0.0, -5.0, (part,), too_few))
