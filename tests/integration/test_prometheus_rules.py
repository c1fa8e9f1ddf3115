"""Prometheus' and Alertmanager's own checkers on what deploy/ holds: syntax, what fires and what not, who is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.dashboards.every import DASHBOARDS
from deploy.dashboards.viewer import Viewer, panels
from tests.fixtures import centre
from tests.fixtures.debian import program

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
ALERTMANAGER = DEPLOY / "alertmanager/alertmanager.yml"


def said(*argv: str | Path) -> str:
    """What a program prints; its failure is the test's."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def promtool() -> str:
    return program("promtool", "prometheus")


@pytest.fixture
def amtool() -> str:
    return program("amtool", "prometheus-alertmanager")


def test_the_rules_and_the_example_are_valid(promtool: str) -> None:
    assert said(promtool, "check", "rules", "--lint-fatal", *RULES).count("SUCCESS") == len(RULES)
    assert "is valid prometheus config" in said(promtool, "check", "config", DEPLOY / "prometheus/prometheus.yml")


@pytest.mark.parametrize("file", sorted((DEPLOY / "prometheus/tests").glob("*.yml")), ids=lambda file: file.stem)
def test_what_fires_and_what_does_not(promtool: str, file: Path) -> None:
    assert "SUCCESS" in said(promtool, "test", "rules", file)


def test_what_the_dashboards_ask_of_prometheus_parses(promtool: str, tmp_path: Path) -> None:
    """As recording rules: promtool has no other way to say whether an expression is one."""
    looks = Viewer(centre.SINCE, centre.NOW)
    asked = [
        looks.promql(target["expr"], dashboard)
        for dashboard in (json.loads(one.json()) for one in DASHBOARDS)
        for panel in panels(dashboard)
        for target in panel["targets"]
        if "expr" in target
    ]
    rules = [{"record": f"panel:{nth}", "expr": expr} for nth, expr in enumerate(asked)]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(asked)} rules found" in said(promtool, "check", "rules", file)
    assert len(asked) > 20


def test_alertmanagers_file_is_valid(amtool: str) -> None:
    assert "SUCCESS" in said(amtool, "check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=TafolQualityDropped", "about=quality", "severity=warning"), "quality"),
        (("alertname=TafolResponseRateLow", "about=quality", "severity=warning"), "quality"),
        (("alertname=TafolStageAway", "about=pipeline", "severity=critical"), "engineers"),
        (("alertname=TafolLagging", "about=pipeline", "severity=warning"), "engineers"),
    ],
)
def test_who_is_told(amtool: str, labels: tuple[str, ...], receiver: str) -> None:
    said(amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}", *labels)


def test_what_a_message_says(amtool: str, tmp_path: Path) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "TafolQualityDropped", "about": "quality", "series": "team=south"},
        "annotations": {"summary": "Quality has dropped: team=south", "description": "The last reviews came to 61.3."},
    }
    data = tmp_path / "alerts.json"
    data.write_text(json.dumps({"status": "firing", "alerts": [alert], "commonLabels": {"about": "quality"}}))
    text = said(
        amtool,
        "template",
        "render",
        f"--template.glob={DEPLOY}/alertmanager/templates/*.tmpl",
        '--template.text={{ template "tafol.title" . }}|{{ template "tafol.text" . }}',
        f"--template.data={data}",
    )
    title, _, body = text.partition("|")
    assert title == "Quality has dropped: team=south"
    assert body.split("\n")[1:5] == [
        "Quality has dropped: team=south",
        "The last reviews came to 61.3.",
        "https://desk.example.org/alerts",
        "https://grafana.example.org/d/tafol-alerts",
    ]
