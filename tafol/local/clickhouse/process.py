"""Starts and stops the local ClickHouse: chDB behind ClickHouse's HTTP interface, in a process of its own.

    with LocalClickHouse(ClickHouseConfig(data_dir)) as clickhouse:   # ends with this process, kill -9 included
        clickhouse.access.client().command("SELECT 1")

    start_detached(config); status(data_dir); stop(data_dir)         # one that lives on by itself

Invariants: one live process owns a data folder (tafol.local.process.FolderClaim); data last between runs; `start`
returns when the server answers, and leaves nothing running when it raises.
"""

import http.client
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from tafol.errors import ConfigError, PortBusy, StartFailed
from tafol.local import process
from tafol.local.clickhouse.folder import USER, DataFolder
from tafol.local.clickhouse.limits import Limits
from tafol.local.server import LocalServer, stop_holder

START_TIMEOUT_S = 60.0
STOP_GRACE_S = 25.0  # longer than the server gives running queries to end, and then to be cancelled
PING_TIMEOUT_S = 2.0
LOG_LINES_QUOTED = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClickHouseConfig:
    """How to run the local ClickHouse."""

    data_dir: Path
    port: int | None = None
    """None: the port of the last start or 18123, and the next free one when that is taken."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs, of this server or any other ClickHouse."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def client(self, database: str = "default", **options: Any) -> Client:
        """A clickhouse-connect client. Threads may share it: it asks for no session."""
        return clickhouse_connect.get_client(
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            database=database,
            **{"autogenerate_session_id": False, **options},
        )


@dataclass(frozen=True, slots=True)
class ClickHouseStatus:
    """What is known of the local ClickHouse of one data folder."""

    data_dir: Path
    running: bool
    answers: bool = False
    address: str | None = None
    """host:port; None while it is not started yet."""
    pid: int | None = None
    """Of the server."""
    held_by: str | None = None
    """The process to stop."""
    detached: bool = False
    """Lives on by itself."""


class LocalClickHouse(LocalServer):
    """A server that belongs to this process. `start` and `stop` may be called again and again, from one thread."""

    def __init__(
        self, config: ClickHouseConfig, *, dies_with_parent: bool = True, notify: Callable[[str], None] = log.info
    ) -> None:
        """`notify` takes sentences for a person."""
        super().__init__(
            "the local ClickHouse",
            config.data_dir.absolute(),
            stop_grace_s=STOP_GRACE_S,
            dies_with_parent=dies_with_parent,
            notify=notify,
        )
        self._config = config
        self._folder = DataFolder(self._data_dir)

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return self._data_dir

    @property
    def access(self) -> Access:
        """Address and password. Only of a server that was started."""
        port = self._folder.last_port()
        assert self._child is not None, "the local ClickHouse was not started"
        assert port is not None
        return Access(process.LOOPBACK, port, USER, self._folder.read_password())

    def start(self) -> ClickHouseStatus:
        """Start and wait until it answers. Raises `HeldByAnother`, `PortBusy`, `ConfigError`, `StartFailed`."""
        self._begin()
        self._own(self._bring_up)
        return status(self._data_dir)

    def _bring_up(self) -> None:
        self._folder.prepare()
        wanted = self._folder.last_port()
        self._wait_until_it_answers(self._spawn(self._argv(), dies_with_parent=self._dies_with_parent))
        port = self.access.port
        if self._config.port is None and wanted not in {None, port}:
            self._notify(f"Port {wanted} is taken: the local ClickHouse listens on {port}.")
        self._describe(f"{process.LOOPBACK}:{port}")

    def _argv(self) -> list[str]:
        # -P: the folder it runs in must not be a place to import from. No fork without exec: chDB hangs in a fork.
        argv = [sys.executable, "-P", "-m", "tafol.local.clickhouse", "--data", str(self._data_dir)]
        argv += ["--claim-fd", str(self._claim_fd)]
        argv += ["--limits", json.dumps(asdict(self._config.limits))]
        if self._config.port is not None:
            argv += ["--port", str(self._config.port)]
        return argv

    def _wait_until_it_answers(self, child: process.Child) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._folder.is_ready(child.pid):
            if child.ended.wait(process.POLL_INTERVAL_S):
                lines = self._last_lines()
                kinds: dict[int | None, type[PortBusy | ConfigError]] = {4: PortBusy, 2: ConfigError}
                kind = kinds.get(child.exit_code)
                if kind is not None:
                    raise kind(lines)
                raise StartFailed(
                    f"The local ClickHouse ended while it started (exit code {child.exit_code}):\n{lines}",
                    hint=f"The whole log: {self._folder.log}",
                )
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"The local ClickHouse did not answer within {START_TIMEOUT_S:.0f} s.\n{self._last_lines()}",
                    hint=f"The whole log: {self._folder.log}",
                )

    def _last_lines(self) -> str:
        text = self._console.read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-LOG_LINES_QUOTED:])


def start_detached(config: ClickHouseConfig, *, notify: Callable[[str], None] = log.info) -> ClickHouseStatus:
    """Start a server that lives on when this process ends. Raises what `LocalClickHouse.start` raises."""
    server = LocalClickHouse(config, dies_with_parent=False, notify=notify)
    started = server.start()
    server.let_go()
    return started


def access(data_dir: Path) -> Access | None:
    """How to reach the server that runs on `data_dir`, whoever started it; None when none does."""
    holder = process.holder_of(data_dir)
    if holder is None or holder.address is None:
        return None
    host, port = holder.address.rsplit(":", 1)
    return Access(host, int(port), USER, DataFolder(data_dir).read_password())


def stop(data_dir: Path) -> ClickHouseStatus:
    """End the detached server of `data_dir`, if there is one; what it was before.

    Raises `HeldByAnother` when it belongs to a program that runs: stop that program.
    """
    before = status(data_dir)
    stop_holder(data_dir, STOP_GRACE_S)
    return before


def status(data_dir: Path) -> ClickHouseStatus:
    """What is known of the local ClickHouse of `data_dir`. Starts nothing, writes nothing."""
    holder = process.holder_of(data_dir)
    if holder is None:
        return ClickHouseStatus(data_dir, running=False)
    return ClickHouseStatus(
        data_dir,
        running=holder.server_pid is not None,
        answers=holder.address is not None and answers(holder.address),
        address=holder.address,
        pid=holder.server_pid,
        held_by=str(holder),
        detached=holder.detached,
    )


def answers(address: str) -> bool:
    """True when a ClickHouse answers /ping at host:port."""
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=PING_TIMEOUT_S)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read() == b"Ok.\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
