"""Grafana's files are those that the code makes; what they ask of Prometheus is declared; what they need is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from deploy.dashboards.every import DASHBOARDS, FOLDER
from deploy.dashboards.frame import Dashboard
from deploy.dashboards.viewer import Json, Viewer, panels
from sinks.metrics import METRICS
from tests.fixtures import centre

pytestmark = pytest.mark.unit

PROVISIONING = Path(__file__).parents[2] / "deploy/grafana/provisioning"
LOOKS = Viewer(centre.SINCE, centre.NOW)
SERIES_OF = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
DECLARED = {metric.name + end: metric.labels for metric in METRICS for end in SERIES_OF[metric.kind]}
DASHBOARD = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)


def built(dashboard: Dashboard) -> Json:
    found: Json = json.loads(dashboard.json())
    return found


@DASHBOARD
def test_its_file_is_current(dashboard: Dashboard) -> None:
    """`make dashboards` writes it."""
    assert (FOLDER / f"{dashboard.uid}.json").read_text(encoding="utf-8") == dashboard.json()


def test_there_is_no_file_of_a_dashboard_that_is_gone() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {one.uid for one in DASHBOARDS}


@DASHBOARD
def test_panels_lie_within_the_grid_and_on_no_other(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in built(dashboard)["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


@DASHBOARD
def test_every_panel_has_a_title_says_what_it_shows_and_asks_a_source_that_can_be_chosen(dashboard: Dashboard) -> None:
    made = built(dashboard)
    sources = {f"${{{one['name']}}}" for one in made["templating"]["list"] if one["type"] == "datasource"}
    numbers = [panel["id"] for panel in panels(made)]
    assert len(set(numbers)) == len(numbers)
    for panel in panels(made):
        assert panel["title"]
        assert panel["description"].endswith((".", "says why.", "which."))
        assert panel["targets"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} <= sources
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@DASHBOARD
def test_every_variable_is_used_and_every_used_one_is_there(dashboard: Dashboard) -> None:
    text = dashboard.json()
    for variable in built(dashboard)["templating"]["list"]:
        assert re.search(rf"\$\{{?{variable['name']}\b", text), variable["name"]
    for panel in panels(built(dashboard)):
        for target in panel["targets"]:
            if "rawSql" in target:
                LOOKS.sql(target["rawSql"], built(dashboard))  # raises for a variable or macro that is not there


@DASHBOARD
def test_what_is_asked_of_prometheus_is_declared(dashboard: Dashboard) -> None:
    for panel in panels(built(dashboard)):
        for target in panel["targets"]:
            if "expr" not in target:
                continue
            names = set(re.findall(r"\btafol_\w+", target["expr"]))
            assert names <= DECLARED.keys()
            known = {"le", "instance", "job", "role"}.union(*(DECLARED[name] for name in names))
            for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", target["expr"]):
                assert {one.strip() for one in labels.split(",")} <= known
            shown = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
            assert set(shown) <= known


def test_links_lead_to_the_desk_that_is_named() -> None:
    for dashboard in DASHBOARDS:
        links = json.loads(dashboard.json("https://desk.example.org/"))["links"]
        assert f"https://desk.example.org{dashboard.desk_path}" in [one.get("url") for one in links]


def test_what_is_provisioned_is_what_the_dashboards_choose_from() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources/tafol.yaml").read_text())["datasources"]
    plugins = {
        variable["query"]
        for dashboard in DASHBOARDS
        for variable in built(dashboard)["templating"]["list"]
        if variable["type"] == "datasource"
    }
    assert {one["type"] for one in sources} == plugins


def test_what_provisioning_takes_from_the_environment_is_in_the_docs() -> None:
    docs = (PROVISIONING.parents[2] / "docs/grafana.md").read_text()
    files = [file.read_text() for file in PROVISIONING.rglob("*.yaml")]
    names = {name for text in files for name in re.findall(r": \$([A-Z][A-Z_]+)", text)}
    assert len(names) == 6
    assert names == set(re.findall(r"(?m)^([A-Z_]+)=", docs))
