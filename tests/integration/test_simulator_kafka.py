"""The simulator against the real Kafka: what it says it sent is in the log, and tasks come back as reviews."""

from collections import Counter
from datetime import UTC, datetime
from threading import Event

import pytest

from schemas.catalogue import REVIEW_TASKS, REVIEWS, SCORECARDS, SOURCE_TOPICS
from schemas.errors import ConfigError
from schemas.review import Review
from streams.connection import Connection
from streams.topics import topics
from tafol import topics_admin
from tafol.kafka_clients import log_consumer, read_to_end
from tafol.simulator.kafka_edge import Kafka, Reviewed, run_reviewers, send_events
from tafol.simulator.ledger import Ledger
from tafol.simulator.reviewers import Reviewers
from tafol.simulator.stream import Simulation
from tests.fixtures.kafka import KafkaForTests
from tests.unit.simulator.configs import config, scorecard, task

pytestmark = pytest.mark.kafka

CONFIG = config(transactions_per_week=1500, run="simulator.kafka")
NAMES = (*SOURCE_TOPICS, REVIEW_TASKS, REVIEWS, SCORECARDS)


@pytest.fixture
def broker(kafka: KafkaForTests) -> Kafka:
    connection = Connection(kafka.bootstrap)
    topics_admin.apply(connection, [one for one in topics(4, 21, 40) if one.name in NAMES], 1)
    return Kafka(connection)


def test_what_the_ledger_holds_is_in_the_log(broker: Kafka) -> None:
    ledger = Ledger()
    sent = send_events(broker, ledger.follow(Simulation(CONFIG).events()), stop=Event())
    with log_consumer(broker.connection) as consumer:
        ours = [record for record in read_to_end(consumer, SOURCE_TOPICS) if record.key.startswith(b"simulator.kafka-")]
    assert Counter((one.topic, one.key, one.value) for one in ours) == Counter(
        (one.topic, one.key, one.value) for one in Simulation(CONFIG).events()
    )
    assert sent == ledger.sent == len(ours)


def test_tasks_come_back_as_reviews_and_only_once_when_all_goes_well(broker: Kafka) -> None:
    card = scorecard()
    facts = [event.facts for event in Simulation(CONFIG).events() if event.fate.becomes == "eligible"][:60]
    tasks = [task(one) for one in facts]
    producer = broker.producer()
    producer.send(SCORECARDS, value=card.model_dump_json().encode(), key=card.ref.key.encode(), headers=[])
    for one in tasks:
        producer.send(REVIEW_TASKS, value=one.model_dump_json().encode(), key=one.transaction.id.encode(), headers=[])
    producer.flush(timeout=30)
    producer.close(timeout=5)

    now = datetime(2026, 11, 20, tzinfo=UTC)
    expected = [one for each in tasks for one in Reviewers(CONFIG, {card.ref.key: card}).review(each, now)]
    stop = Event()

    def until_all_are_done(reviewed: Reviewed) -> None:
        if reviewed.tasks == len(tasks):
            stop.set()

    done = run_reviewers(broker, Reviewers(CONFIG, {}), now=lambda: now, stop=stop, progress=until_all_are_done)
    found = [Review.model_validate_json(value) for value in broker.whole(REVIEWS)]
    assert done == Reviewed(tasks=len(tasks), reviews=len(expected))
    assert sorted(found, key=str) == sorted(expected, key=str)

    # The place was committed: a second desk of the same group finds nothing to do.
    again, nothing_left = broker.group(REVIEW_TASKS, "simulated-reviewers"), True
    for _ in range(5):
        nothing_left = nothing_left and not again.poll(timeout_ms=200)
    again.close(autocommit=False)
    assert nothing_left


def test_a_topic_that_is_not_there_is_named(broker: Kafka) -> None:
    with pytest.raises(ConfigError, match="no-such-topic"):
        broker.group("no-such-topic", "simulated-reviewers")
    with pytest.raises(ConfigError, match="no-such-register"):
        broker.whole("no-such-register")
