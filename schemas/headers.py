"""Headers of every record that Tafol writes: CloudEvents 1.0 (Kafka binding, binary mode) and the origin.

`ce_origin` says which input made this record: stage, topic, source partition, source offset, count. A producer sends
to each partition in origin order, so a reader that keeps the highest origin per upstream partition may skip what is at
or below it (contracts, "Origins").
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

Headers = list[tuple[str, bytes]]

SOURCE_PREFIX = "/tafol/"
ORIGIN = "ce_origin"
JSON = b"application/json"


class StageOrigin(NamedTuple):
    """The input that a record was made of. Orders as the log does within one (stage, topic, partition)."""

    stage: str
    topic: str
    partition: int
    offset: int
    nth: int

    @property
    def upstream(self) -> tuple[str, str, int]:
        return self.stage, self.topic, self.partition

    @property
    def place(self) -> tuple[int, int]:
        return self.offset, self.nth

    def encode(self) -> bytes:
        return f"{self.stage}/{self.topic}/{self.partition}/{self.offset}/{self.nth}".encode()

    @classmethod
    def decode(cls, raw: bytes) -> StageOrigin:
        stage, topic, partition, offset, nth = raw.decode().split("/")
        return cls(stage, topic, int(partition), int(offset), int(nth))


def cloud_event(kind: str, event_id: str, origin: StageOrigin, content_type: bytes = JSON) -> Headers:
    """Headers of one record. `kind`: record and version, for example 'selection.v1'."""
    return [*without_origin(kind, event_id, origin.stage, content_type), (ORIGIN, origin.encode())]


def without_origin(kind: str, event_id: str, source: str, content_type: bytes = JSON) -> Headers:
    """Headers of a record without an origin: no stage made it, such as a review, or it may be repeated. `source`: who
    wrote it.
    """
    version, type_, writer, content = _same_for_all(kind, source, content_type)
    return [version, type_, writer, ("ce_id", event_id.encode()), content]


@lru_cache(maxsize=256)
def _same_for_all(kind: str, source: str, content_type: bytes) -> tuple[tuple[str, bytes], ...]:
    """The headers that all records of one kind, source and content type share."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", f"tafol.{kind}".encode()),
        ("ce_source", f"{SOURCE_PREFIX}{source}".encode()),
        ("content-type", content_type),
    )


def origin_of(headers: Iterable[tuple[str, bytes]]) -> StageOrigin | None:
    """The origin in the headers of a record, or None where a tool that is not ours wrote it."""
    for name, value in headers:
        if name == ORIGIN:
            return StageOrigin.decode(value)
    return None
