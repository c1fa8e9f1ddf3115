"""The desk on a real Kafka: tasks and content come in, reviews go out, and neither restarts nor repeats do harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kafka import KafkaProducer

from desk.kafka import Inflow, KafkaSender
from desk.outbox import Outgoing, Publisher
from schemas.catalogue import CHECK_REQUESTS, REVIEW_TASKS, REVIEWS, SAMPLING_FRAMES, SCORECARDS, SOURCE_TOPICS
from schemas.review import Review
from streams.connection import Connection
from streams.registers import Requests
from streams.topics import topics
from tafol import checks, topics_admin
from tafol.kafka_clients import log_consumer, read_to_end
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.process import any_free_port
from tests.contract.test_desk_store import TRANSACTION
from tests.fixtures.desk import CARD, COMPLETE, FRAME, DeskForTests, make_task

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A broker of its own: the desk reads topics by their real names."""
    folder = tmp_path_factory.mktemp("desk-kafka")
    with LocalBroker(BrokerConfig(folder, port=any_free_port())) as broker:
        found = Connection(broker.bootstrap)
        topics_admin.apply(found, topics(1, 21, 60), 1)
        yield found


def test_from_task_to_review(a_desk: DeskForTests, connection: Connection) -> None:
    producer = KafkaProducer(**connection.kafka_python())
    at = producer.send(SOURCE_TOPICS[1], key=b"t-1", value=TRANSACTION).get(10)
    producer.send(SCORECARDS, key=b"chat:1", value=CARD.model_dump_json().encode()).get(10)
    producer.send(SAMPLING_FRAMES, key=b"centre:1", value=json.dumps(FRAME).encode()).get(10)
    task = make_task(origin={"topic": at.topic, "partition": at.partition, "offset": at.offset})
    gone = make_task("t-2", origin={"topic": at.topic, "partition": at.partition, "offset": at.offset + 7})
    for one in (task, gone, task):
        producer.send(REVIEW_TASKS, key=one.transaction.id.encode(), value=one.model_dump_json().encode()).get(10)
    producer.close()

    inflow = Inflow(connection.kafka_python(), a_desk.intake, group="first")
    while not inflow.step():
        pass
    assert inflow.fetch_contents() == 2
    assert inflow.fetch_contents() == 0
    inflow.close()

    ann = a_desk.person("ann")
    queues = a_desk.desk.queues
    forms = {form.transaction_id: form for _ in range(2) if (form := queues.claim_next(ann, "chat"))}
    (form,) = forms.values()  # one at a time in a queue
    assert form.lease is not None
    assert {"t-1": "kept", "t-2": "gone"}[form.transaction_id or ""] == form.content.state
    queues.submit(ann, form.task.number, form.lease.token, COMPLETE)

    sender = KafkaSender(connection.kafka_python())
    assert Publisher(a_desk.database, sender).send_some(a_desk.at) == 1
    sender.close()
    (record,) = _records(connection, REVIEWS)
    review = Review.model_validate_json(record.value)
    assert record.key == review.transaction_id.encode()
    assert review.reviewer_id == ann.account_id
    assert dict(record.headers)["ce_id"] == f"{review.review_id}:0".encode()

    again = Inflow(connection.kafka_python(), a_desk.intake, group="after-a-crash-before-the-commit")
    while not again.step():
        pass
    again.close()
    (queue,) = queues.queues(ann)
    assert queue.open == 1  # nothing doubled, nothing reopened; our own review that came round closed nothing


def _records(connection: Connection, topic: str) -> list[Any]:
    with log_consumer(connection) as consumer:
        return list(read_to_end(consumer, [topic]))


def test_a_spot_check_reaches_every_worker_in_time_and_comes_back(a_desk: DeskForTests, connection: Connection) -> None:
    a_desk.at = datetime.now(UTC)
    sian = a_desk.person("sian", "supervisor")
    about = {"colleague_id": "c-1", "channel": "chat"}
    check_id = "spot-" + "c0" * 16
    asked = a_desk.desk.checks.ask(sian, check_id, about=about, n=3, within=timedelta(hours=1), reason="New script")
    sender = KafkaSender(connection.kafka_python())
    publisher = Publisher(a_desk.database, sender)
    assert publisher.send_some(a_desk.at) == 1
    (record,) = _records(connection, CHECK_REQUESTS)
    sender.send([Outgoing(record.topic, record.key, record.value, record.headers)])  # a crash before it was marked sent
    sender.close()

    held = Requests.of(checks.requests_in_log(connection))
    assert held.by_id == {check_id: asked.request}
    assert held.void == ()
    inflow = Inflow(connection.kafka_python(), a_desk.intake, group="checks")
    inflow.read_registers()
    inflow.close()
    (shown,) = a_desk.desk.checks.checks(sian)
    assert (shown.state, shown.request) == ("to_come", asked.request)
