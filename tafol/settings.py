"""All settings: one frozen tree, from the environment and one TOML file, checked before anything starts.

A setting is named by its path: `kafka.bootstrap` in the file is `[kafka] bootstrap`, in the environment
TAFOL_KAFKA__BOOTSTRAP. The environment wins over the file, the command line over both.
Unknown names are refused, with the nearest known one.
Settings decide when and how fast; whatever enters a decision is published on a register instead.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from schemas.errors import ConfigError
from streams.connection import Connection
from streams.tuning import Tuning

PREFIX = "TAFOL_"
CONFIG_FILE_VARIABLE = "TAFOL_CONFIG"
DEFAULT_CONFIG_FILE = Path("tafol.toml")
NOT_SETTINGS = frozenset({CONFIG_FILE_VARIABLE, "TAFOL_REQUIRE_ALL"})
"""Variables with our prefix that are no settings: where the file is, and one that only the tests read."""
PAGE_HINT = "docs/configuration.md lists every setting."
COMBINE_DAYS = 45
"""How long combine keeps a transaction open; the records it works on must live longer."""
HOST_AND_PORT = re.compile(r"[^\s/,]+:\d{1,5}", re.ASCII)

Port = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Section):
    """Where the broker is. Without `bootstrap`, Tafol runs a real Kafka of its own on this machine."""

    bootstrap: str | None = Field(None, description="host:port[,host:port...] of your Kafka; unset: the local broker")
    tls: bool = Field(False, description="Encrypt the connection")
    ca_file: Path | None = Field(None, description="Certificates to trust, PEM; unset: the system's")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, used with a user name"
    )
    username: str | None = Field(None, description="SASL user name; unset: no authentication")
    password_file: Path | None = Field(None, description="File that holds the password")
    replication: int = Field(1, ge=1, le=10, description="Copies of each topic, for `tafol topics apply`")
    local_port: Port | None = Field(None, description="Port of the local broker; unset: 19092 or the next free one")


class ClickHouseSettings(_Section):
    """Where ClickHouse is. Without `url`, Tafol runs a local one (chDB behind ClickHouse's HTTP interface)."""

    url: str | None = Field(None, description="http(s)://host:port of your ClickHouse; unset: the local one")
    database: str = Field("tafol", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database of all tables")
    username: str = Field("default", description="User name")
    password_file: Path | None = Field(None, description="File that holds the password")
    ca_file: Path | None = Field(None, description="Certificates to trust, PEM; unset: the system's")
    transactions_retention_days: int = Field(730, ge=1, le=36_500, description="Rows of transactions, by event time")
    reviews_retention_days: int = Field(730, ge=1, le=36_500, description="Selections, tasks, reviews and scores")
    rejected_retention_days: int = Field(180, ge=1, le=36_500, description="Origin and reason of rejected records")
    local_port: Port | None = Field(None, description="Port of the local ClickHouse; unset: 18123 or the next free one")

    @property
    def shortest_retention_days(self) -> int:
        """Rows that ended longer ago than this may be gone from some table."""
        return min(self.transactions_retention_days, self.reviews_retention_days, self.rejected_retention_days)


class TopicSettings(_Section):
    """How `tafol topics apply` makes the topics. Partition counts are fixed once topics exist."""

    partitions: int = Field(2, ge=1, le=512, description="Partitions of each source and of what is keyed alike")
    source_retention_days: float = Field(
        21.0, gt=0, le=400, description="Source and rejected topics hold raw data for this long"
    )
    record_retention_days: float = Field(
        60.0, gt=COMBINE_DAYS, le=3650, description="The records that Tafol makes are kept for this long"
    )


class WorkerSettings(_Section):
    """How workers work."""

    session_timeout_s: float = Field(6.0, ge=1, le=300, description="A silent worker loses its partitions after this")
    commit_interval_s: float = Field(1.0, ge=0.1, le=60, description="How often offsets are committed, for lag display")
    max_fetch_bytes: int = Field(8 * 1024 * 1024, ge=2**20, le=2**28, description="Largest fetch a partition, bytes")
    max_chunk_records: int = Field(25_000, ge=1, le=1_000_000, description="Most records of one chunk")
    compiled: bool = Field(
        True,
        description="Sample by the compiled half where it is built; false: record by record, with the same results",
    )
    buffered_chunks: int = Field(4, ge=1, le=1000, description="Chunks that wait in memory for each agent")
    snapshot_every_s: float = Field(10.0, ge=0, le=600, description="Snapshots of stages with large state, seconds")
    http_host: str = Field("127.0.0.1", description="Address of /metrics, /healthz and /readyz")
    http_port: Port = Field(0, description="Their port; 0: any free one, written to the data folder")
    stalled_after_s: float = Field(
        120.0, gt=0, description="Without progress for this long while records wait, /healthz says so"
    )
    instance_id: str | None = Field(None, description="Static group membership: quicker take-over by the same worker")


class SinkSettings(_Section):
    """How rows are gathered before they are inserted."""

    max_rows: int = Field(100_000, ge=1, le=10_000_000, description="Rows of one insert at the most")
    max_bytes: int = Field(32 * 1024 * 1024, ge=1024, le=2**30, description="Bytes of one insert at the most")
    max_age_s: float = Field(1.0, ge=0.05, le=60, description="A row waits at the most this long")


class DeskSettings(_Section):
    """The review desk. Without `database_url` it keeps its store as SQLite in the data folder, for one process."""

    host: str = Field("127.0.0.1", description="Address that the desk answers at")
    port: Port = Field(8750, description="Its port; 0: any free one, written to the data folder")
    database_url: str | None = Field(
        None, description="postgresql://user@host/name for more than one process; unset: SQLite in the data folder"
    )
    database_password_file: Path | None = Field(None, description="File that holds the database's password")
    public_url: str | None = Field(None, description="As people reach it, https://...; unset: as the request says")
    recordings_url: str | None = Field(
        None, description="Goes before a recording's reference to play it; unset: references are shown"
    )
    time_zone: str = Field("Europe/London", description="The organisation's time zone: what 'today' means")
    lease_minutes: float = Field(
        15.0, ge=1, le=480, description="A task goes back to its queue when nothing was heard for so long"
    )
    max_held: int = Field(3, ge=1, le=100, description="Tasks that one person may hold at once")
    content_retention_days: float = Field(
        90.0, gt=0, le=3650, description="Transcripts and the like, from the end of the transaction"
    )
    agreements_needed: int = Field(
        2, ge=1, le=20, description="Named people who agree to a scorecard or frame before the desk publishes it"
    )
    oidc_issuer: str | None = Field(None, description="OpenID Connect provider; unset: local accounts alone")
    oidc_client_id: str | None = Field(None, description="This desk's client id at the provider")
    oidc_client_secret_file: Path | None = Field(None, description="File that holds the client secret")
    oidc_label: str = Field("single sign-on", description="The provider's name on the button")

    @property
    def https(self) -> bool:
        """Whether people reach the desk over https."""
        return self.public_url is not None and self.public_url.startswith("https://")


class Settings(BaseSettings):
    """The whole tree. `data_dir` holds all that Tafol keeps on this machine."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    data_dir: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tafol",
        description="Folder of everything that Tafol keeps on this machine",
    )
    pseudonym_key_file: Path | None = Field(
        None, description="32 bytes as hex, keys the customers' pseudonyms; unset: made once in the data folder"
    )
    frame_keys: Path | None = Field(
        None, description="Public keys (.pub), a file or a folder of them: every frame must be signed with one of these"
    )
    wait_for_broker_s: float = Field(60.0, ge=0, le=3600, description="How long a start waits for the broker")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()
    sink: SinkSettings = SinkSettings()
    desk: DeskSettings = DeskSettings()

    @model_validator(mode="after")
    def _safe_together(self) -> Settings:
        kafka, clickhouse = self.kafka, self.clickhouse
        named = [] if kafka.bootstrap is None else kafka.bootstrap.split(",")
        wrong = [one for one in named if HOST_AND_PORT.fullmatch(one) is None]
        if wrong:
            raise ValueError(f"kafka.bootstrap: {wrong[0]!r} is not host:port; several go with commas and no blanks")
        if kafka.bootstrap is None and (kafka.username or kafka.tls):
            raise ValueError("kafka.username and kafka.tls go with kafka.bootstrap; the local broker has neither")
        if kafka.username and kafka.password_file is None:
            raise ValueError("kafka.username needs kafka.password_file")
        if kafka.username and kafka.mechanism == "PLAIN" and not kafka.tls:
            raise ValueError("mechanism PLAIN would send the password in the clear: set kafka.tls, or use SCRAM")
        if clickhouse.url is not None and not clickhouse.url.startswith(("http://", "https://")):
            raise ValueError("clickhouse.url begins with http:// or https://")
        desk = self.desk
        oidc = (desk.oidc_issuer, desk.oidc_client_id, desk.oidc_client_secret_file)
        if any(oidc) and not all(oidc):
            raise ValueError("desk.oidc_issuer, desk.oidc_client_id and desk.oidc_client_secret_file go together")
        if desk.oidc_issuer is not None and not desk.oidc_issuer.startswith("https://"):
            raise ValueError("desk.oidc_issuer begins with https://")
        if desk.host not in ("127.0.0.1", "::1", "localhost") and not desk.https:
            raise ValueError("desk.host is open to others: set desk.public_url to the https:// address before it")
        return self

    @property
    def tuning(self) -> Tuning:
        worker = self.worker
        return Tuning(
            session_timeout_s=worker.session_timeout_s,
            commit_interval_s=worker.commit_interval_s,
            max_fetch_bytes=worker.max_fetch_bytes,
            max_chunk_records=worker.max_chunk_records,
            buffered_chunks=worker.buffered_chunks,
        )

    def connection(self, bootstrap: str) -> Connection:
        """How to reach the broker at `bootstrap` with these credentials."""
        kafka = self.kafka
        return Connection(
            bootstrap=bootstrap,
            tls=kafka.tls,
            ca_file=None if kafka.ca_file is None else str(kafka.ca_file),
            mechanism=kafka.mechanism,
            username=kafka.username,
            password=None if kafka.password_file is None else read_secret("kafka.password_file", kafka.password_file),
        )


def load(config_file: Path | None = None, **overrides: Any) -> Settings:
    """The settings in force. Raises ConfigError that names each setting that is wrong.

    `overrides`: values of the command line, by top-level name; they win over the environment, and that over the file.
    """
    _refuse_unknown_variables(os.environ)
    named = config_file or (Path(os.environ[CONFIG_FILE_VARIABLE]) if os.environ.get(CONFIG_FILE_VARIABLE) else None)
    written = _read_file(named or DEFAULT_CONFIG_FILE, must_exist=named is not None)

    class WithFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file: secrets have files of their own
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, written)

    try:
        return WithFile(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise ConfigError(_explain(error), hint=PAGE_HINT) from None
    except SettingsError as error:
        raise ConfigError(f"the environment: {error}", hint=PAGE_HINT) from None


def read_secret(setting: str, path: Path) -> str:
    """The one line that a secret file holds. Raises ConfigError when it can't be read, or when others can read it."""
    try:
        mode = path.stat().st_mode
        secret = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{setting}: {path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise ConfigError(f"{setting}: {path} can be read by others", hint=f"chmod 600 {path}")
    return secret


def setting_paths(model: type[BaseModel] = Settings, before: str = "") -> dict[str, Any]:
    """Every setting's path and its pydantic field, in the order of the tree."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, _Section):
            found |= setting_paths(info.annotation, f"{before}{name}.")
        else:
            found[before + name] = info
    return found


def _read_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(f"{path}: no such settings file") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _refuse_unknown_variables(variables: Iterable[str]) -> None:
    """A misspelt variable would otherwise be a setting that silently keeps its default."""
    known = {PREFIX + path.upper().replace(".", "__") for path in setting_paths()}
    for variable in sorted(variables):
        if variable.startswith(PREFIX) and variable not in known | NOT_SETTINGS:
            nearest = difflib.get_close_matches(variable, known, n=1)
            hint = f"Did you mean {nearest[0]}?" if nearest else PAGE_HINT
            raise ConfigError(f"{variable} in the environment is no setting", hint=hint)


def _explain(error: ValidationError) -> str:
    known = list(setting_paths())
    lines = []
    for wrong in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in wrong["loc"])
        if wrong["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(path, known, n=1)
            lines.append(f"{path}: no such setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
        else:
            lines.append(f"{path or 'settings'}: {wrong['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
