"""The edge to Kafka, held against a broker in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple

import pytest
from kafka.errors import CommitFailedError, KafkaTimeoutError, MessageSizeTooLargeError

from schemas.catalogue import REVIEW_TASKS, REVIEWS, SCORECARDS
from schemas.errors import Retryable, TafolError, UnknownVersion
from schemas.headers import Headers
from schemas.review import Review
from tafol.simulator import kafka_edge
from tafol.simulator.kafka_edge import Reviewed, read_scorecards, run_reviewers, send_events
from tafol.simulator.ledger import Ledger
from tafol.simulator.reviewers import Reviewers
from tafol.simulator.stream import Simulation
from tests.unit.simulator.configs import ENDS, config, scorecard, task

pytestmark = pytest.mark.unit

CONFIG = config(transactions_per_week=300)


class Sent(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Read(NamedTuple):
    topic: str
    partition: int
    offset: int
    value: bytes | None


@dataclass
class Future:
    done: list[Callable[[object], None]] = field(default_factory=list)
    failed: list[Callable[[BaseException], None]] = field(default_factory=list)

    def add_callback(self, call: Callable[[object], None]) -> None:
        self.done.append(call)

    def add_errback(self, call: Callable[[BaseException], None]) -> None:
        self.failed.append(call)


@dataclass
class Broker:
    """A broker in memory: acknowledges at a flush, fails the `fail_at`-th record with `failure`."""

    tasks: list[list[bytes]] = field(default_factory=list)
    cards: list[bytes] = field(default_factory=list)
    fail_at: int | None = None
    failure: BaseException = field(default_factory=KafkaTimeoutError)
    commit_failure: BaseException | None = None
    log: list[Sent] = field(default_factory=list)
    waiting: list[Future] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    """How many records were in the log at each commit."""
    open: int = 0

    def producer(self) -> "Broker":
        self.open += 1
        return self

    def group(self, topic: str, group: str) -> "Broker":
        assert (topic, group) == (REVIEW_TASKS, "simulated-reviewers")
        self.open += 1
        return self

    def whole(self, topic: str) -> list[bytes]:
        assert topic == SCORECARDS
        return list(self.cards)

    def send(self, topic: str, value: bytes, key: bytes, headers: Headers) -> Future:
        future = Future()
        self.log.append(Sent(topic, key, value, headers))
        self.waiting.append(future)
        return future

    def flush(self, timeout: float) -> None:
        for number, future in enumerate(self.waiting):
            if number == self.fail_at:
                for call in future.failed:
                    call(self.failure)
            else:
                for done in future.done:
                    done(None)
        self.waiting = []

    def poll(self, timeout_ms: int) -> dict[str, list[Read]]:
        batch = self.tasks.pop(0) if self.tasks else []
        return {"review-tasks-0": [Read(REVIEW_TASKS, 0, n, value) for n, value in enumerate(batch)]} if batch else {}

    def commit(self) -> None:
        assert not self.waiting, "committed before the reviews were acknowledged"
        if self.commit_failure is not None:
            raise self.commit_failure
        self.commits.append(len(self.log))

    def close(self, *_: Any, **__: Any) -> None:
        self.open -= 1


def stopping_after(batches: int, stop: Event) -> Callable[[Reviewed], None]:
    left = [batches]

    def progress(_reviewed: Reviewed) -> None:
        left[0] -= 1
        if not left[0]:
            stop.set()

    return progress


def reviewing(broker: Broker, batches: int = 1, reviewers: Reviewers | None = None) -> Reviewed:
    stop = Event()
    return run_reviewers(
        broker,
        reviewers or Reviewers(CONFIG, {}),
        now=lambda: ENDS,
        stop=stop,
        progress=stopping_after(batches, stop),
    )


def test_all_events_are_sent_as_they_are() -> None:
    broker, events = Broker(), list(Simulation(CONFIG).events())
    assert send_events(broker, events, stop=Event()) == len(events)
    assert broker.log == [Sent(event.topic, event.key, event.value, []) for event in events]
    assert broker.open == 0


def test_a_stop_ends_sending_and_the_ledger_holds_what_was_sent() -> None:
    broker, ledger, stop = Broker(), Ledger(), Event()

    def stop_in_the_middle(event: object) -> object:
        if len(broker.log) == 100:
            stop.set()
        return event

    events = (event for event in ledger.follow(Simulation(CONFIG).events()) if stop_in_the_middle(event))
    assert send_events(broker, events, stop=stop) == len(broker.log) == ledger.sent == 100


def test_progress_ends_with_everything_acknowledged() -> None:
    seen: list[tuple[int, int]] = []
    events = list(Simulation(CONFIG).events())
    send_events(Broker(), events, stop=Event(), progress=lambda *counts: seen.append(counts))
    assert seen[-1] == (len(events), len(events))


@pytest.mark.parametrize(
    ("failure", "raised"), [(KafkaTimeoutError(), Retryable), (MessageSizeTooLargeError(), TafolError)]
)
def test_a_send_that_fails_is_never_taken_for_sent(failure: BaseException, raised: type[TafolError]) -> None:
    broker = Broker(fail_at=7, failure=failure)
    with pytest.raises(TafolError, match="known to be stored") as caught:
        send_events(broker, Simulation(CONFIG).events(), stop=Event())
    assert type(caught.value) is raised
    assert broker.open == 0


def test_tasks_come_back_as_reviews_before_they_are_committed() -> None:
    card = scorecard()
    given = [task(copy_number=copy) for copy in (1, 2, 3)]
    values = [one.model_dump_json().encode() for one in given]
    broker = Broker(tasks=[values[:2], values[2:]], cards=[card.model_dump_json().encode()])
    reviewed = reviewing(broker, batches=2)
    expected = [one for each in given for one in Reviewers(CONFIG, {card.ref.key: card}).review(each, ENDS)]
    assert [Review.model_validate_json(sent.value) for sent in broker.log] == expected
    assert {(sent.topic, sent.key) for sent in broker.log} == {(REVIEWS, b"t-1")}
    assert dict(broker.log[0].headers)["ce_type"] == b"tafol.review.v1"
    assert broker.commits[-1] == len(broker.log) == reviewed.reviews
    assert (reviewed.tasks, broker.open) == (3, 0)


def test_a_scorecard_that_comes_later_is_read_then() -> None:
    card = scorecard()

    class LaterBroker(Broker):
        def whole(self, topic: str) -> list[bytes]:
            cards = super().whole(topic)
            self.cards = [card.model_dump_json().encode()]
            return cards

    broker = LaterBroker(tasks=[[task().model_dump_json().encode()]])
    assert reviewing(broker).tasks == 1


def test_a_scorecard_that_never_comes_stops_the_reviewers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_edge, "SCORECARD_WAIT_S", 0.02)
    monkeypatch.setattr(kafka_edge, "SCORECARD_RETRY_S", 0.01)
    broker = Broker(tasks=[[task().model_dump_json().encode()]])
    with pytest.raises(UnknownVersion, match="service:1"):
        reviewing(broker)
    assert not broker.commits
    assert broker.open == 0


def test_what_is_no_task_is_counted_and_passed_by() -> None:
    broker = Broker(tasks=[[b"{}", task().model_dump_json().encode()]], cards=[scorecard().model_dump_json().encode()])
    reviewed = reviewing(broker)
    assert (reviewed.tasks, reviewed.unreadable) == (1, 1)


def test_a_review_that_is_not_acknowledged_is_not_committed() -> None:
    broker = Broker(
        tasks=[[task().model_dump_json().encode()]], cards=[scorecard().model_dump_json().encode()], fail_at=0
    )
    with pytest.raises(Retryable):
        reviewing(broker)
    assert not broker.commits


def test_a_lost_commit_is_no_harm() -> None:
    broker = Broker(
        tasks=[[task().model_dump_json().encode()]],
        cards=[scorecard().model_dump_json().encode()],
        commit_failure=CommitFailedError(),
    )
    assert reviewing(broker).tasks == 1


def test_the_first_record_of_a_scorecard_version_stands() -> None:
    first = scorecard()
    second = first.model_copy(update={"title": first.title.model_copy(update={"en": "Other"})})
    broker = Broker(cards=[one.model_dump_json().encode() for one in (first, second)])
    assert read_scorecards(broker) == {"service:1": first}
