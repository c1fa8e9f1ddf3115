"""The desk's Kafka clients (kafka-python): the consumer of what flows in, the reader of single records, the sender.

`connection` is a mapping of kafka-python's own connection arguments. Errors of the broker become Retryable; the loops
of desk.work_loop wait and try again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from desk.intake import Arrived, Intake
from desk.outbox import Outgoing
from schemas.base import Origin
from schemas.catalogue import CHECK_REQUESTS, REVIEW_TASKS, REVIEWS, SAMPLING_FRAMES, SCORECARDS
from schemas.errors import Retryable

GROUP: Final = "tafol-desk"
SESSION_TIMEOUT_MS: Final = 10_000
ANSWER_TIMEOUT_MS: Final = 10_000
POLL_MS: Final = 500
MAX_POLL_RECORDS: Final = 500
FETCH_BYTES: Final = 4 * 1024 * 1024
SEND_WITHIN_S: Final = 60.0
RETRY_AFTER_S: Final = 2.0
READ_TRIES: Final = 20
"""Polls of POLL_MS that a single record may take."""
log = logging.getLogger(__name__)


class KafkaSender:
    """A Sender over an idempotent producer that waits for all copies."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = dict(connection)
        self._producer: KafkaProducer | None = None

    def send(self, records: Sequence[Outgoing]) -> None:
        """In order; returns when the broker has all. Raises Retryable, after which all are to be sent again."""
        with broker_errors():
            producer = self._open()
            try:
                futures = [
                    producer.send(one.topic, key=one.key, value=one.value, headers=one.headers) for one in records
                ]
                producer.flush(timeout=SEND_WITHIN_S)
                for future in futures:
                    future.get(timeout=SEND_WITHIN_S)
            except KafkaError:
                # What this producer still holds must not overtake the next try.
                self.close()
                raise

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._connection,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                allow_auto_create_topics=False,
                max_request_size=FETCH_BYTES,
                metrics_enabled=False,
                bootstrap_timeout_ms=ANSWER_TIMEOUT_MS,
            )
        return self._producer


class Inflow:
    """Review tasks and reviews by a consumer group, registers from their beginning, single records by their origin."""

    def __init__(self, connection: Mapping[str, Any], intake: Intake, group: str = GROUP) -> None:
        self._connection = dict(connection)
        self._intake = intake
        self._group = group
        self._flow: KafkaConsumer | None = None
        self._registers: KafkaConsumer | None = None
        self._single: KafkaConsumer | None = None

    def step(self) -> int:
        """Read registers to their ends, then what has come in; commit it once the store has. How many records.

        Raises Retryable.
        """
        with broker_errors():
            self.read_registers()
            flow = self._open_flow()
            polled = flow.poll(timeout_ms=POLL_MS, max_records=MAX_POLL_RECORDS)
            total = 0
            for partition, records in polled.items():
                taken = [_arrived(record) for record in records]
                take = self._intake.tasks if partition.topic == REVIEW_TASKS else self._intake.reviews
                take(taken)
                total += len(taken)
            if polled:
                ends = {one: OffsetAndMetadata(records[-1].offset + 1, "", -1) for one, records in polled.items()}
                flow.commit(ends)
            return total

    def read_registers(self) -> None:
        """Scorecards, frames and check requests, from where the last reading ended to the present ends."""
        if self._registers is None:
            consumer = self._consumer()
            partitions = _partitions(consumer, (SCORECARDS, SAMPLING_FRAMES, CHECK_REQUESTS))
            consumer.assign(partitions)
            consumer.seek_to_beginning()
            self._registers = consumer
        consumer = self._registers
        ends = consumer.end_offsets(list(consumer.assignment()))
        while any(consumer.position(one) < end for one, end in ends.items()):
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                self._intake.registers([_arrived(record) for record in records])

    def fetch_contents(self, limit: int = 100) -> int:
        """Fetch the content that tasks wait for; how many. Raises Retryable."""
        wanted = self._intake.wanted(limit)
        if wanted:
            with broker_errors():
                for transaction_id, origin in wanted:
                    self._intake.content(transaction_id, self._read(origin))
        return len(wanted)

    def close(self) -> None:
        for one in (self._flow, self._registers, self._single):
            if one is not None:
                one.close()
        self._flow = self._registers = self._single = None

    def _read(self, origin: Origin) -> bytes | None:
        """The value at an origin; None when the log no longer holds it. Raises Retryable when it can't be read now."""
        if self._single is None:
            self._single = self._consumer(max_poll_records=1)
        consumer, place = self._single, TopicPartition(origin.topic, origin.partition)
        if place.partition not in (consumer.partitions_for_topic(place.topic) or ()):
            return None
        start, end = consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]
        if not start <= origin.offset < end:
            return None
        consumer.assign([place])
        consumer.seek(place, origin.offset)
        for _ in range(READ_TRIES):
            for record in consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place, ()):
                value: bytes | None = record.value
                return value if record.offset == origin.offset else None
        raise Retryable(f"{origin} could not be read", retry_after_s=RETRY_AFTER_S)

    def _open_flow(self) -> KafkaConsumer:
        if self._flow is None:
            consumer = KafkaConsumer(
                **self._connection,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_TIMEOUT_MS,
                max_partition_fetch_bytes=FETCH_BYTES,
                bootstrap_timeout_ms=ANSWER_TIMEOUT_MS,
            )
            _partitions(consumer, (REVIEW_TASKS, REVIEWS))
            consumer.subscribe([REVIEW_TASKS, REVIEWS])
            self._flow = consumer
        return self._flow

    def _consumer(self, **options: Any) -> KafkaConsumer:
        return KafkaConsumer(
            **self._connection,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            bootstrap_timeout_ms=ANSWER_TIMEOUT_MS,
            **options,
        )


@contextmanager
def broker_errors() -> Iterator[None]:
    """A broker that is away for now is Retryable."""
    try:
        yield
    except KafkaError as error:
        raise Retryable(f"the broker: {type(error).__name__}", retry_after_s=RETRY_AFTER_S) from error


def _partitions(consumer: KafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions. Raises Retryable while a topic is not there."""
    found = []
    for topic in topics:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            consumer.close()
            raise Retryable(f"there is no topic {topic} yet", retry_after_s=RETRY_AFTER_S)
        found += [TopicPartition(topic, number) for number in sorted(numbers)]
    return found


def _arrived(record: Any) -> Arrived:
    return Arrived(record.topic, record.partition, record.offset, record.timestamp, record.value)
