"""A TCP proxy that fails as it is told: refuses connections, or cuts one when the answer to an insert comes."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536


class LossyProxy:
    """Between a client and `host`:`port`. `answers_to_lose`: so many inserts are carried out and their answers cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.answers_to_lose = 0
        self.answers_lost = 0
        self.port = _free_port()

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.refuse()

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
            server = socket.create_connection(self._target)
            with self._lock:
                self._open += [client, server]
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


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
