"""A TCP proxy in front of ClickHouse that fails as it is told: refuses connections, hangs, answers errors of its own,
or cuts a connection when the answer to an insert comes."""

import contextlib
import itertools
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Literal, Self

CHUNK_BYTES = 65_536
Way = Literal["through", "hang", "errors"]
ERRORS: Final = itertools.cycle([(500, "241"), (503, None), (500, "252"), (502, None)])
"""Status and ClickHouse's code: MEMORY_LIMIT_EXCEEDED, TOO_MANY_PARTS, and what a balancer says in its place."""


class LossyProxy:
    """Between a client and `host`:`port`. `answers_to_lose`: so many inserts are carried out and their answers cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._way: Way = "through"
        self._refusing_server: ThreadingHTTPServer | None = None
        self.answers_to_lose = 0
        self.answers_lost = 0
        self.port = _free_port()

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.refuse()
        if self._refusing_server is not None:
            self._refusing_server.shutdown()
            self._refusing_server.server_close()

    def listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Cut what is open and refuse what comes."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._cut()

    def go(self, way: Way) -> None:
        """Cut what is open; from now on let through, or take and never answer, or answer with errors of a server."""
        if way == "errors" and self._refusing_server is None:
            self._refusing_server = ThreadingHTTPServer(("127.0.0.1", 0), _AlwaysWrong)
            threading.Thread(target=self._refusing_server.serve_forever, daemon=True).start()
        self._way = way
        self._cut()

    def _cut(self) -> None:
        with self._lock:
            cut, self._open = self._open, []
        for one in cut:
            _close(one)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(client)
            if self._way != "hang":
                self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        wrong = self._refusing_server if self._way == "errors" else None
        try:
            server = socket.create_connection(self._target if wrong is None else ("127.0.0.1", wrong.server_port))
        except OSError:  # the server is away: so is the connection
            _close(client)
            return
        with self._lock:
            self._open.append(server)
        inserting = threading.Event()
        for pump in (self._requests, self._answers):
            threading.Thread(target=pump, args=(client, server, inserting), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, inserting: threading.Event) -> None:
        with contextlib.suppress(OSError):  # cut
            while part := client.recv(CHUNK_BYTES):
                if b"INSERT" in part:
                    inserting.set()
                server.sendall(part)
        _close(server)

    def _answers(self, client: socket.socket, server: socket.socket, inserting: threading.Event) -> None:
        with contextlib.suppress(OSError):  # cut
            while part := server.recv(CHUNK_BYTES):
                with self._lock:
                    lose = inserting.is_set() and self.answers_lost < self.answers_to_lose
                    self.answers_lost += lose
                inserting.clear()
                if lose:
                    break
                client.sendall(part)
        _close(client)
        _close(server)


class _AlwaysWrong(BaseHTTPRequestHandler):
    """A server that takes every request whole and carries out none."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, code = next(ERRORS)
        self.send_response(status)
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def do_POST(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # cut, or no chunked body after all
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            else:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with contextlib.suppress(OSError):
            self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Nothing: it is meant to fail."""


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
