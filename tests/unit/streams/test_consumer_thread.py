"""The thread of the consumer at its end."""

from __future__ import annotations

import asyncio

import pytest
from faust.transport.drivers import aiokafka as driver

from streams.transport.consumer import ConsumerThread

pytestmark = pytest.mark.unit


@pytest.fixture
def thread() -> ConsumerThread:
    """As far as stopping it needs."""
    return ConsumerThread.__new__(ConsumerThread)


async def test_a_fetch_that_was_cancelled_does_not_count_as_if_the_thread_were(
    thread: ConsumerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(_thread: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_thread_stop", stop)
    await thread.on_thread_stop()


async def test_a_thread_that_is_cancelled_while_it_stops_says_so(
    thread: ConsumerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(_thread: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_thread_stop", stop)
    stopping = asyncio.create_task(thread.on_thread_stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
