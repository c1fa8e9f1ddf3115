"""Prometheus' and Alertmanager's own checkers on what deploy/ holds: syntax, what fires and what not, who is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

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
