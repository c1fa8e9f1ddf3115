"""What is wrong with this installation, and what to do about it. Looks only: nothing is made, changed or sent.

A check is a small function that returns findings. One that needs the broker or ClickHouse is not run when that does
not answer: the check that says so is finding enough.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final, Literal, NamedTuple

from kafka import TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient, OffsetSpec

from schemas.catalogue import SOURCE_TOPICS
from schemas.errors import ConfigError, TafolError
from schemas.frame import SamplingFrame
from sinks import migrate
from sinks.clickhouse import ClickHouseStore
from sinks.store import StoreError
from streams.connection import Connection
from streams.registers import Timeline
from streams.sampling.native import load as load_native
from streams.stage import instant
from streams.topics import MAX_MESSAGE_BYTES, SOURCE_RETENTION_LIMIT_DAYS, Topic, topics
from tafol import places, publish, topics_admin
from tafol.frames.keys import read_trusted, refuse_unless_agreed
from tafol.kafka_clients import administrator, broker_errors
from tafol.settings import Settings
from tafol.status import GROUP_OF_ROLE, group_lags

OLDEST_PYTHON: Final = (3, 11)
FIRST_PYTHON_NOT_TRIED: Final = (3, 14)
LITTLE_SPACE_BYTES: Final = 5 * 1024**3
NO_SPACE_BYTES: Final = 512 * 1024**2
SHORT_RETENTION_DAYS: Final = 4.0
"""A worker that stops on Friday evening is looked at on Tuesday at the latest: less than that loses records."""
CLOCK_TOLERANCE_S: Final = 30.0
"""Half a minute is well within the lead of 15 minutes that registers give, and the future limit of 5."""
OLDEST_CLICKHOUSE: Final = (24, 8)
SHOWN: Final = 3

Verdict = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """What one check saw. `cure`: what to do; empty when all is well."""

    name: str
    verdict: Verdict
    found: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at. None: it does not answer."""

    settings: Settings
    now: Callable[[], datetime]
    connection: Connection | None = None
    admin: KafkaAdminClient | None = None
    server: ClickHouseStore | None = None
    """ClickHouse as such: before the first migration there is no database of ours."""
    store: ClickHouseStore | None = None

    @property
    def topics(self) -> tuple[Topic, ...]:
        kept = self.settings.topics
        return topics(kept.partitions, kept.source_retention_days, kept.record_retention_days)


Check = Callable[[Patient], Iterator[Finding]]


def examine(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    """Run every check that can be run, in the order in which a person would look."""
    here = Patient(settings, now)
    findings = [one for check in LOCAL_CHECKS for one in check(here)]
    findings += _at_the_broker(settings, now)
    findings += _at_clickhouse(settings, now)
    return findings


def worst(findings: list[Finding]) -> Verdict:
    """The gravest verdict; ok for none."""
    verdicts = {one.verdict for one in findings}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "ok"


def check_python(_: Patient) -> Iterator[Finding]:
    """Python's version."""
    running = ".".join(map(str, sys.version_info[:3]))
    if OLDEST_PYTHON <= sys.version_info[:2] < FIRST_PYTHON_NOT_TRIED:
        yield Finding("python", "ok", running)
    else:
        yield Finding("python", "fail", running, "Use Python 3.11, 3.12 or 3.13: Tafol is tested with these.")


def check_packages(_: Patient) -> Iterator[Finding]:
    """Packages that are pinned to the letter must be what is installed."""
    try:
        wanted = dict(_pinned(metadata.requires("tafol") or []))
        version = metadata.version("tafol")
    except metadata.PackageNotFoundError:
        yield Finding("packages", "fail", "tafol is not installed, it only lies here", "Install it: uv sync")
        return
    other = [(name, pin, metadata.version(name)) for name, pin in wanted.items() if metadata.version(name) != pin]
    if other:
        named = ", ".join(f"{name} {found} ({pin} wanted)" for name, pin, found in other)
        yield Finding("packages", "fail", named, "Install what is pinned: uv sync")
    else:
        pins = ", ".join(f"{name} {pin}" for name, pin in wanted.items())
        yield Finding("packages", "ok", f"tafol {version}, {pins}")


def check_compiled(patient: Patient) -> Iterator[Finding]:
    """Sampling is several times as fast with its compiled half."""
    name, cure = "compiled sampling", "Install Tafol again, with a network: uv sync --reinstall-package tafol"
    if not patient.settings.worker.compiled:
        yield Finding(name, "warn", "switched off by worker.compiled", "Switch it on when you can.")
        return
    try:
        built = load_native() is not None
    except OSError as error:
        yield Finding(name, "fail", str(error), cure)
        return
    if built:
        yield Finding(name, "ok", "built")
    else:
        yield Finding(name, "warn", "not built: sampling works record by record", cure)


def check_data_folder(patient: Patient) -> Iterator[Finding]:
    """The data folder is ours, for us alone, and has room."""
    folder = patient.settings.data_dir
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("data folder", "fail", f"{nearest} cannot be written", f"Make it yours: chown or chmod {nearest}")
        return
    if nearest == folder and stat.S_IMODE(folder.stat().st_mode) & 0o002:
        yield Finding("data folder", "warn", f"{folder} can be written by anybody", f"chmod o-w {folder}")
    else:
        yield Finding("data folder", "ok", f"{folder}" + ("" if nearest == folder else " (not made yet)"))
    free = shutil.disk_usage(nearest).free
    verdict: Verdict = "fail" if free < NO_SPACE_BYTES else "warn" if free < LITTLE_SPACE_BYTES else "ok"
    cure = "" if verdict == "ok" else "Free some space, or choose another folder: --data-dir"
    yield Finding("free space", verdict, f"{free / 1024**3:.1f} GiB", cure)


def check_secrets(patient: Patient) -> Iterator[Finding]:
    """Secret files are there, and readable by their owner alone."""
    settings = patient.settings
    own_key = settings.data_dir / "pseudonym.key"
    files = {
        "kafka.password_file": settings.kafka.password_file,
        "clickhouse.password_file": settings.clickhouse.password_file,
        "pseudonym_key_file": settings.pseudonym_key_file or (own_key if own_key.exists() else None),
    }
    wrong = [one for name, path in files.items() if path is not None for one in _secret(name, path)]
    named = [name for name, path in files.items() if path is not None]
    yield from wrong
    if not wrong:
        yield Finding("secrets", "ok", ", ".join(named) if named else "none needed yet")


def check_retention(patient: Patient) -> Iterator[Finding]:
    """Raw data is kept longer than the longest standstill, and no longer than was promised."""
    days = patient.settings.topics.source_retention_days
    if days > SOURCE_RETENTION_LIMIT_DAYS:
        yield Finding(
            "retention of raw data",
            "warn",
            f"{days:g} days, more than the {SOURCE_RETENTION_LIMIT_DAYS} that customers are promised by default",
            "Lower topics.source_retention_days, or make sure that your notices say so.",
        )
    elif days < SHORT_RETENTION_DAYS:
        yield Finding(
            "retention of raw data",
            "warn",
            f"{days:g} days: a worker that stands still over a long weekend loses records",
            f"Raise topics.source_retention_days to {SHORT_RETENTION_DAYS:g} or more.",
        )
    else:
        yield Finding("retention of raw data", "ok", f"{days:g} days")


def check_replication(patient: Patient) -> Iterator[Finding]:
    """A Kafka of one's own is there to have copies."""
    kafka = patient.settings.kafka
    if kafka.bootstrap is not None and kafka.replication < topics_admin.REPLICATION_FOR_QUORUM:
        yield Finding(
            "copies of topics",
            "warn",
            f"kafka.replication is {kafka.replication}: a lost machine can lose records",
            f"Set kafka.replication to {topics_admin.REPLICATION_FOR_QUORUM} where there are as many brokers.",
        )


def check_broker(patient: Patient) -> Iterator[Finding]:
    """The broker's version and the largest request that it takes."""
    assert patient.admin is not None
    assert patient.connection is not None
    cluster = patient.admin.describe_cluster()
    number = cluster["brokers"][0]["broker_id"]
    version = patient.admin.get_broker_version_data(number).broker_version_str
    yield Finding("broker", "ok", f"{patient.connection.bootstrap}: {len(cluster['brokers'])} node(s), Kafka {version}")
    answer = patient.admin.describe_configs([ConfigResource("BROKER", str(number))], config_filter="all")
    largest = answer["broker"][str(number)].get("socket.request.max.bytes", {}).get("value")
    if largest is not None and int(largest) <= MAX_MESSAGE_BYTES:
        yield Finding(
            "message sizes",
            "fail",
            f"the broker takes requests of {largest} bytes; records of {MAX_MESSAGE_BYTES} must pass",
            "Raise socket.request.max.bytes of the brokers.",
        )
    else:
        yield Finding("message sizes", "ok", f"records of {MAX_MESSAGE_BYTES // 1024**2} MiB pass")


def check_topics(patient: Patient) -> Iterator[Finding]:
    """Topics are as declared."""
    assert patient.connection is not None
    differences = topics_admin.check(patient.connection, patient.topics, patient.settings.kafka.replication)
    missing = [one for one in differences if one.what == topics_admin.EXISTENCE]
    if missing:
        named = ", ".join(one.topic for one in missing[:SHOWN]) + (" ..." if len(missing) > SHOWN else "")
        yield Finding("topics", "fail", f"{len(missing)} missing: {named}", "Make them: tafol topics apply")
        return
    if not differences:
        yield Finding("topics", "ok", f"{len(patient.topics)}, all as declared")
        return
    more = f"; and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    shown = "; ".join(map(str, differences[:SHOWN])) + more
    fixed = any(one.what == topics_admin.PARTITIONS for one in differences)
    cure = (
        "Set topics.partitions to what is there." if fixed else "See all: tafol topics check. Mend: tafol topics apply"
    )
    yield Finding("topics", "fail" if fixed else "warn", shown, cure)


def check_broker_clock(patient: Patient) -> Iterator[Finding]:
    """No record was appended in our future. Says nothing when there are no records."""
    assert patient.admin is not None
    there = [one for one in patient.admin.describe_topics(list(SOURCE_TOPICS)) if one["error_code"] == 0]
    parts = [TopicPartition(one["name"], part["partition_index"]) for one in there for part in one["partitions"]]
    asked = dict.fromkeys(parts, OffsetSpec.MAX_TIMESTAMP)
    newest = max((one.timestamp for one in patient.admin.list_partition_offsets(asked).values()), default=-1)
    if newest < 0:
        return
    ahead_s = (instant(newest) - patient.now()).total_seconds()
    if ahead_s > CLOCK_TOLERANCE_S:
        yield Finding(
            "clock of the broker",
            "fail",
            f"it appended a record {ahead_s:.0f} s in this machine's future",
            "Set both clocks by NTP: 'now' of every decision is the broker's append time.",
        )
    else:
        yield Finding("clock of the broker", "ok", "no record from the future")


def check_registers(patient: Patient) -> Iterator[Finding]:
    """A frame, notices and scorecards are published, and none came too late to hold."""
    assert patient.connection is not None
    try:
        published = publish.read_published(patient.connection)
    except ConfigError:
        return  # the topics are missing, which is a finding of its own
    frames = Timeline.of("sampling frame", published.frames)
    notices = Timeline.of("notices", published.notices)
    scorecards = {one.entry.id for one in published.scorecards}
    wanted = {
        "sampling frame": (bool(frames.entries), "tafol frame publish FILE"),
        "notices": (bool(notices.entries), "tafol notices publish FILE"),
        "scorecards": (bool(scorecards), "tafol scorecard publish FILE"),
    }
    for name, (there, command) in wanted.items():
        if not there:
            yield Finding(name, "warn", "none published: sampling waits", f"Publish: {command}")
    void = [one.ref.key for timeline in (frames, notices) for one in timeline.void]
    if void:
        yield Finding(
            "registers",
            "warn",
            f"void, they came too late to hold: {', '.join(void)}",
            "Publish them as a new version.",
        )
    frame = frames.at(patient.now())
    if frame is None:
        return
    signed = "not signed" if frame.signature is None else f"signed with key {frame.signature.key_id}"
    yield Finding("sampling frame", "ok", f"{frame.ref} holds now, {signed}; {len(scorecards)} scorecard(s)")
    if patient.settings.frame_keys is not None:
        yield from check_signature(frame, patient.settings.frame_keys)
    if frame.age_limit_days > patient.settings.topics.source_retention_days:
        yield Finding(
            "age limit",
            "warn",
            f"frame {frame.ref} takes transactions up to {frame.age_limit_days:g} days old, but sources keep records "
            f"{patient.settings.topics.source_retention_days:g} days",
            "Publish a frame with a lower age_limit_days, or raise topics.source_retention_days.",
        )


def check_signature(frame: SamplingFrame, keys: Path) -> Iterator[Finding]:
    """The frame that holds is signed with one of the keys that the settings name."""
    try:
        refuse_unless_agreed(frame, read_trusted(keys))
    except ConfigError as error:
        yield Finding(
            "signature of the frame",
            "warn",
            error.message,
            "It was published at the desk, or round `tafol frame publish`. Find out who agreed to it; then publish the "
            "next version, agreed and signed.",
        )


def check_groups(patient: Patient) -> Iterator[Finding]:
    """Each role has a worker, and stands not still behind a full log."""
    assert patient.admin is not None
    for role, group in GROUP_OF_ROLE.items():
        lag = group_lags(patient.admin, [group])[group]
        if lag.members:
            yield Finding(f"{role} workers", "ok", f"{lag.members} in group {group}, {lag.total} records behind")
        else:
            behind = f", {lag.total} records wait" if lag.total else ""
            yield Finding(f"{role} workers", "warn", f"none run{behind}", f"tafol up, or tafol worker --role {role}")


def check_clickhouse(patient: Patient) -> Iterator[Finding]:
    """ClickHouse's version and clock."""
    assert patient.server is not None
    (row,) = patient.server.ask("SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS now_ms", {})
    version = str(row["version"])
    recent = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_CLICKHOUSE
    cure = "" if recent else f"Use {OLDEST_CLICKHOUSE[0]}.{OLDEST_CLICKHOUSE[1]} or later."
    yield Finding("clickhouse", "ok" if recent else "fail", version, cure)
    apart_s = abs((instant(int(str(row["now_ms"]))) - patient.now().astimezone(UTC)).total_seconds())
    if apart_s > CLOCK_TOLERANCE_S:
        yield Finding("clock of clickhouse", "warn", f"{apart_s:.0f} s off", "Set both clocks by NTP.")
    else:
        yield Finding("clock of clickhouse", "ok", "agrees with this machine's")


def check_tables(patient: Patient) -> Iterator[Finding]:
    """Migrations are up to date, and rows may be read and written. The insert that tries it has no rows."""
    assert patient.store is not None
    store = patient.store
    try:
        pending = migrate.pending(store)
    except ConfigError as error:
        yield Finding("tables", "fail", error.message, error.hint or "")
        return
    if pending:
        named = ", ".join(one.file_name for one in pending)
        yield Finding("tables", "fail", f"not migrated: {named}", "Run: tafol migrate")
        return
    try:
        store.command("INSERT INTO sink_positions SELECT * FROM sink_positions WHERE 0")
    except StoreError as error:
        yield Finding("tables", "fail", f"{store.database} cannot be written: {error.message}", error.hint or "")
        return
    yield Finding("tables", "ok", f"database {store.database} is up to date, rows can be read and written")


LOCAL_CHECKS: Final[tuple[Check, ...]] = (
    check_python,
    check_packages,
    check_compiled,
    check_data_folder,
    check_secrets,
    check_retention,
    check_replication,
)
BROKER_CHECKS: Final[tuple[Check, ...]] = (
    check_broker,
    check_topics,
    check_broker_clock,
    check_registers,
    check_groups,
)
CLICKHOUSE_CHECKS: Final[tuple[Check, ...]] = (check_clickhouse, check_tables)


def _at_the_broker(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    findings: list[Finding] = []
    with _noted("broker", findings):
        connection = places.kafka(settings)
        with administrator(connection) as admin:
            patient = Patient(settings, now, connection=connection, admin=admin)
            for check in BROKER_CHECKS:
                with _noted(check.__name__.removeprefix("check_"), findings), broker_errors(connection):
                    findings += check(patient)
    return findings


def _at_clickhouse(settings: Settings, now: Callable[[], datetime]) -> list[Finding]:
    findings: list[Finding] = []
    with _noted("clickhouse", findings):
        address = places.clickhouse_address(settings)
        server, store = ClickHouseStore.at(replace(address, database="default")), ClickHouseStore.at(address)
        try:
            server.command("SELECT 1")
            for check in CLICKHOUSE_CHECKS:
                with _noted(check.__name__.removeprefix("check_"), findings):
                    findings += check(Patient(settings, now, server=server, store=store))
        finally:
            server.close()
            store.close()
    return findings


@contextmanager
def _noted(name: str, findings: list[Finding]) -> Iterator[None]:
    """An error that a person can read becomes a finding."""
    try:
        yield
    except TafolError as error:
        findings.append(Finding(name, "fail", error.message, error.hint or ""))


def _pinned(requirements: list[str]) -> Iterator[tuple[str, str]]:
    for requirement in requirements:
        name, pinned, version = requirement.partition("==")
        if pinned:
            yield name.partition("[")[0].strip(), version.strip()


def _secret(name: str, path: Path) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        yield Finding("secrets", "fail", f"{name}: {path} cannot be read: {error.strerror}", "Make the file, mode 600.")
        return
    if mode & 0o077:
        yield Finding("secrets", "fail", f"{name}: {path} can be read by others", f"chmod 600 {path}")
