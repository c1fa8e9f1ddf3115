"""Every panel's SQL on the local ClickHouse with four weeks of data: it says something, and what its panel needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from deploy.dashboards.every import DASHBOARDS
from deploy.dashboards.viewer import Json, Viewer, panels
from tests.fixtures import centre
from tests.fixtures.clickhouse import ClickHouse

pytestmark = pytest.mark.clickhouse

BUILT = {one.uid: json.loads(one.json()) for one in DASHBOARDS}
LOOKS = Viewer(centre.SINCE, centre.NOW)
CHOSEN = Viewer(
    centre.SINCE,
    centre.NOW,
    {
        "channel": ["chat", "phone"], "team": ["cardiff-billing", "leeds-sales"], "site": ["cardiff", "leeds"],
        "topic": ["billing", "o'hara"], "language": ["en"], "scorecard": ["service"],
        "colleague": ["cardiff-billing-0", "leeds-sales-3"],
        "group_by": ["colleague"], "period": ["day"], "queue": ["chat", "phone"], "stratum": ["all", "quota"],
        "series": ["team=cardiff-billing", "channel=chat"], "status": ["open", "acknowledged"],
    },
)  # fmt: skip


class Asked(NamedTuple):
    """One query of one panel."""

    dashboard: Json
    panel: Json
    target: Json


def asked_of_clickhouse() -> Iterator[Any]:
    for uid, dashboard in BUILT.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                if "rawSql" in target:
                    yield pytest.param(Asked(dashboard, panel, target), id=f"{uid}: {panel['title']}")


def variables_of_clickhouse() -> Iterator[Any]:
    for uid, dashboard in BUILT.items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield pytest.param(dashboard, variable, id=f"{uid}: {variable['name']}")


ASKED = list(asked_of_clickhouse())
VARIABLES = list(variables_of_clickhouse())


@pytest.fixture(scope="module")
def client(clickhouse: ClickHouse) -> Iterator[Client]:
    """Of a database that holds four weeks."""
    found = clickhouse.client(centre.filled(clickhouse))
    yield found
    found.close()


@pytest.mark.parametrize("asked", ASKED)
def test_it_gives_what_its_panel_needs(client: Client, asked: Asked) -> None:
    found = client.query(LOOKS.sql(asked.target["rawSql"], asked.dashboard))
    columns = dict(zip(found.column_names, (one.name for one in found.column_types), strict=True))
    assert found.row_count > 0
    assert spoken_of(asked.panel) <= columns.keys()
    if asked.target["queryType"] == "timeseries":
        assert is_time(columns.pop("time"))
        times = [row[found.column_names.index("time")] for row in found.result_rows]
        assert times == sorted(times)
        assert any(is_number(kind) for kind in columns.values())
        assert all(is_number(kind) or is_text(kind) for kind in columns.values())
    elif asked.panel["type"] == "stat":
        assert found.row_count == 1
        assert all(is_number(kind) for kind in columns.values())
    elif asked.panel["type"] == "bargauge":
        text, bar = columns.values()
        assert is_text(text)
        assert is_number(bar)


def test_alerts_are_marked_where_quality_is_drawn(client: Client) -> None:
    quality = BUILT["tafol-quality"]
    [marks] = quality["annotations"]["list"]
    assert marks["datasource"]["uid"] == "${clickhouse}"
    found = client.query(LOOKS.sql(marks["target"]["rawSql"], quality))
    assert found.column_names == ("time", "timeEnd", "title", "text", "tags")
    assert [row[2] for row in found.result_rows] == [
        "Dropped: team=leeds-sales", "Dropped: channel=chat", "Dropped: team=cardiff-billing",
    ]  # fmt: skip
    assert all(row[0] < row[1] for row in found.result_rows)
    chosen = client.query(CHOSEN.sql(marks["target"]["rawSql"], quality))
    assert chosen.row_count == 3  # the teams and the channel are among the chosen
    other = Viewer(centre.SINCE, centre.NOW, {"team": ["leeds-billing"]})
    assert client.query(other.sql(marks["target"]["rawSql"], quality)).row_count == 1


@pytest.mark.parametrize("asked", ASKED)
def test_it_can_be_cut_down_by_every_variable(client: Client, asked: Asked) -> None:
    client.query(CHOSEN.sql(asked.target["rawSql"], asked.dashboard))


@pytest.mark.parametrize(("dashboard", "variable"), VARIABLES)
def test_every_variable_has_values(client: Client, dashboard: Json, variable: Json) -> None:
    found = client.query(LOOKS.sql(variable["query"]["rawSql"], dashboard))
    assert found.row_count > 0
    assert len(found.column_names) == 1
    values = [row[0] for row in found.result_rows]
    assert values == sorted(set(values))


def spoken_of(panel: Json) -> set[str]:
    """Columns that the panel's settings name."""
    overrides = panel.get("fieldConfig", {}).get("overrides", ())
    return {one["matcher"]["options"] for one in overrides if one["matcher"]["id"] == "byName"}


def is_time(kind: str) -> bool:
    return kind.startswith(("Date", "DateTime"))


def is_text(kind: str) -> bool:
    return kind in {"String", "LowCardinality(String)"}


def is_number(kind: str) -> bool:
    return kind.removeprefix("Nullable(").startswith(("Float", "UInt", "Int"))
