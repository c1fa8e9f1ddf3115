"""kafka-python's clients as the command line uses them: opened once, closed surely, errors in plain words.

kafka-python 3.0.12, observed: a client that is refused retries loudly and leaves a thread behind, so a plain connect
is tried first; a missing topic is an answer with an error code; a group's coordinator may be unavailable for a second
after the broker's first start.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from schemas.errors import ConfigError, TafolError
from streams.connection import Connection
from streams.topics import MAX_MESSAGE_BYTES
from tafol.errors import Unreachable

ANSWER_TIMEOUT_MS: Final = 10_000
PROBE_TIMEOUT_S: Final = 2.0
DEFAULT_PORT: Final = 9092
POLL_MS: Final = 200
DELIVERY_TIMEOUT_MS: Final = 60_000
SEND_WITHIN_S: Final = 30.0
LINGER_MS: Final = 20
MAX_REQUEST_BYTES: Final = MAX_MESSAGE_BYTES
BUFFER_BYTES: Final = 64 * 1024 * 1024
FETCH_BYTES: Final = 8 * 1024 * 1024
NO_ANSWER: Final = frozenset(
    {"KafkaTimeoutError", "NoBrokersAvailable", "KafkaConnectionError", "NodeNotReadyError", "RequestTimedOutError"}
)


@contextmanager
def administrator(connection: Connection, *, timeout_ms: int = ANSWER_TIMEOUT_MS) -> Iterator[KafkaAdminClient]:
    """An admin client, closed at the end. Raises Unreachable when no broker answers, also later on."""
    with _reached(connection):
        client = KafkaAdminClient(
            **connection.kafka_python(), request_timeout_ms=timeout_ms, bootstrap_timeout_ms=timeout_ms
        )
        try:
            yield client
        finally:
            client.close()


@contextmanager
def producer(connection: Connection, *, flush: bool = True) -> Iterator[KafkaProducer]:
    """An idempotent producer that waits for all copies; what it holds when the block is left in peace is flushed.

    `flush` False: the block sees to that itself. Raises Unreachable; what becomes of a record is for its future to say.
    """
    with _reached(connection):
        client = KafkaProducer(
            **connection.kafka_python(),
            acks="all",
            enable_idempotence=True,
            linger_ms=LINGER_MS,
            compression_type="lz4",
            allow_auto_create_topics=False,
            metrics_enabled=False,
            max_request_size=MAX_REQUEST_BYTES,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            max_block_ms=DELIVERY_TIMEOUT_MS,
            bootstrap_timeout_ms=ANSWER_TIMEOUT_MS,
        )
        try:
            yield client
            if flush:
                client.flush(timeout=DELIVERY_TIMEOUT_MS / 1000)
        finally:
            _let_go(client)


@contextmanager
def log_consumer(connection: Connection) -> Iterator[KafkaConsumer]:
    """A consumer outside any group. Raises Unreachable."""
    with _reached(connection):
        client = KafkaConsumer(
            **connection.kafka_python(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            bootstrap_timeout_ms=ANSWER_TIMEOUT_MS,
        )
        try:
            yield client
        finally:
            client.close()


def read_to_end(consumer: KafkaConsumer, topics: Iterable[str], *, since_ms: int | None = None) -> Iterator[Any]:
    """The records of all partitions of `topics` up to the ends they have now, kafka-python's ConsumerRecord each.

    `since_ms`: append time to begin at, milliseconds since 1970. Order holds within a partition. Raises ConfigError
    for a topic that is not there.
    """
    partitions: list[TopicPartition] = []
    for topic in topics:
        numbers = consumer.partitions_for_topic(topic)
        if numbers is None:
            raise ConfigError(f"there is no topic {topic}", hint="Make it: tafol topics apply")
        partitions += [TopicPartition(topic, number) for number in sorted(numbers)]
    ends = consumer.end_offsets(partitions)
    starts = consumer.beginning_offsets(partitions)
    if since_ms is not None:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        starts = {one: ends[one] if found[one] is None else found[one].offset for one in partitions}
    unread = [one for one in partitions if starts[one] < ends[one]]
    if not unread:
        return
    consumer.assign(unread)
    for one in unread:
        consumer.seek(one, starts[one])
    while unread:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            yield from (one for one in records if one.offset < ends[TopicPartition(one.topic, one.partition)])
        unread = [one for one in unread if consumer.position(one) < ends[one]]


@contextmanager
def broker_errors(connection: Connection) -> Iterator[None]:
    """Turns what kafka-python raises into errors that a person can act on."""
    try:
        yield
    except KafkaError as error:
        raise in_words(error, connection) from error


def in_words(error: KafkaError, connection: Connection) -> TafolError:
    """The error for what kafka-python says."""
    name = type(error).__name__
    if name in NO_ANSWER:
        return unreachable(connection)
    if "Authentication" in name or "Authorization" in name:
        return ConfigError(
            f"the broker at {connection.bootstrap} refuses this user ({name})",
            hint="Check kafka.username, kafka.password_file, kafka.mechanism, and the user's rights.",
        )
    if error.retriable and not isinstance(error, UnknownTopicOrPartitionError):
        return TafolError(
            f"the broker at {connection.bootstrap} is not ready ({name})",
            hint="It has just started, or moves partitions about: try again in a moment.",
        )
    return TafolError(f"the broker at {connection.bootstrap} refused: {error}")


def unreachable(connection: Connection) -> Unreachable:
    """The error for a broker that does not answer."""
    return Unreachable(
        f"no broker answers at {connection.bootstrap}",
        hint="Check kafka.bootstrap and kafka.tls, and that the broker runs: tafol doctor",
    )


def listens(bootstrap: str) -> bool:
    """Whether anything listens at one of the addresses."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        place = (host.strip("[]"), int(port)) if host and port.isdecimal() else (address.strip(), DEFAULT_PORT)
        with suppress(OSError), socket.create_connection(place, timeout=PROBE_TIMEOUT_S):
            return True
    return False


def _let_go(client: KafkaProducer) -> None:
    """Close at once, whatever was not sent. kafka-python flushes first, gives up closing when that fails because the
    broker is away, and complains once more when the producer is collected (3.0.12)."""
    try:
        client.close(timeout=0)
    except KafkaTimeoutError:
        client._sender.force_close()  # noqa: SLF001 - else its thread goes on for ever
        client._closed = True  # noqa: SLF001


@contextmanager
def _reached(connection: Connection) -> Iterator[None]:
    if not listens(connection.bootstrap):
        raise unreachable(connection)
    with broker_errors(connection):
        yield
