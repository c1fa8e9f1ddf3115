"""The ground that all contestants stand on: one local Kafka, the filled source topic, topics begun afresh each pass."""

from __future__ import annotations

import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kafka.admin import KafkaAdminClient

from bench.main_path import clients, workload
from bench.main_path.workload import Decider
from schemas.catalogue import REGISTERS, SOURCE_TOPICS
from streams.connection import Connection
from streams.topics import MIB, Topic, topics
from tafol import clock, examples, publish, settings, topics_admin
from tafol.documents import read_scorecard
from tafol.kafka_clients import administrator
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.process import any_free_port
from tafol.settings import Settings

HEAP_MB: Final = 512
GONE_WITHIN_S: Final = 30.0
FLUSH_WITHIN_S: Final = 120.0
LOOK_AGAIN_AFTER_S: Final = 0.1
SAY_EVERY: Final = 50_000
"""Events between two words on how many were sent."""
SOURCE_DAYS: Final = 21.0
RECORD_DAYS: Final = 60.0
KEPT: Final = frozenset({*SOURCE_TOPICS, *REGISTERS})
"""Topics that outlive a pass."""


@dataclass
class Ground:
    """A broker with Tafol's topics and registers, and the folder of the workers."""

    folder: Path
    settings: Settings
    connection: Connection
    partitions: int
    mean_bytes: int = 0
    """Size of a record's value."""
    _selected: list[int] = field(default_factory=list)
    """Places in the source topic of the calls that the draw selects, in order."""

    @property
    def bootstrap(self) -> str:
        return self.connection.bootstrap

    def fill(self, count: int, said: Callable[[int], None] = lambda _: None, compression: str = "none") -> None:
        """Send `count` calls to the source topic; `said` hears how many were sent, now and then."""
        decider, size = Decider(), 0
        producer = clients.producer(
            self.bootstrap,
            linger_ms=50,
            batch_size=MIB // 2,
            compression_type=compression,
            partitioner="murmur2_random",
            queue_buffering_max_messages=1_000_000,
        )
        for number, (key, value) in enumerate(workload.events(count, clock.now)):
            while True:
                try:
                    producer.produce(workload.SOURCE, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
            size += len(value)
            if decider.selects_call(value):
                self._selected.append(number)
            if number % SAY_EVERY == 0:
                producer.poll(0)
                said(number)
        if producer.flush(FLUSH_WITHIN_S):
            raise RuntimeError("the source topic could not be filled")
        self.mean_bytes = round(size / count)

    def selected_among(self, count: int) -> int:
        """How many of the first `count` calls the draw selects."""
        return bisect_left(self._selected, count)

    def begin_afresh(self) -> None:
        """Make everything but sources and registers anew: no pass finds what another left."""
        declared = [topic for topic in self._declared() if topic.name not in KEPT]
        with administrator(self.connection) as client:
            self._delete(client, [topic.name for topic in declared])
        topics_admin.apply(self.connection, declared, 1)

    def make_topic(self, name: str) -> None:
        """A topic for the selections of one pass."""
        plain = Topic(name, self.partitions, "delete", None, "bench", "bench")
        topics_admin.apply(self.connection, [plain], 1)

    def delete_topic(self, name: str) -> None:
        """Frees its disk; also what a contestant made under this name."""
        with administrator(self.connection) as client:
            self._delete(client, [one for one in client.list_topics() if one.startswith(name)])

    def prepare(self) -> None:
        """Make the topics and publish scorecard, notices and frame."""
        topics_admin.apply(self.connection, self._declared(), 1)
        card = read_scorecard(examples.SCORECARDS[0])
        for entry in (card, workload.notices(), workload.frame(card.id)):
            planned = publish.plan(entry, publish.read_published(self.connection), clock.now())
            publish.publish(self.connection, planned)

    def _declared(self) -> tuple[Topic, ...]:
        return topics(self.partitions, SOURCE_DAYS, RECORD_DAYS)

    @staticmethod
    def _delete(client: KafkaAdminClient, names: list[str]) -> None:
        """Returns when the broker no longer names them: one made anew at once could be deleted with its namesake."""
        there = set(client.list_topics())
        names = [name for name in names if name in there]
        if not names:
            return
        client.delete_topics(names)
        deadline_s = time.monotonic() + GONE_WITHIN_S
        while there & set(names):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"the broker did not delete {', '.join(sorted(there & set(names)))}")
            time.sleep(LOOK_AGAIN_AFTER_S)
            there = set(client.list_topics())


@contextmanager
def ground(partitions: int = 1) -> Iterator[Ground]:
    """Start a broker in a temporary folder; stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tafol-bench-") as name:
        folder = Path(name)
        config = BrokerConfig(folder / "kafka", port=any_free_port(), heap_mb=HEAP_MB)
        with LocalBroker(config) as broker:
            found = settings.load(data_dir=folder)
            made = Ground(folder, found, found.connection(broker.bootstrap), partitions)
            made.prepare()
            yield made
