"""LogReader: stopping it while the broker is away."""

from __future__ import annotations

import asyncio

import pytest

from streams.connection import Connection
from streams.log_reader import LogReader

pytestmark = pytest.mark.unit


class _FetchesOfAGoneBroker:
    """A consumer whose `stop` raises the cancellation of its own fetches, as aiokafka 0.14.0 does."""

    async def stop(self) -> None:
        fetch = asyncio.create_task(asyncio.sleep(600))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch


class _SlowToStop:
    async def stop(self) -> None:
        await asyncio.sleep(600)


def _reader(consumer: object) -> LogReader:
    reader = LogReader(Connection("127.0.0.1:1"))
    reader._consumer = consumer  # the part of one that is used
    return reader


async def test_fetches_that_a_stop_cancels_do_not_cancel_who_stops() -> None:
    await _reader(_FetchesOfAGoneBroker()).stop()


async def test_who_is_cancelled_while_stopping_is_cancelled() -> None:
    stopping = asyncio.create_task(_reader(_SlowToStop()).stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
