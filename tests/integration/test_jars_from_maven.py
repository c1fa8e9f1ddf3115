"""jgo against a Maven repository on loopback: one file by name, nothing it depends on; a clear error without one."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tafol.errors import Unreachable
from tafol.local.jars import from_maven
from tafol.local.process import LOOPBACK, any_free_port


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    jar = tmp_path / "repository/org/example/thing/1.2/thing-1.2.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"the jar")
    handler = partial(QuietHandler, directory=str(tmp_path / "repository"))
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()
        thread.join()


def test_fetches_the_one_file(repository: str, tmp_path: Path) -> None:
    file = from_maven(repository)("org.example", "thing", "1.2", tmp_path / "incoming")
    assert file.read_bytes() == b"the jar"
    assert file.is_relative_to(tmp_path / "incoming")


def test_a_missing_file_is_named(repository: str, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"org\.example:thing:9"):
        from_maven(repository)("org.example", "thing", "9", tmp_path / "incoming")


def test_no_network_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as raised:
        from_maven(f"http://{LOOPBACK}:{any_free_port()}")("org.example", "thing", "1.2", tmp_path / "incoming")
    assert "network" in str(raised.value.hint)
