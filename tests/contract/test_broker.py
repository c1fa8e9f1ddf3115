"""What the runner relies on of a broker: one suite over the fake in memory and over the real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from streams.app import WorkerApp
from streams.connection import Connection
from streams.log_reader import LogReader
from streams.runner import LogSource, OutputProducer
from streams.stage import Output, Partition
from tests.fakes.broker import FakeBroker, FakeProducer, FakeReader, SilentObserver
from tests.fixtures.kafka import KafkaForTests


@dataclass(frozen=True)
class Broker:
    """A broker with one topic of two partitions."""

    topic: str
    producer: OutputProducer
    reader: LogSource


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.kafka)])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    if request.param == "fake":
        fake = FakeBroker(partitions=2)
        yield Broker("letters", FakeProducer(fake), FakeReader(fake))
        return
    kafka: KafkaForTests = request.getfixturevalue("kafka")
    topic = kafka.topic_name("letters")
    with_admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    with_admin.create_topics([NewTopic(topic, 2, 1)])
    with_admin.close()
    connection = Connection(kafka.bootstrap)
    app = WorkerApp("contract", connection, data_dir=tmp_path, observer=SilentObserver())
    reader = LogReader(connection)
    await app.faust.producer.start()
    try:
        yield Broker(topic, app.producer, reader)
    finally:
        await reader.stop()
        await app.faust.producer.stop()


def _letters(topic: str, texts: str, partition: int | None = None) -> list[Output]:
    return [Output(topic, b"k", letter.encode(), [("h", letter.encode())], partition) for letter in texts]


async def _read(broker: Broker, starts: dict[int, int | None]) -> list[tuple[int, int, str]]:
    homes = {Partition(broker.topic, number): start for number, start in starts.items()}
    return [
        (home.partition, record.offset, (record.value or b"").decode())
        async for home, record in broker.reader.read_to_end(homes)
    ]


async def test_order_within_a_partition_is_the_order_of_sending(broker: Broker) -> None:
    await broker.producer.send_all(_letters(broker.topic, "abc", 0))
    await broker.producer.send_all(_letters(broker.topic, "de", 0))
    await broker.producer.flush()
    assert await _read(broker, {0: None}) == [(0, number, letter) for number, letter in enumerate("abcde")]


async def test_futures_say_where_each_record_stands(broker: Broker) -> None:
    await broker.producer.send_all(_letters(broker.topic, "ab", 1))
    futures = await broker.producer.send_all(_letters(broker.topic, "cd", 1))
    await broker.producer.flush()
    taken = [future.result() for future in futures]
    assert [(one.topic, one.partition, one.offset) for one in taken] == [(broker.topic, 1, 2), (broker.topic, 1, 3)]


async def test_equal_keys_meet_in_one_partition(broker: Broker) -> None:
    futures = await broker.producer.send_all(_letters(broker.topic, "abcdefgh"))
    await broker.producer.flush()
    assert len({future.result().partition for future in futures}) == 1


async def test_headers_and_tombstones_come_back(broker: Broker) -> None:
    tombstone = Output(broker.topic, b"gone", None, [], 0)
    await broker.producer.send_all([*_letters(broker.topic, "x", 0), tombstone])
    await broker.producer.flush()
    records = [record async for _, record in broker.reader.read_to_end({Partition(broker.topic, 0): None})]
    assert [(record.key, record.value, tuple(record.headers)) for record in records] == [
        (b"k", b"x", (("h", b"x"),)),
        (b"gone", None, ()),
    ]


async def test_reading_begins_at_the_offset_asked_for_and_ends_at_the_present_end(broker: Broker) -> None:
    await broker.producer.send_all([*_letters(broker.topic, "abcd", 0), *_letters(broker.topic, "x", 1)])
    await broker.producer.flush()
    assert sorted(await _read(broker, {0: 2, 1: None})) == [(0, 2, "c"), (0, 3, "d"), (1, 0, "x")]
    assert await _read(broker, {0: 4}) == []
    assert await _read(broker, {}) == []


async def test_bounds(broker: Broker) -> None:
    zero, one = Partition(broker.topic, 0), Partition(broker.topic, 1)
    assert await broker.reader.bounds([zero, one]) == {zero: (0, 0), one: (0, 0)}
    await broker.producer.send_all(_letters(broker.topic, "abc", 1))
    await broker.producer.flush()
    assert await broker.reader.bounds([zero, one]) == {zero: (0, 0), one: (0, 3)}
