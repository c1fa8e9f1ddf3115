"""A broker that dies under `tafol send`: the command ends, and says what was acknowledged."""

from __future__ import annotations

import gc
import io
import os
import signal
import threading
from pathlib import Path

import pytest
from kafka.errors import KafkaTimeoutError

from streams.connection import Connection
from streams.topics import topics
from tafol import send as sender
from tafol import topics_admin
from tafol.kafka_clients import producer
from tafol.local.broker import BrokerConfig, LocalBroker
from tests.unit.cli.test_send import transaction

pytestmark = [pytest.mark.fault, pytest.mark.kafka]


class LinesOfABrokerThatDies(io.BytesIO):
    """Kills the broker before the last line is read."""

    def __init__(self, content: bytes, pid: int) -> None:
        super().__init__(content)
        self._pid = pid

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if line and self.tell() == len(self.getvalue()):
            os.kill(self._pid, signal.SIGKILL)
        return line


def test_send_ends_when_the_broker_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "NO_NEWS_S", 2.0)
    threads = threading.active_count()
    with LocalBroker(BrokerConfig(tmp_path / "kafka")) as broker:
        connection = Connection(broker.bootstrap)
        topics_admin.apply(connection, topics(1, 21, 60), 1)
        content = b"\n".join(transaction(number) for number in range(50))
        with producer(connection, flush=False) as client:
            lines = LinesOfABrokerThatDies(content, broker.pid)
            state = sender.send(lines, client, on_refused=_never, on_progress=lambda _: None)
    assert isinstance(state.failure, KafkaTimeoutError)
    assert (state.lines, state.handed_over) == (50, 50)
    assert state.acknowledged < 50
    del client
    gc.collect()
    while threading.active_count() > threads:  # the producer's own thread ends too
        threading.Event().wait(0.05)


def _never(refused: sender.Refused) -> None:
    raise AssertionError(refused)
