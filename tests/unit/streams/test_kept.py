"""The client that keeps the bytes of a fetch: those of the right partition, once, and no longer than the fetcher."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from streams.record_columns import RecordColumns
from streams.stage import PlainRecord
from streams.transport.kept import KeepingClient

pytestmark = pytest.mark.unit

ZERO, ONE, OTHER = TopicPartition("calls", 0), TopicPartition("calls", 1), TopicPartition("other", 0)
FETCH = FetchRequest(50, 1, 1024, 0, [("calls", [(0, 0, 1024), (1, 0, 1024)])])


class _Client:
    """Answers every request with what it was made with."""

    api_version = "of aiokafka's client"

    def __init__(self, *fetched: tuple[TopicPartition, bytes]) -> None:
        self.topics: list[Any] = [(at.topic, [(at.partition, 0, 99, [], raw)]) for at, raw in fetched]

    async def send(self, _node_id: int, _request: Any) -> Any:
        return SimpleNamespace(topics=self.topics)


def _read(fetched: bytes) -> RecordColumns | None:
    return RecordColumns.of([PlainRecord(7, 0, None, fetched)]) if fetched != b"compressed" else None


def keeping(*fetched: tuple[TopicPartition, bytes]) -> KeepingClient:
    return KeepingClient(_Client(*fetched), {"calls": _read})


async def test_what_was_fetched_of_a_partition_is_read_once() -> None:
    client = keeping((ZERO, b"zero"), (ONE, b"one"), (OTHER, b"not wanted in columns"))
    await client.send(1, FETCH)
    for partition, raw in ((ONE, b"one"), (ZERO, b"zero")):
        found = client.columns(partition, len(raw))
        assert found is not None
        assert found[0].value == raw
        assert client.columns(partition, len(raw)) is None
    assert client.columns(OTHER, len(b"not wanted in columns")) is None


async def test_what_does_not_fit_the_fetcher_comes_as_objects() -> None:
    client = keeping((ZERO, b"zero"), (ONE, b"compressed"))
    await client.send(1, FETCH)
    assert client.columns(ZERO, 5) is None
    assert client.columns(ONE, len(b"compressed")) is None


async def test_an_empty_answer_takes_nothing_away() -> None:
    client = keeping((ZERO, b"zero"))
    await client.send(1, FETCH)
    client._client.topics = [("calls", [(0, 0, 99, [], b"")])]
    await client.send(1, FETCH)
    assert client.columns(ZERO, 4) is not None


async def test_nothing_is_kept_longer_than_the_fetcher_keeps_it() -> None:
    client = keeping((ZERO, b"zero"), (ONE, b"one"))
    await client.send(1, FETCH)
    client.keep_only({ONE})
    assert client.columns(ZERO, 4) is None
    assert client.columns(ONE, 3) is not None


async def test_all_else_is_aiokafkas_client() -> None:
    client = keeping((ZERO, b"zero"))
    assert client.api_version == "of aiokafka's client"
    await client.send(1, SimpleNamespace())  # another request, with another answer
    assert client.columns(ZERO, 4) is None
