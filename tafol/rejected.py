"""Rejected records: what was rejected and why, and sending them again.

Read straight from the rejected topics, whose headers say all that is to be said, so that it works while ClickHouse is
away and shows the bytes as they came. Payloads are never shown unless they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from kafka import KafkaConsumer

from schemas.base import Origin
from schemas.catalogue import REJECTED, REVIEWS_REJECTED
from schemas.errors import ConfigError, InvalidRecord
from schemas.rejected import Rejected, read_rejected
from streams.connection import Connection
from streams.stage import LogRecord
from tafol.kafka_clients import SEND_WITHIN_S, log_consumer, producer, read_to_end

TOPICS: Final = (REJECTED, REVIEWS_REJECTED)
ORIGIN_TEXT: Final = re.compile(r"^(?P<topic>[A-Za-z0-9._-]+)\[(?P<partition>\d+)\]@(?P<offset>\d+)$")


class Kept(NamedTuple):
    """One record of a rejected topic. `kept_at`: where it stands there; `key`, `value`: as they came.

    `value` is None where it was not asked for.
    """

    kept_at: Origin
    rejected: Rejected
    key: bytes | None
    value: bytes | None


class InLog(LogRecord, Protocol):
    """A record with its place, as kafka-python hands it out."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records. Empty: any. `since`: append time of the source's record."""

    origins: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    newest: int | None = None

    def takes(self, rejected: Rejected) -> bool:
        return (
            (not self.origins or str(rejected.origin) in self.origins)
            and (not self.reasons or rejected.reason in self.reasons)
            and (self.since is None or rejected.appended_at >= self.since)
        )


def parse_origin(text: str) -> Origin:
    """The origin in 'topic[partition]@offset'. Raises ConfigError."""
    found = ORIGIN_TEXT.match(text.strip())
    if found is None:
        raise ConfigError(
            f"{text!r} is no origin", hint="Write it as `tafol rejected list` shows it: transactions.phone[0]@123"
        )
    return Origin(topic=found["topic"], partition=int(found["partition"]), offset=int(found["offset"]))


def read_kept(
    connection: Connection, wanted: Wanted, on_foreign: Callable[[str], None], *, values: bool = False
) -> list[Kept]:
    """The wanted records, oldest first, one for each origin. Raises ConfigError for a missing topic, Unreachable.

    `on_foreign` is told of records whose headers Tafol did not write; they are left out. Without `values`, the raw
    bytes are not kept: there may be more of them than fits in memory.
    """
    with log_consumer(connection) as consumer:
        return select(_from_log(consumer, wanted.since), wanted, on_foreign, values=values)


def select(
    records: Iterable[InLog], wanted: Wanted, on_foreign: Callable[[str], None], *, values: bool = False
) -> list[Kept]:
    """As `read_kept`, of these records. A record that was rejected twice after a crash is there once."""
    newest: dict[Origin, Kept] = {}
    for kept in _kept(records, on_foreign):
        if wanted.takes(kept.rejected):
            newest[kept.rejected.origin] = kept if values else kept._replace(value=None)
    in_time = sorted(newest.values(), key=lambda kept: (kept.rejected.appended_at, str(kept.rejected.origin)))
    return in_time if wanted.newest is None else in_time[-wanted.newest :]


def replay(connection: Connection, kept: Sequence[Kept]) -> int:
    """Send the raw bytes again, under the same keys, to the topics they came from; how many were acknowledged.

    Raises TafolError when the broker does not take one, Unreachable. Records that are still wrong are rejected again,
    with a new origin.
    """
    if not kept:
        return 0
    places = {one.kept_at for one in kept}
    since = min(one.rejected.appended_at for one in kept)
    with log_consumer(connection) as consumer, producer(connection) as client:
        again = (one for one in _kept(_from_log(consumer, since), lambda _: None) if one.kept_at in places)
        futures = [client.send(one.rejected.origin.topic, key=one.key, value=one.value) for one in again]
        client.flush()
        for future in futures:
            future.get(timeout=SEND_WITHIN_S)
    return len(futures)


def _from_log(consumer: KafkaConsumer, since: datetime | None) -> Iterator[Any]:
    # A record is rejected after it was appended, so nothing that was appended after `since` is missed.
    since_ms = None if since is None else int(since.timestamp() * 1000)
    return read_to_end(consumer, TOPICS, since_ms=since_ms)


def payload_text(value: bytes | None) -> str:
    """The bytes for people and for a terminal: UTF-8 where it is, and nothing that would steer the terminal."""
    text = (value or b"").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)


def _kept(records: Iterable[InLog], on_foreign: Callable[[str], None]) -> Iterator[Kept]:
    for record in records:
        at = Origin(topic=record.topic, partition=record.partition, offset=record.offset)
        try:
            rejected = read_rejected(record.headers, len(record.value or b""))
        except InvalidRecord as error:
            on_foreign(f"{at}: {error.message}")
            continue
        yield Kept(at, rejected, record.key, record.value)
