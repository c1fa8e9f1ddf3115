"""JSON Schema and AsyncAPI: current, whole, and without a reference that leads nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.catalogue import MESSAGES, REJECTED, SOURCE_TOPICS
from schemas.export import exported_models, file_name
from tafol import schema_export

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(schema_export.files()[schema_export.ASYNCAPI_FILE])


def test_the_exported_files_are_current() -> None:
    assert schema_export.stale(DOCS, schema_export.files()) == [], "write them again: tafol schema export"


def test_the_export_is_the_same_each_time() -> None:
    assert schema_export.files() == schema_export.files()


def test_every_topic_of_the_catalogue_is_a_channel(document: Any) -> None:
    assert {channel["address"] for channel in document["channels"].values()} == set(MESSAGES)


def test_every_model_has_a_schema_file() -> None:
    assert {f"schemas/{file_name(model)}" for model in exported_models()} == {
        name for name in schema_export.files() if name.startswith("schemas/")
    }


def test_every_reference_leads_somewhere(document: Any) -> None:
    references = list(_references(document))
    assert references
    for reference in references:
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_reference_of_a_schema_file_leads_within_it() -> None:
    for name, text in schema_export.files().items():
        if name.endswith(".json"):
            schema = json.loads(text)
            for reference in _references(schema):
                assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_sources_are_received_and_never_sent(document: Any) -> None:
    actions: dict[str, set[str]] = {}
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        actions.setdefault(document["channels"][channel]["address"], set()).add(operation["action"])
    assert all(actions[topic] == {"receive"} for topic in SOURCE_TOPICS)
    assert actions[REJECTED] == {"send", "receive"}


def test_a_file_that_does_not_belong_is_stale_and_goes(tmp_path: Path) -> None:
    schema_export.write(tmp_path, schema_export.files())
    assert schema_export.stale(tmp_path, schema_export.files()) == []
    (tmp_path / "schemas" / "former.json").write_text("{}")
    (tmp_path / "asyncapi.yaml").write_text("other")
    assert schema_export.write(tmp_path, schema_export.files()) == ["asyncapi.yaml", "schemas/former.json"]
    assert schema_export.stale(tmp_path, schema_export.files()) == []


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "$ref" and isinstance(one, str):
                yield one
            else:
                yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)
