"""The desk's socket: it listens before its address is told, and nowhere that somebody else does."""

from __future__ import annotations

import errno
import socket

import pytest

from schemas.errors import ConfigError
from tafol.desk import listening
from tafol.errors import PortBusy
from tafol.local.process import LOOPBACK

pytestmark = pytest.mark.unit


def test_who_comes_before_the_desk_answers_waits() -> None:
    with listening(LOOPBACK, 0) as waiting, socket.create_connection(waiting.getsockname()) as visitor:
        visitor.sendall(b"anybody there?")
        host, _ = waiting.accept()
        with host:
            assert host.recv(100) == b"anybody there?"


def test_on_this_machine_the_next_free_port_will_do(busy_port: int, caplog: pytest.LogCaptureFixture) -> None:
    with listening(LOOPBACK, busy_port) as found:
        port = found.getsockname()[1]
    assert port > busy_port
    assert caplog.messages == [f"port {busy_port} is taken: the desk listens on {port}"]


def test_two_that_start_at_once_do_not_share_a_port(busy_port: int) -> None:
    with listening(LOOPBACK, busy_port) as one, listening(LOOPBACK, busy_port) as other:
        assert other.getsockname()[1] > one.getsockname()[1] > busy_port


def test_where_no_port_is_free_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(_address: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket, "create_server", taken)
    with pytest.raises(PortBusy, match="No port from 8750 to 8799 is free"):
        listening(LOOPBACK, 8750)


def test_elsewhere_the_port_must_be_the_one_that_was_set(busy_port: int) -> None:
    with pytest.raises(PortBusy, match=f"port {busy_port} of localhost is taken"):
        listening("localhost", busy_port)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1, port 8750: "):
        listening("192.0.2.1", 8750)
