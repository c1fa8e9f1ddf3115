"""JSON Schema of every record that crosses a boundary, for tools that are not ours and in other languages.

Made from the models, so that there is one source of truth: docs/schemas/*.json is written by `tafol schema export`, and
a test keeps it current. The schemas say what is taken on input; rules that tie fields together stand in the models'
own words under `description`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.catalogue import MESSAGES

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID_PREFIX: Final = "urn:tafol:schema:"


def exported_models() -> tuple[type[BaseModel], ...]:
    """The models of all messages, each once, in the order of the catalogue."""
    return tuple(dict.fromkeys(message.model for message in MESSAGES.values()))


def file_name(model: type[BaseModel]) -> str:
    """`SamplingFrame` -> 'sampling-frame.json'."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", model.__name__).lower() + ".json"


def json_schemas() -> dict[str, dict[str, Any]]:
    """One self-contained JSON Schema for each model, by file name."""
    found = {}
    for model in exported_models():
        schema = model.model_json_schema(mode="validation")
        found[file_name(model)] = {
            "$schema": DIALECT,
            "$id": ID_PREFIX + file_name(model).removesuffix(".json"),
            **schema,
        }
    return found


def shared_definitions(ref_template: str) -> dict[str, Any]:
    """All models and what they are made of, by model name, with references written as `ref_template`."""
    _, schema = models_json_schema([(model, "validation") for model in exported_models()], ref_template=ref_template)
    definitions: dict[str, Any] = schema["$defs"]
    return {name: definitions[name] for name in sorted(definitions)}
