"""Writes what other tools need to talk to Tafol: docs/schemas/*.json and one AsyncAPI 3.0 document, docs/asyncapi.yaml.

Both are made from `schemas.catalogue` (which record travels where), the models (what a record is) and `streams.topics`
(how a topic is kept, who writes and reads it). The same code gives the same bytes; a test keeps the files current.
Topics of Tafol's own (snapshots, ids) are not in it: they are nobody else's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from schemas.catalogue import MESSAGES, REGISTERS, REJECTED, REVIEWS, REVIEWS_REJECTED, SOURCE_TOPICS, Message
from schemas.export import json_schemas, shared_definitions
from schemas.headers import ORIGIN
from schemas.rejected import APPENDED_HEADER, MESSAGE_HEADER, ORIGIN_HEADER, REASON_HEADER
from streams.topics import Topic, topics
from tafol.settings import TopicSettings

ASYNCAPI_FILE: Final = "asyncapi.yaml"
SCHEMAS_FOLDER: Final = "schemas"
KAFKA_BINDING_VERSION: Final = "0.5.0"
FROM_OUTSIDE: Final = frozenset({*SOURCE_TOPICS, REVIEWS})
"""Topics that other tools write."""
REJECTED_TOPICS: Final = frozenset({REJECTED, REVIEWS_REJECTED})
TEXT: Final = {"type": "string"}


def files() -> dict[str, str]:
    """Everything that is exported: text by path below the docs folder."""
    found = {f"{SCHEMAS_FOLDER}/{name}": _json(schema) for name, schema in json_schemas().items()}
    found[ASYNCAPI_FILE] = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)
    return dict(sorted(found.items()))


def stale(docs: Path, wanted: Mapping[str, str]) -> list[str]:
    """Paths below `docs` that are missing, differ, or should not be there (any other file of the schemas folder)."""
    wrong = [name for name, text in wanted.items() if not _holds(docs / name, text)]
    schemas = {f"{SCHEMAS_FOLDER}/{path.name}" for path in (docs / SCHEMAS_FOLDER).glob("*.json")}
    if any(name.startswith(f"{SCHEMAS_FOLDER}/") for name in wanted):
        wrong += sorted(schemas - set(wanted))
    return wrong


def write(docs: Path, wanted: Mapping[str, str]) -> list[str]:
    """Bring the files below `docs` in line; the paths that were changed."""
    changed = stale(docs, wanted)
    for name in changed:
        path = docs / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document as plain values, in a fixed order."""
    declared = _declared()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tafol",
            "version": "1.0.0",
            "description": (
                "The Kafka topics of Tafol. Sources send transactions; a review desk takes review tasks and returns "
                "reviews; everything else may be read. Records of Tafol carry CloudEvents 1.0 headers (Kafka binding, "
                "binary mode)."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Your Kafka, or the local one.",
                "variables": {"bootstrap": {"default": "127.0.0.1:19092", "description": "host:port"}},
            }
        },
        "channels": {name(topic): _channel(declared[topic], message) for topic, message in MESSAGES.items()},
        "operations": _operations(declared),
        "components": {
            "messages": {name(topic): _message(topic, message) for topic, message in MESSAGES.items()},
            "messageTraits": {"cloudEvent": _cloud_event()},
            "schemas": shared_definitions("#/components/schemas/{model}"),
        },
    }


def name(topic: str) -> str:
    """A topic's name in the document: 'transactions.face-to-face' -> 'transactionsFaceToFace'."""
    head, *rest = re.split(r"[.-]", topic)
    return head + "".join(part.capitalize() for part in rest)


def _declared() -> dict[str, Topic]:
    usual = TopicSettings()
    kept = topics(usual.partitions, usual.source_retention_days, usual.record_retention_days)
    return {topic.name: topic for topic in kept}


def _channel(topic: Topic, message: Message) -> dict[str, Any]:
    binding: dict[str, Any] = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": [topic.cleanup],
            "retention.ms": -1 if topic.retention_ms is None else topic.retention_ms,
            "max.message.bytes": topic.max_message_bytes,
        },
        "bindingVersion": KAFKA_BINDING_VERSION,
    }
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{message.content}. Written by {topic.writer}; read by {topic.readers}.",
        "messages": {message.model.__name__: {"$ref": f"#/components/messages/{name(topic.name)}"}},
        "bindings": {"kafka": binding},
    }


def _message(topic: str, message: Message) -> dict[str, Any]:
    raw = topic in REJECTED_TOPICS
    written: dict[str, Any] = {
        "name": f"tafol.{message.kind}",
        "title": message.model.__name__,
        "summary": (message.model.__doc__ or "").strip().split("\n")[0],
        "contentType": _content_type(topic),
        "payload": {"type": "string", "format": "binary", "description": "What came, byte for byte."}
        if raw
        else {"$ref": f"#/components/schemas/{message.model.__name__}"},
        "bindings": {"kafka": {"key": {**TEXT, "description": message.key}, "bindingVersion": KAFKA_BINDING_VERSION}},
    }
    if topic not in FROM_OUTSIDE:
        written["traits"] = [{"$ref": "#/components/messageTraits/cloudEvent"}]
    if raw:
        written["headers"] = _headers(
            {
                ORIGIN_HEADER: "topic/partition/offset of the record that was rejected",
                REASON_HEADER: "code of the reason (see the schema Rejected)",
                MESSAGE_HEADER: "the reason in a sentence",
                APPENDED_HEADER: "when the record had been appended to its topic, ISO 8601",
            }
        )
    return written


def _content_type(topic: str) -> str:
    if topic in REJECTED_TOPICS:
        return "application/octet-stream"
    return "application/jsonl" if "JSON lines" in MESSAGES[topic].content else "application/json"


def _cloud_event() -> dict[str, Any]:
    return {
        "headers": _headers(
            {
                "ce_specversion": "always 1.0",
                "ce_type": "tafol. and record and version, for example tafol.selection.v1",
                "ce_source": "/tafol/ and the part that wrote it",
                "ce_id": "id of the record",
                "content-type": "media type of the value",
                ORIGIN: "stage/topic/partition/offset/count of the input it was made of; not on registers",
            }
        )
    }


def _headers(meanings: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {**TEXT, "description": what} for name, what in meanings.items()}}


def _operations(declared: Mapping[str, Topic]) -> dict[str, Any]:
    """What Tafol does: `receive` from topics that others write, `send` to those that others may read, by part."""
    operations: dict[str, Any] = {}
    for topic in MESSAGES:
        channel = {"$ref": f"#/channels/{name(topic)}"}
        kept = declared[topic]
        readers = [reader.strip() for reader in kept.readers.split(",")]
        if topic not in FROM_OUTSIDE:
            part = "publish" if topic in REGISTERS else kept.writer
            operations[_operation(part, "Sends", topic)] = {
                "action": "send",
                "channel": channel,
                "summary": f"{kept.writer} writes {topic}.",
            }
        for reader in readers:
            operations[_operation(reader, "Receives", topic)] = {
                "action": "receive",
                "channel": channel,
                "summary": f"{reader} reads {topic}.",
            }
    return operations


def _operation(part: str, verb: str, topic: str) -> str:
    first, *rest = part.split()
    words = first + "".join(word.capitalize() for word in rest)
    return f"{words}{verb}{name(topic)[0].upper()}{name(topic)[1:]}"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
