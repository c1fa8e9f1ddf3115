"""The simulator's edge to Kafka: events go out, review tasks come in and reviews go back.

A send counts when the broker has acknowledged it (idempotent producer, acks=all). Reviewers commit their place only
after the reviews of what they have read are acknowledged; what is reviewed twice after a crash is reviewed alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Final, Protocol

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import CommitFailedError, KafkaError
from pydantic import ValidationError

from schemas.catalogue import MESSAGES, REVIEW_TASKS, REVIEWS, SCORECARDS
from schemas.errors import ConfigError, Retryable, TafolError
from schemas.headers import Headers, without_origin
from schemas.review import Review
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask
from schemas.transaction import explain
from streams.connection import Connection
from streams.topics import MAX_MESSAGE_BYTES
from tafol import clock
from tafol.kafka_clients import log_consumer, read_to_end
from tafol.simulator.reviewers import Reviewers
from tafol.simulator.stream import SimulatedEvent

log = logging.getLogger(__name__)

REVIEWERS_GROUP: Final = "simulated-reviewers"
MOST_IN_FLIGHT: Final = 20_000
"""Events sent but not acknowledged; beyond, sending waits, for kafka-python's own queue has no end."""
IN_FLIGHT_PAUSE_S: Final = 0.002
PROGRESS_EVERY: Final = 500
FLUSH_TIMEOUT_S: Final = 120.0
POLL_MS: Final = 200
SCORECARD_WAIT_S, SCORECARD_RETRY_S = 30.0, 1.0
CLOSE_TIMEOUT_S: Final = 5.0
RETRY_AFTER_S: Final = 5.0


class Producer(Protocol):
    """What is used of kafka.KafkaProducer."""

    def send(self, topic: str, value: bytes, key: bytes, headers: Headers) -> Any:
        """A future with `add_callback` and `add_errback`, called from another thread."""

    def flush(self, timeout: float) -> None: ...
    def close(self, timeout: float) -> None: ...


class Incoming(Protocol):
    """What is used of a record that was read."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


class Consumer(Protocol):
    """What is used of kafka.KafkaConsumer."""

    def poll(self, timeout_ms: int) -> Mapping[Any, Sequence[Incoming]]: ...
    def commit(self) -> None: ...
    def close(self, autocommit: bool) -> None: ...


class Broker(Protocol):
    """Where clients come from; `Kafka` is the real one."""

    def producer(self) -> Producer: ...
    def group(self, topic: str, group: str) -> Consumer:
        """A member of a consumer group that begins at the beginning and commits by hand. Raises as `whole` does."""

    def whole(self, topic: str) -> list[bytes]:
        """All values of a register topic, by partition, in order. Raises ConfigError when there is no such topic,
        Unreachable when no broker answers."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A real cluster."""

    connection: Connection

    def producer(self) -> Producer:
        made: Producer = KafkaProducer(
            **self.connection.kafka_python(),
            enable_idempotence=True,
            acks="all",
            linger_ms=20,
            compression_type="lz4",  # kafka-python's checksum is plain Python: fewer bytes send four times as fast
            batch_size=256 * 1024,
            max_request_size=MAX_MESSAGE_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        return made

    def group(self, topic: str, group: str) -> Consumer:
        consumer = KafkaConsumer(
            topic,
            **self.connection.kafka_python(),
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        if not consumer.partitions_for_topic(topic):
            consumer.close(autocommit=False)
            raise _no_topic(topic)
        made: Consumer = consumer
        return made

    def whole(self, topic: str) -> list[bytes]:
        with log_consumer(self.connection) as consumer:
            if not consumer.partitions_for_topic(topic):
                raise _no_topic(topic)
            return [record.value for record in read_to_end(consumer, [topic]) if record.value is not None]


class _Sends:
    """Sends of one producer. Callbacks come from its one I/O thread; this thread only reads what they count."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self.sent = 0
        self.acknowledged = 0
        self.failure: BaseException | None = None

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers) -> None:
        future = self._producer.send(topic, value=value, key=key, headers=headers)
        self.sent += 1
        future.add_callback(self._done)
        future.add_errback(self._failed)

    def settle(self) -> None:
        """Wait until all is acknowledged. Raises as `check` does."""
        self._producer.flush(timeout=FLUSH_TIMEOUT_S)
        self.check()

    def check(self) -> None:
        """Raise the first failure of a send, if there was one: nothing is known to be stored after it."""
        if self.failure is not None:
            raise self.failure

    def _done(self, _metadata: object) -> None:
        self.acknowledged += 1

    def _failed(self, error: BaseException) -> None:
        self.failure = self.failure or error


def send_events(
    broker: Broker,
    events: Iterable[SimulatedEvent],
    *,
    stop: Event,
    progress: Callable[[int, int], None] = lambda _sent, _acknowledged: None,
) -> int:
    """Send events until they end or `stop` is set; the number acknowledged, which is then the number sent.

    `progress(sent, acknowledged)` is called every PROGRESS_EVERY events and at the end. Raises Retryable when the
    broker does not take an event in time, TafolError when it refuses one.
    """
    producer = broker.producer()
    sends = _Sends(producer)
    try:
        for event in events:
            while sends.sent - sends.acknowledged > MOST_IN_FLIGHT and sends.failure is None and not stop.is_set():
                clock.sleep_s(IN_FLIGHT_PAUSE_S)
            sends.check()
            if stop.is_set():
                break
            sends.send(event.topic, event.key, event.value, [])
            if sends.sent % PROGRESS_EVERY == 0:
                progress(sends.sent, sends.acknowledged)
        sends.settle()
        progress(sends.sent, sends.acknowledged)
    except KafkaError as error:
        raise _worded(error, f"{sends.acknowledged} of {sends.sent} events are known to be stored") from error
    finally:
        producer.close(timeout=CLOSE_TIMEOUT_S)
    return sends.acknowledged


@dataclass(slots=True)
class Reviewed:
    """What the reviewers have done."""

    tasks: int = 0
    reviews: int = 0
    unreadable: int = 0


def run_reviewers(
    broker: Broker,
    reviewers: Reviewers,
    *,
    now: Callable[[], datetime],
    stop: Event,
    progress: Callable[[Reviewed], None] = lambda _reviewed: None,
) -> Reviewed:
    """Review what comes on `review-tasks` until `stop` is set.

    `now`: the time that reviews carry. Scorecards are read at the start, and again when a task names one that is not
    there yet, for up to SCORECARD_WAIT_S. Raises Retryable and TafolError as `send_events` does, UnknownVersion for a
    scorecard that never comes, ConfigError when a topic is missing.
    """
    reviewers.scorecards.update(read_scorecards(broker))
    producer, consumer = broker.producer(), broker.group(REVIEW_TASKS, REVIEWERS_GROUP)
    sends = _Sends(producer)
    desk = _Desk(broker, reviewers, sends, now)
    try:
        while not stop.is_set():
            records = [record for part in consumer.poll(timeout_ms=POLL_MS).values() for record in part]
            if not records:
                continue
            done = desk.work(records, stop)
            sends.settle()
            progress(desk.reviewed)
            if not done:
                break
            _commit(consumer)
    except KafkaError as error:
        raise _worded(error, "the tasks since the last commit will be reviewed again") from error
    finally:
        consumer.close(autocommit=False)
        producer.close(timeout=CLOSE_TIMEOUT_S)
    return desk.reviewed


def read_scorecards(broker: Broker) -> dict[str, Scorecard]:
    """All scorecards of the register by 'id:version'; the first of a version stands, for entries are immutable."""
    cards: dict[str, Scorecard] = {}
    for value in broker.whole(SCORECARDS):
        card = Scorecard.model_validate_json(value)
        cards.setdefault(card.ref.key, card)
    return cards


def review_headers(review: Review) -> Headers:
    """CloudEvents headers of a review. It has no origin: a desk is a tool outside the pipeline."""
    return without_origin(MESSAGES[REVIEWS].kind, f"{review.review_id}/{review.revision}", "simulator")


class _Desk:
    """The reviewers at work on what one consumer reads."""

    def __init__(self, broker: Broker, reviewers: Reviewers, sends: _Sends, now: Callable[[], datetime]) -> None:
        self._broker = broker
        self._reviewers = reviewers
        self._sends = sends
        self._now = now
        self.reviewed = Reviewed()

    def work(self, records: Iterable[Incoming], stop: Event) -> bool:
        """Review what was read. False: stopped while a scorecard was awaited, so not all of it is done."""
        for record in records:
            task = self._task(record)
            if task is None:
                continue
            if not self._has_scorecard(task.scorecard.key, stop) and stop.is_set():
                return False
            for review in self._reviewers.review(task, self._now()):
                value = review.model_dump_json().encode()
                self._sends.send(REVIEWS, task.transaction.id.encode(), value, review_headers(review))
                self.reviewed.reviews += 1
            self.reviewed.tasks += 1
        return True

    def _task(self, record: Incoming) -> ReviewTask | None:
        try:
            return ReviewTask.model_validate_json(record.value or b"")
        except ValidationError as error:
            place = f"{record.topic}[{record.partition}]@{record.offset}"
            log.warning("%s is no review task: %s", place, explain(error))
            self.reviewed.unreadable += 1
            return None

    def _has_scorecard(self, key: str, stop: Event) -> bool:
        """Whether the scorecard is there, after looking in the register again for a while."""
        tries = int(SCORECARD_WAIT_S / SCORECARD_RETRY_S)
        while key not in self._reviewers.scorecards and tries and not stop.is_set():
            self._reviewers.scorecards.update(read_scorecards(self._broker))
            if key not in self._reviewers.scorecards:
                stop.wait(SCORECARD_RETRY_S)
            tries -= 1
        return key in self._reviewers.scorecards


def _commit(consumer: Consumer) -> None:
    try:
        consumer.commit()
    except CommitFailedError:
        # The group has changed: the next owner reviews these tasks again, and alike.
        log.info("another member took over review tasks before they were committed")


def _no_topic(topic: str) -> ConfigError:
    return ConfigError(f"there is no topic {topic}", hint="Make it: tafol topics apply")


def _worded(error: KafkaError, state: str) -> TafolError:
    hint = "Is the broker up? tafol doctor looks."
    if error.retriable:
        return Retryable(
            f"the broker did not answer ({type(error).__name__}); {state}", retry_after_s=RETRY_AFTER_S, hint=hint
        )
    return TafolError(f"the broker refused a record ({type(error).__name__}); {state}", hint=hint)
