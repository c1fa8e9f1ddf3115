"""Figures: pictures that draw, tables that say the same, and words that claim no more than the numbers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from desk.web.charts import drawing, plots
from desk.web.charts import trends as charts
from desk.web.charts.figure import Figure, Look
from desk.web.charts.plots import Moment, Point
from desk.web.charts.trends import Shown
from desk.web.language import NO_NUMBER, speech
from sinks.queries.estimates import Estimate
from tests.unit.desk_web.client import client
from tests.unit.desk_web.pretend import PretendDesk

pytestmark = pytest.mark.unit
SAY = speech("en", "Europe/London")
SHOWN = Shown(SAY, "week", lambda group: f"Team {group}")
WEEK = Estimate(
    group_id="", period_start=date(2026, 9, 7), measure_id="", mean_0_100=80.0, standard_error=1.0, df=50,
    lower_0_100=78.0, upper_0_100=82.0, reviewed=60, eligible=900, selected=70, awaiting=4, response_rate=0.9, cells=3,
    joins=0, cells_behind=0, provisional=False, too_few=False,
)  # fmt: skip
FEW = replace(WEEK, mean_0_100=55.0, lower_0_100=20.0, upper_0_100=90.0, reviewed=3, too_few=True)
NOBODY = replace(
    WEEK, mean_0_100=None, lower_0_100=None, upper_0_100=None, standard_error=None, reviewed=0, too_few=True
)


def values(figure: Figure, look: Look | None = None) -> list[dict[str, Any]]:
    """The rows that a picture is drawn from."""
    return [row for rows in figure.draw(look or Look())["datasets"].values() for row in rows]


@pytest.mark.parametrize("look", [Look(), Look(dark=True, size="narrow"), Look(size="wide")], ids=str)
def test_every_picture_is_svg_without_script_or_style(look: Look) -> None:
    figures = (
        charts.over_time([WEEK, FEW, NOBODY], [Moment("", WEEK.period_start, "alert")], WEEK, SHOWN),
        charts.over_time([replace(WEEK, group_id=one) for one in "ab"], [], WEEK, SHOWN),
        charts.criteria([replace(WEEK, measure_id="x"), replace(NOBODY, measure_id="y")], SHOWN, {}),
        charts.criteria(
            [replace(WEEK, measure_id="x", group_id="a"), replace(FEW, measure_id="x", group_id="b")], SHOWN, {}
        ),
        charts.criteria([replace(FEW, measure_id="x", group_id="a")], SHOWN, {}),
        charts.accuracy([replace(WEEK, measure_id="any")], SHOWN, {}),
        charts.distribution([replace(WEEK, measure_id="080")], SHOWN),
        charts.funnel(WEEK, SHOWN),
    )
    for figure in figures:
        drawn = drawing.as_svg(figure, look, SAY)
        names = {one.tag.rpartition("}")[2] for one in ET.fromstring(drawn).iter()}
        assert names <= {
            "svg",
            "g",
            "path",
            "rect",
            "text",
            "tspan",
            "line",
            "defs",
            "clipPath",
            "linearGradient",
            "stop",
        }
        assert "style=" not in drawn
        assert "NaN" not in drawn


def test_nothing_to_show_still_says_so() -> None:
    for figure in (
        charts.over_time([], [], None, SHOWN),
        charts.accuracy([], SHOWN, {}),
        charts.criteria([], SHOWN, {}),
        charts.distribution([], SHOWN),
        charts.funnel(None, SHOWN),
    ):
        assert figure.rows == ()
        assert figure.finding


def test_too_few_is_never_joined_to_a_line_nor_called_the_lowest() -> None:
    points = [Point("", date(2026, 9, day), 80.0, 78.0, 82.0, sure=day not in (3, 5)) for day in range(1, 7)]
    rows = {str(row["at"])[8:10]: row for row in plots._rows(points)}
    assert [rows[f"0{day}"]["run"] for day in (1, 2, 4, 6)] == [1, 1, 2, 3]
    assert [day for day, row in rows.items() if row["alone"]] == ["04", "06"]
    few = charts.criteria([replace(WEEK, measure_id="greeting"), replace(FEW, measure_id="answer")], SHOWN, {})
    assert "Lowest: greeting" in few.finding
    cells = charts.criteria(
        [replace(WEEK, measure_id="g", group_id="a"), replace(FEW, measure_id="g", group_id="b")], SHOWN, {}
    )
    assert {row["column"]: row["words"] for row in values(cells)} == {"Team a": "80", "Team b": NO_NUMBER}


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (replace(WEEK, mean_0_100=70.0, lower_0_100=68.0, upper_0_100=72.0), "do not meet"),
        (replace(WEEK, mean_0_100=79.0, lower_0_100=77.0, upper_0_100=81.0), "no change is certain"),
        (FEW, "The one period with reviews enough"),
    ],
)
def test_a_course_is_said_as_sure_as_it_is(last: Estimate, words: str) -> None:
    later = replace(last, period_start=date(2026, 9, 14))
    assert words in charts.over_time([WEEK, later], [], None, SHOWN).finding


def test_the_csv_is_the_table_in_full() -> None:
    figure = charts.over_time([replace(WEEK, mean_0_100=1 / 3), NOBODY], [], None, SHOWN)
    first, second = csv.DictReader(io.StringIO(drawing.as_csv(figure)))
    assert (float(first["mean_0_100"]), first["period_start"]) == (1 / 3, "2026-09-07")
    assert (second["mean_0_100"], second["note"]) == ("", "too few to say")


def test_more_groups_than_anybody_reads_are_cut_and_said() -> None:
    many = [replace(WEEK, group_id=f"{n:03d}", reviewed=n) for n in range(60)]
    figure = charts.over_time(many, [], None, SHOWN)
    assert len(figure.rows) == 60
    assert len({row["group"] for row in values(figure)}) == charts.MOST_GROUPS
    assert any("24" in note for note in figure.notes)


async def test_a_picture_by_itself_may_load_nothing_and_is_named_when_kept() -> None:
    async with client(PretendDesk(), "supervisor") as browser:
        svg = await browser.get("/trends/time/trend.svg?by=team")
        png = await browser.get("/trends/time/trend.png")
        table = await browser.get("/trends/time/coverage.csv")
        none = await browser.get("/trends/time/nothing.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'; sandbox")
    assert png.content.startswith(b"\x89PNG")
    assert 'filename="tafol-trend.png"' in png.headers["content-disposition"]
    assert table.text.startswith("step,transactions\r\n")
    assert none.status_code == 404


async def test_a_page_says_in_words_and_numbers_what_its_pictures_show() -> None:
    async with client(PretendDesk(), "supervisor") as browser:
        page = (await browser.get("/trends?by=team&team=cardiff-service")).text
        browser.cookies.set("tafol-language", "cy")
        welsh = (await browser.get("/trends")).text
    assert 'alt="Quality over time. ' in page
    assert "<caption" in page
    assert '<th scope="row">' in page
    assert "team=cardiff-service" in page
    assert "Ansawdd dros amser" in welsh


async def test_an_analytics_store_that_is_away_is_a_page_not_a_crash() -> None:
    desk = PretendDesk()
    desk.trends.clickhouse.away = True
    async with client(desk, "quality_manager") as browser:
        answers = [await browser.get(path) for path in ("/trends", "/trends/time/trend.svg")]
    assert [one.status_code for one in answers] == [503, 503]
    assert "The analytics store does not answer just now" in answers[0].text
