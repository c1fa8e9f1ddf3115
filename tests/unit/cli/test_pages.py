"""Pages made from the code are current, and leave nothing out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from sinks.metrics import METRICS
from streams.topics import topics
from tafol.cli import app, pages
from tafol.schema_export import stale
from tafol.settings import setting_paths

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = list(pages.commands(typer.main.get_command(app), ("tafol",)))


def test_pages_are_current() -> None:
    assert stale(DOCS, pages.pages()) == [], "write them again: tafol docs"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_command_and_option_is_in_the_page(path: tuple[str, ...], command: Any) -> None:
    page = (DOCS / "cli.md").read_text()
    _, found, rest = page.partition(f" `{' '.join(path)}`\n")
    assert found, f"{' '.join(path)} has no heading"
    section = rest.split("\n## ")[0].split("\n### ")[0].split("\n#### ")[0]
    for parameter in command.params:
        for name in (*parameter.opts, *parameter.secondary_opts):
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert f"`{name}`" in section
    assert command.help, f"{' '.join(path)} says nothing about itself"


def test_every_setting_is_in_the_page_and_has_words() -> None:
    page = (DOCS / "configuration.md").read_text()
    for path, info in setting_paths().items():
        assert f"| `{path}` |" in page
        assert info.description, f"{path} has no description"


def test_every_metric_and_topic_has_its_row() -> None:
    metrics, kept = (DOCS / "metrics.md").read_text(), (DOCS / "topics.md").read_text()
    assert all(f"| `{metric.name}` |" in metrics for metric in METRICS)
    assert all(f"| `{topic.name}` |" in kept for topic in topics(2, 21, 60))
