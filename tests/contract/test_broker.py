"""What the runner relies on of a broker: one suite over the fake in memory and over the real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka.structs import RecordMetadata
from kafka.admin import KafkaAdminClient, NewTopic

from streams.app import WorkerApp
from streams.around_runner import LogSource, OutputProducer
from streams.connection import Connection
from streams.log_reader import LogReader
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


async def _deliver(broker: Broker, outputs: list[Output]) -> list[RecordMetadata]:
    return [await delivery for delivery in await broker.producer.send_all(outputs)]


async def _read(broker: Broker, starts: dict[int, int | None]) -> list[tuple[int, int, str]]:
    homes = {Partition(broker.topic, number): start for number, start in starts.items()}
    return [
        (home.partition, record.offset, (record.value or b"").decode())
        async for home, record in broker.reader.read_to_end(homes)
    ]


async def test_order_within_a_partition_is_the_order_of_sending(broker: Broker) -> None:
    await _deliver(broker, _letters(broker.topic, "abc", 0))
    await _deliver(broker, _letters(broker.topic, "de", 0))
    assert await _read(broker, {0: None}) == [(0, number, letter) for number, letter in enumerate("abcde")]


async def test_futures_say_where_each_record_stands(broker: Broker) -> None:
    await _deliver(broker, _letters(broker.topic, "ab", 1))
    taken = await _deliver(broker, _letters(broker.topic, "cd", 1))
    assert [(one.topic, one.partition, one.offset) for one in taken] == [(broker.topic, 1, 2), (broker.topic, 1, 3)]


async def test_equal_keys_meet_in_one_partition(broker: Broker) -> None:
    taken = await _deliver(broker, _letters(broker.topic, "abcdefgh"))
    assert len({one.partition for one in taken}) == 1


async def test_more_than_a_batch_holds_is_delivered_in_order(broker: Broker) -> None:
    """Several partitions at once, small records and such as fill a batch by themselves."""
    sizes = [10, 400_000, 1_500_000, 10, 900_000, 900_000, 10, 10]
    outputs = [
        Output(broker.topic, b"k", b"%d" % number + bytes(size), [], number % 2)
        for number, size in enumerate(sizes * 3)
    ]
    taken = await _deliver(broker, outputs)
    assert [(one.partition, one.offset) for one in taken] == [
        (number % 2, number // 2) for number in range(len(outputs))
    ]
    read = [record async for _, record in broker.reader.read_to_end({Partition(broker.topic, 1): None})]
    assert [record.value for record in read] == [one.value for one in outputs if one.partition == 1]


async def test_nothing_to_send(broker: Broker) -> None:
    assert await _deliver(broker, []) == []


async def test_headers_and_tombstones_come_back(broker: Broker) -> None:
    tombstone = Output(broker.topic, b"gone", None, [], 0)
    await _deliver(broker, [*_letters(broker.topic, "x", 0), tombstone])
    records = [record async for _, record in broker.reader.read_to_end({Partition(broker.topic, 0): None})]
    assert [(record.key, record.value, tuple(record.headers)) for record in records] == [
        (b"k", b"x", (("h", b"x"),)),
        (b"gone", None, ()),
    ]


async def test_reading_begins_at_the_offset_asked_for_and_ends_at_the_present_end(broker: Broker) -> None:
    await _deliver(broker, [*_letters(broker.topic, "abcd", 0), *_letters(broker.topic, "x", 1)])
    assert sorted(await _read(broker, {0: 2, 1: None})) == [(0, 2, "c"), (0, 3, "d"), (1, 0, "x")]
    assert await _read(broker, {0: 4}) == []
    assert await _read(broker, {}) == []


async def test_bounds(broker: Broker) -> None:
    zero, one = Partition(broker.topic, 0), Partition(broker.topic, 1)
    assert await broker.reader.bounds([zero, one]) == {zero: (0, 0), one: (0, 0)}
    await _deliver(broker, _letters(broker.topic, "abc", 1))
    assert await broker.reader.bounds([zero, one]) == {zero: (0, 0), one: (0, 3)}
