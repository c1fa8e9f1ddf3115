"""Which notices the transactions name that may not be reviewed because of them, and what the register says of those.

The tables do not hold the notice, so the records are read again from the source topics, as long as they are there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from schemas.notice import Notice, NoticeRegister
from sinks.queries.ineligible import NOTICE_REASONS, Unnoticed
from streams.connection import Connection
from streams.registers import Appended, Timeline
from tafol.kafka_clients import POLL_MS, log_consumer

UNREADABLE: Final = "?"
"""In place of a notice's id, for a record that names none."""


class NamedNotice(NamedTuple):
    """Transactions of one channel that name one notice, for one reason. `said`: what the register has of it."""

    notice_id: str
    channel: str
    reason: str
    transactions: int
    last_ended_at: datetime
    said: str


def named_notices(
    connection: Connection, found: Sequence[Unnoticed], registers: Sequence[Appended[NoticeRegister]]
) -> tuple[list[NamedNotice], int]:
    """By notice, the commonest first, and how many records are no longer in the log. Raises Unreachable."""
    ends: defaultdict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    with log_consumer(connection) as consumer:
        for one, value in _records(consumer, found):
            ends[notice_id(value, NOTICE_REASONS[one.reason]), one.channel, one.reason].append(one.ended_at)
    timeline = Timeline.of("notices", registers)
    rows = [
        NamedNotice(name, channel, reason, len(at), max(at), said(name, NOTICE_REASONS[reason], timeline.at(max(at))))
        for (name, channel, reason), at in ends.items()
    ]
    gone = len(found) - sum(one.transactions for one in rows)
    return sorted(rows, key=lambda one: (-one.transactions, one.notice_id, one.channel, one.reason)), gone


def notice_id(value: bytes, audience: str) -> str:
    """The notice that a transaction names for `audience`; UNREADABLE where it names none."""
    try:
        notice: Any = json.loads(value)["monitoring_notice"][audience]
        return str(notice["notice_id"] if audience == "customer" else notice)
    except (ValueError, KeyError, TypeError):
        return UNREADABLE


def said(name: str, audience: str, register: NoticeRegister | None) -> str:
    """What a register of notices has of `name`, in words."""
    known = {(one.id, one.audience): one for one in register.notices} if register is not None else {}
    found = known.get((name, audience))  # type: ignore[arg-type]  # of an audience that is none nothing is known
    if found is None:
        others = sorted(one for one, other in known if one == name and other != audience)
        return f"it is for the {'customer' if audience == 'colleague' else 'colleague'}" if others else "not published"
    return _held(found)


def _held(notice: Notice) -> str:
    until = "" if notice.valid_to is None else f" until {notice.valid_to:%Y-%m-%d %H:%MZ}"
    return f"holds from {notice.valid_from:%Y-%m-%d %H:%MZ}{until} on {', '.join(notice.channels)}"


def _records(consumer: KafkaConsumer, found: Iterable[Unnoticed]) -> Iterator[tuple[Unnoticed, bytes]]:
    """The values of those records that are still there, partition by partition in the order of the log."""
    by_place: defaultdict[TopicPartition, list[Unnoticed]] = defaultdict(list)
    for one in found:
        by_place[TopicPartition(one.source_topic, one.source_partition)].append(one)
    for place, wanted in by_place.items():
        if place.partition not in (consumer.partitions_for_topic(place.topic) or ()):
            continue
        consumer.assign([place])
        first, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        for one in sorted(wanted, key=lambda at: at.source_offset):
            if first <= one.source_offset < end:
                consumer.seek(place, one.source_offset)
                yield from ((one, value) for value in _value(consumer, place, one.source_offset))


def _value(consumer: KafkaConsumer, place: TopicPartition, offset: int) -> Iterator[bytes]:
    while consumer.position(place) <= offset:
        for record in consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place, ()):
            if record.offset == offset and record.value is not None:
                yield record.value
            return
