"""What is going on: coverage that reconciles, lag, how fresh the tables are, which workers run.

Each part stands by itself: while ClickHouse is away the lag still shows, and the other way round; what cannot be had
says why. `report` is what `tafol status --json` prints; its keys are stable.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec

from schemas.base import CHANNELS
from schemas.errors import TafolError
from sinks.clickhouse import ClickHouseStore
from sinks.queries.coverage import Counts, Coverage, coverage
from sinks.store import Asker
from tafol import places
from tafol.kafka_clients import administrator
from tafol.settings import Settings

GROUP_OF_ROLE: Final = {"sampling": "tafol-sampling", "scoring": "tafol-scoring", "sink": "tafol-sink"}
WRITTEN: Final = "SELECT topic, max(written_at) AS written_at FROM sink_positions GROUP BY topic ORDER BY topic"


@dataclass(frozen=True, slots=True)
class GroupLag:
    """One consumer group. `state`: Kafka's word, or 'absent' where nobody ever joined."""

    state: str
    members: int
    partitions: dict[str, dict[int, int]] = field(default_factory=dict)
    """Records that are not read yet, by topic and partition."""

    @property
    def total(self) -> int:
        return sum(lag for by_partition in self.partitions.values() for lag in by_partition.values())


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of this machine. `url`: where /metrics, /healthz and /readyz are."""

    role: str
    pid: int
    url: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that could be had; `problems` says, by section, why something could not."""

    coverage: Coverage | None = None
    lag: dict[str, GroupLag] | None = None
    written_at: dict[str, datetime] | None = None
    """When rows of each topic were last made safe in ClickHouse."""
    workers: tuple[Worker, ...] = ()
    problems: dict[str, TafolError] = field(default_factory=dict)


def gather(settings: Settings, now: datetime) -> Status:
    """Ask the broker, ClickHouse and the data folder; what does not answer is a problem, not an exception."""
    problems: dict[str, TafolError] = {}
    covered, written = _tables(settings, now, problems)
    return Status(covered, _lag(settings, problems), written, workers(places.runtime_dir(settings)), problems)


def report(status: Status, now: datetime) -> dict[str, Any]:
    """The status as JSON values. A section that could not be had is null, and `problems` says why."""
    written = status.written_at
    return {
        "coverage": None if status.coverage is None else coverage_report(status.coverage),
        "lag": None if status.lag is None else {group: one.partitions for group, one in status.lag.items()},
        "groups": None
        if status.lag is None
        else {name: {"state": g.state, "members": g.members, "lag": g.total} for name, g in status.lag.items()},
        "freshness": None
        if written is None
        else {topic: {"written_at": _iso(at), "age_s": round(age_s(at, now), 1)} for topic, at in written.items()},
        "workers": [asdict(worker) for worker in status.workers],
        "problems": {section: str(error) for section, error in status.problems.items()},
    }


def coverage_report(covered: Coverage) -> dict[str, Any]:
    """Coverage as JSON values: every channel is there, also one that nothing came through."""
    empty = Counts(0, 0, {}, {}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return {
        "total": asdict(covered.total),
        "by_channel": {channel: asdict(covered.by_channel.get(channel, empty)) for channel in CHANNELS},
        "reconciles": covered.reconciles,
        "rows_compared": covered.rows_compared,
        "differences": [asdict(one) for one in covered.differences],
    }


def group_lags(client: KafkaAdminClient, groups: Iterable[str]) -> dict[str, GroupLag]:
    """Lag of each group by what it has committed. A group that nobody ever joined is 'absent'."""
    states = {one["group_id"]: one.get("group_state", "") for one in client.list_groups()}
    found: dict[str, GroupLag] = {}
    for group in groups:
        if group not in states:
            found[group] = GroupLag("absent", 0)
            continue
        committed = client.list_group_offsets([group])[group]
        ends = client.list_partition_offsets(dict.fromkeys(committed, OffsetSpec.LATEST)) if committed else {}
        members = len(client.describe_groups([group])[group]["members"])
        lags: dict[str, dict[int, int]] = {}
        for at in sorted(committed, key=lambda at: (at.topic, at.partition)):
            lags.setdefault(at.topic, {})[at.partition] = _behind(at, committed, ends)
        found[group] = GroupLag(states[group], members, lags)
    return found


def workers(run_dir: Path, alive: Callable[[int], bool] | None = None) -> tuple[Worker, ...]:
    """The workers of this machine that announced themselves in `run_dir` and still live."""
    lives = alive or process_lives
    found = []
    for file in sorted(run_dir.glob("worker-*.json")):
        try:
            said = json.loads(file.read_text())
            worker = Worker(str(said["role"]), int(said["pid"]), str(said["url"]))
        except (OSError, ValueError, KeyError):
            continue  # it ended while we looked
        if lives(worker.pid):
            found.append(worker)
    return tuple(found)


def process_lives(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def age_s(written_at: datetime, now: datetime) -> float:
    """Seconds since `written_at`; never negative, for clocks of two machines differ."""
    return max(0.0, (now - written_at).total_seconds())


def _tables(
    settings: Settings, now: datetime, problems: dict[str, TafolError]
) -> tuple[Coverage | None, dict[str, datetime] | None]:
    try:
        store = ClickHouseStore.at(places.clickhouse_address(settings))
        try:
            kept = settings.clickhouse
            days = (kept.transactions_retention_days, kept.reviews_retention_days, kept.rejected_retention_days)
            oldest_kept = now - timedelta(days=min(days))
            return coverage(store, oldest_kept=oldest_kept), _written_at(store)
        finally:
            store.close()
    except TafolError as error:
        problems["coverage"] = problems["freshness"] = error
        return None, None


def _written_at(store: Asker) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for row in store.ask(WRITTEN, {}):
        at = row["written_at"]
        assert isinstance(at, datetime)
        found[str(row["topic"])] = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return found


def _lag(settings: Settings, problems: dict[str, TafolError]) -> dict[str, GroupLag] | None:
    try:
        with administrator(places.kafka(settings)) as client:
            return group_lags(client, GROUP_OF_ROLE.values())
    except TafolError as error:
        problems["lag"] = error
        return None


def _behind(at: TopicPartition, committed: dict[TopicPartition, Any], ends: dict[TopicPartition, Any]) -> int:
    return max(0, int(ends[at].offset) - max(0, int(committed[at].offset)))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
