"""Prometheus' rules name metrics and labels that Tafol declares, and say what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sinks.metrics import METRICS

pytestmark = pytest.mark.unit

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: list[dict[str, Any]] = [
    rule
    for file in sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]
DECLARED = {metric.name: {*metric.labels, "instance", "job", "role"} for metric in METRICS}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
NAME = re.compile(r"\b(?:series:)?tafol_\w+(?::max)?")
SELECTED = re.compile(r"\b(tafol_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_every_metric_is_declared(rule: dict[str, Any]) -> None:
    text = " ".join([rule["expr"], *rule.get("annotations", {}).values()])
    named = set(NAME.findall(text))
    assert named - {"tafol_rejected"} <= DECLARED.keys() | RECORDED
    assert named or rule["expr"].startswith("up{")


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_every_label_is_one_that_the_metrics_have(rule: dict[str, Any]) -> None:
    for name, matchers in SELECTED.findall(rule["expr"]):
        assert {one.partition("=")[0].strip() for one in matchers.split(",")} <= DECLARED[name]
    known = set().union(*(DECLARED[name] for name in NAME.findall(rule["expr"]) if name in DECLARED))
    for labels in GROUPED.findall(rule["expr"]):
        assert {one.strip() for one in labels.split(",")} <= known


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_every_alert_says_how_bad_about_what_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Tafol")
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["labels"]["about"] in {"quality", "pipeline"}
    assert set(rule["annotations"]) == {"summary", "description"}


def test_every_alert_is_tried_firing_and_not_firing() -> None:
    """By promtool: tests/integration/test_prometheus_rules.py runs these files. Of the pipeline's, 'all is well'."""
    tried = [
        (one["alertname"], bool(one["exp_alerts"]))
        for file in (DEPLOY / "prometheus/tests").glob("*.yml")
        for test in yaml.safe_load(file.read_text())["tests"]
        for one in test.get("alert_rule_test", ())
    ]
    assert {name for name, fires in tried if fires} == {rule["alert"] for rule in ALERTS}
    assert ("TafolQualityDropped", False) in tried
    [well, *_] = yaml.safe_load((DEPLOY / "prometheus/tests/pipeline.yml").read_text())["tests"]
    assert well["promql_expr_test"][0]["expr"] == "count(ALERTS) or vector(0)"
    shown = {NAME.findall(series["series"])[0] for series in well["input_series"] if "tafol_" in series["series"]}
    asked = {name for rule in ALERTS if rule["labels"]["about"] == "pipeline" for name in NAME.findall(rule["expr"])}
    assert asked <= shown


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*.yml")), ids=lambda file: str(file.relative_to(DEPLOY)))
def test_secrets_lie_in_files_of_their_own(file: Path) -> None:
    keys = re.findall(r"(?m)^\s*(?:- )?(\w*(?:password|token|credentials|api_url|secret)\w*):", file.read_text())
    assert all(key.endswith("_file") for key in keys)
