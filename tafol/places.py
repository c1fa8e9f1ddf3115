"""Where the servers are: those of the settings, or the local ones that run in the data folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from schemas.errors import ConfigError
from sinks.clickhouse import ClickHouseAddress
from streams.connection import Connection
from tafol.errors import Unreachable
from tafol.local import broker, clickhouse
from tafol.settings import Settings, read_secret

START_HINT = "Start the local servers with `tafol up`, or name your own in the settings (docs/configuration.md)."


def broker_dir(settings: Settings) -> Path:
    return settings.data_dir / "kafka"


def clickhouse_dir(settings: Settings) -> Path:
    return settings.data_dir / "clickhouse"


def runtime_dir(settings: Settings) -> Path:
    """Addresses of running workers, Faust's own folder: nothing that must outlive a run."""
    return settings.data_dir / "run"


def demo_accounts_file(settings: Settings) -> Path:
    """Where the desk of a demo writes its accounts, as JSON: [{"login", "password", "role"}]."""
    return settings.data_dir / "desk" / "demo-accounts.json"


def desk_address_file(settings: Settings) -> Path:
    """Where a running desk writes its address, as JSON: {"pid", "url"}."""
    return runtime_dir(settings) / "desk.json"


def kafka(settings: Settings) -> Connection:
    """The broker in use. Raises Unreachable when the local one is meant and does not run."""
    if settings.kafka.bootstrap is not None:
        return settings.connection(settings.kafka.bootstrap)
    status = broker.status(broker_dir(settings))
    if status.bootstrap is None or not status.running:
        raise Unreachable(f"the local broker of {settings.data_dir} is not running", hint=START_HINT)
    return settings.connection(status.bootstrap)


def clickhouse_address(settings: Settings) -> ClickHouseAddress:
    """The ClickHouse in use. Raises Unreachable when the local one is meant and does not run."""
    wanted = settings.clickhouse
    if wanted.url is None:
        access = clickhouse.access(clickhouse_dir(settings))
        if access is None:
            raise Unreachable(f"the local ClickHouse of {settings.data_dir} is not running", hint=START_HINT)
        return ClickHouseAddress(access.host, access.port, wanted.database, access.user, access.password)
    url = urlsplit(wanted.url)
    if url.hostname is None:
        raise ConfigError(f"clickhouse.url names no host: {wanted.url!r}")
    secure = url.scheme == "https"
    return ClickHouseAddress(
        host=url.hostname,
        port=url.port or (8443 if secure else 8123),
        database=wanted.database,
        user=wanted.username,
        password="" if wanted.password_file is None else read_secret("clickhouse.password_file", wanted.password_file),
        secure=secure,
        ca_cert=None if wanted.ca_file is None else str(wanted.ca_file),
    )
