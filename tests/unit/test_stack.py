"""Local servers that end by themselves: started again once, named when they end again at once. Signals to `up`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tafol import clock as real_clock
from tafol import settings
from tafol.errors import StartFailed
from tafol.stack import Stack, Told

pytestmark = pytest.mark.unit


class Server:
    """Runs until told that it died."""

    running = True
    starts = 0

    def start(self) -> None:
        self.running = True
        self.starts += 1


class Clock:
    now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(real_clock, "monotonic_s", made.monotonic_s)
    return made


def test_a_server_that_ends_now_and_then_is_started_again(tmp_path: Path, clock: Clock) -> None:
    said: list[str] = []
    here, server = Stack(settings.load(data_dir=tmp_path), notify=said.append), Server()
    here.serve("Kafka", server)
    here.look_after()
    assert server.starts == 0
    for number in (1, 2):
        server.running = False
        here.look_after()
        assert (server.running, server.starts, len(said)) == (True, number, number)
        clock.now_s += 3600
    assert "Kafka ended by itself" in said[0]


def test_a_server_that_ends_again_at_once_is_left_with_what_to_look_at(tmp_path: Path, clock: Clock) -> None:
    here, server = Stack(settings.load(data_dir=tmp_path)), Server()
    here.serve("ClickHouse", server)
    server.running = False
    here.look_after()
    clock.now_s += 5
    server.running = False
    with pytest.raises(StartFailed, match="once more within 30 s") as told:
        here.look_after()
    assert f"Is the disk of {tmp_path} full?" in str(told.value.hint)


@pytest.fixture
def own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_start_at_once_and_later_on_is_only_noted(number: int) -> None:
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    told = Told()
    told.started()
    os.kill(os.getpid(), number)
    assert told.to_stop
