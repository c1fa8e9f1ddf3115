"""The review desk, put together from the settings: its store, services, jobs and pages, run by uvicorn.

One process serves pages and API and runs the jobs; with SQLite there is one. With PostgreSQL there may be several; each
job is done by one of them at a time, and the consumer group shares the partitions.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

import uvicorn
from sqlalchemy import select
from sqlalchemy.engine import make_url

from desk.app import create_app
from desk.background import Background, quiet_collector
from desk.config import DeskConfig
from desk.intake import Intake
from desk.kafka import Inflow, KafkaSender
from desk.people.authorisation import Actor
from desk.people.demo import DemoAccount, make_demo_accounts
from desk.people.oidc import Provider
from desk.services import Desk
from desk.services.analytics import Analytics
from desk.store.database import Database
from desk.store.migrate import migrate
from desk.store.tables import TaskRow
from desk.surroundings import Surroundings
from desk.web.server import Server
from desk.web.settings import WebSettings
from schemas.errors import ConfigError
from sinks.clickhouse import ClickHouseStore
from tafol import clock, logs, places, topics_admin
from tafol.desk_registers import Registers
from tafol.detect.replayed import Replayed
from tafol.errors import PortBusy
from tafol.local import process
from tafol.settings import Settings, read_secret

GRACE_S: Final = 10
CSRF_KEY_BYTES: Final = 32
ENGINEER: Final = Actor("engineer", "engineer", frozenset({"administrator"}), not_a_colleague=True)
"""Who acts on the command line: whoever may read the data folder."""
log = logging.getLogger(__name__)


def database_url(settings: Settings) -> str:
    """SQLAlchemy's address of the desk's store. Raises ConfigError."""
    wanted = settings.desk
    if wanted.database_url is None:
        path = settings.data_dir / "desk" / "desk.sqlite3"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return f"sqlite:///{quote(str(path.absolute()))}"
    if wanted.database_password_file is None:
        return wanted.database_url
    password = read_secret("desk.database_password_file", wanted.database_password_file)
    return str(make_url(wanted.database_url).set(password=password).render_as_string(hide_password=False))


@contextmanager
def opened(settings: Settings) -> Iterator[Desk]:
    """The desk of these settings, its tables up to date. Raises ConfigError, Retryable."""
    wanted = settings.desk
    config = DeskConfig(
        lease=timedelta(minutes=wanted.lease_minutes),
        heartbeat_every_s=min(60.0, wanted.lease_minutes * 60 / 4),
        max_held=wanted.max_held,
        keep_content=timedelta(days=wanted.content_retention_days),
        agreements_needed=wanted.agreements_needed,
        time_zone=wanted.time_zone,
    )
    database = Database(database_url(settings))
    stored = Analytics(
        connect=lambda: ClickHouseStore.at(places.clickhouse_address(settings)),
        now=clock.now,
        replay=Replayed(lambda: places.kafka(settings)),
        rows_kept_for=timedelta(days=settings.clickhouse.shortest_retention_days),
    )
    try:
        migrate(database)
        here = Surroundings(database, clock.now, secrets.token_bytes, config)
        yield Desk(here, Registers(lambda: places.kafka(settings), clock.now), stored)
    finally:
        stored.close()
        database.close()


def run(settings: Settings, *, demo: bool = False) -> int:
    """Serve the desk until SIGINT or SIGTERM; the exit code. Raises TafolError when something does not start.

    `demo`: make accounts to try it with (places.demo_accounts_file), and show them on the sign-in page.
    """
    logs.set_up(settings.log_level, clock.monotonic_s)
    with _alone(settings):
        return _run(settings, demo=demo)


def _run(settings: Settings, *, demo: bool) -> int:
    connection = places.kafka(settings)
    topics_admin.wait_for_broker(connection, settings.wait_for_broker_s, log.info)
    with opened(settings) as desk:
        inflow = Inflow(connection.kafka_python(), Intake(desk.here))
        sender = KafkaSender(connection.kafka_python())
        background = Background(desk.here, inflow, sender)
        provider = _provider(settings)
        demo_accounts = _demo_accounts(desk, settings) if demo else ()
        web = WebSettings(
            csrf_key=_key(settings.data_dir / "desk" / "csrf.key"),
            zone=settings.desk.time_zone,
            https=settings.desk.https,
            public_url=settings.desk.public_url,
            recordings_url=settings.desk.recordings_url,
            oidc=provider,
            demo_accounts=demo_accounts,
        )
        server = _Server(desk, web, settings)
        background.start()
        quiet_collector()
        try:
            with _announced(settings, server):
                return server.run(background.failed)
        finally:
            background.stop()
            sender.close()
            if provider is not None:
                provider.close()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """SQLite is for one desk: a second would do the same jobs beside the first. Raises HeldByAnother, naming it."""
    if settings.desk.database_url is not None:
        yield
        return
    claim = process.FolderClaim.take(settings.data_dir / "desk")
    try:
        yield
    finally:
        claim.release()


class _Server:
    """uvicorn in this thread, with a socket of ours that listens at once: who comes before it answers waits.

    Raises PortBusy, ConfigError.
    """

    def __init__(self, desk: Desk, web: WebSettings, settings: Settings) -> None:
        config = uvicorn.Config(
            create_app(desk, web),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.desk.public_url is not None,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._socket = listening(settings.desk.host, settings.desk.port)
        self._server = Server(config)
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self, failed: threading.Event) -> int:
        """Until a signal, or until a job has failed: then 1."""
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises the signal again when it has stopped; by default that would end us before our jobs have.
            signal.signal(number, lambda *_: None)
        watcher = threading.Thread(target=self._end_with, args=(failed,), daemon=True)
        watcher.start()
        self._server.run(sockets=[self._socket])
        return 1 if failed.is_set() else 0

    def _end_with(self, failed: threading.Event) -> None:
        failed.wait()
        self._server.should_exit = True


def listening(host: str, wanted: int) -> socket.socket:
    """A socket that listens on port `wanted`, or on this machine alone on the next free one; on any for 0.

    Raises PortBusy, ConfigError.
    """
    if host == process.LOOPBACK and wanted != 0:
        found = process.listen(wanted)
        port = found.getsockname()[1]
        if port != wanted:
            log.warning("port %d is taken: the desk listens on %d", wanted, port)
        return found
    try:
        return socket.create_server((host, wanted), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"port {wanted} of {host} is taken by another program", hint="Set desk.port.") from None
        raise ConfigError(f"the desk cannot listen on {host}, port {wanted}: {error.strerror or error}") from None


def _demo_accounts(desk: Desk, settings: Settings) -> tuple[DemoAccount, ...]:
    """The accounts of a demo. 'colleague' is somebody whose work is up for review, as soon as there is such a one."""
    with desk.here.database.read() as session:
        colleague_id = session.scalar(select(TaskRow.colleague_id).order_by(TaskRow.number).limit(1))
    made = make_demo_accounts(desk.here, colleague_id)
    _write_secret(places.demo_accounts_file(settings), json.dumps([one._asdict() for one in made], indent=1))
    return made


def _provider(settings: Settings) -> Provider | None:
    wanted = settings.desk
    if wanted.oidc_issuer is None or wanted.oidc_client_id is None or wanted.oidc_client_secret_file is None:
        return None
    return Provider(
        wanted.oidc_issuer,
        wanted.oidc_client_id,
        read_secret("desk.oidc_client_secret_file", wanted.oidc_client_secret_file),
        label=wanted.oidc_label,
        now=clock.now,
        random_bytes=secrets.token_bytes,
    )


def _key(path: Path) -> bytes:
    """The key in a file of ours, made when it is not there."""
    if not path.exists():
        _write_secret(path, secrets.token_hex(CSRF_KEY_BYTES))
    return bytes.fromhex(read_secret(str(path), path))


def _write_secret(path: Path, text: str) -> None:
    """Readable by the owner alone from its first byte on; in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode at birth
        file.write(text + "\n")
    draft.replace(path)


@contextmanager
def _announced(settings: Settings, server: _Server) -> Iterator[None]:
    file = places.desk_address_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": os.getpid(), "url": server.url}))
    log.info("the desk answers at %s", server.url)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
