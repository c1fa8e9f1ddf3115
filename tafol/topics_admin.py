"""Makes the topics as `streams.topics` declares them, and says where the broker differs.

Nothing is ever deleted or shrunk, and partition counts are never changed: snapshots, the memory of repeats and the
keys' places are laid out by them, so more partitions are a migration with a drain (docs/semantics.md). What cannot be
changed is looked for before anything is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import for_code

from schemas.errors import ConfigError, TafolError
from streams.connection import Connection
from streams.topics import Topic
from tafol import clock
from tafol.errors import Unreachable
from tafol.kafka_clients import PROBE_TIMEOUT_S, administrator

POLL_INTERVAL_S: Final = 0.5
SAY_AGAIN_AFTER_S: Final = 15.0
IN_FORCE_WITHIN_S: Final = 10.0
LOOK_AGAIN_AFTER_S: Final = 0.1
REPLICATION_FOR_QUORUM: Final = 3
"""From so many copies on, a write waits for two of them, so that no single lost machine loses a record."""
UNKNOWN_TOPIC: Final = 3
TOPIC_EXISTS: Final = 36
"""Another `tafol topics apply` was quicker."""
MIN_IN_SYNC: Final = "min.insync.replicas"
PARTITIONS: Final = "partitions"
REPLICATION: Final = "replication"
EXISTENCE: Final = "topic"


class Difference(NamedTuple):
    """The broker differs from the declaration. `what`: a Kafka setting, 'partitions', 'replication' or 'topic'."""

    topic: str
    what: str
    found: str
    wanted: str

    @property
    def applies(self) -> bool:
        """Whether `apply` brings it in line."""
        return self.what not in (PARTITIONS, REPLICATION)

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did to one topic. `changes`: the settings it brought in line, as they were before."""

    topic: str
    outcome: Literal["created", "changed", "ok"]
    changes: tuple[Difference, ...] = ()
    left: tuple[Difference, ...] = field(default=())
    """What differs and stays: the number of copies, which only a reassignment changes."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A topic as the broker has it."""

    topic_id: str
    partitions: int
    replication: int


def apply(connection: Connection, topics: Sequence[Topic], replication: int) -> list[Applied]:
    """Create what is missing and bring settings in line, in the order of `topics`.

    Raises ConfigError, before anything is changed, when a topic has another number of partitions; Unreachable.
    """
    with administrator(connection) as client:
        found = _found(client, [topic.name for topic in topics])
        differences = _differences(client, topics, found, replication)
        _refuse_other_partitions(differences)
        missing = [topic for topic in topics if topic.name not in found]
        if missing:
            _create(client, missing, replication)
        changes = [one for one in differences if one.applies and one.what != EXISTENCE]
        if changes:
            _alter(client, changes)
            _wait_until_in_force(client, topics, replication)
    return [_applied(topic, topic.name not in found, differences) for topic in topics]


def check(connection: Connection, topics: Sequence[Topic], replication: int) -> list[Difference]:
    """Where the broker differs from the declaration; changes nothing. Raises Unreachable."""
    with administrator(connection) as client:
        return _differences(client, topics, _found(client, [topic.name for topic in topics]), replication)


def topic_ids(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The broker's id (a UUID) of each topic. Raises ConfigError naming those that are missing; Unreachable."""
    return {name: one.topic_id for name, one in _all_found(connection, names).items()}


def partition_counts(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """How many partitions each topic has. Raises ConfigError naming those that are missing; Unreachable."""
    return {name: one.partitions for name, one in _all_found(connection, names).items()}


def _all_found(connection: Connection, names: Iterable[str]) -> dict[str, _Found]:
    wanted = list(dict.fromkeys(names))
    with administrator(connection) as client:
        found = _found(client, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ConfigError(
            f"the broker at {connection.bootstrap} has no topic {', '.join(missing)}",
            hint="Make it: tafol topics apply",
        )
    return {name: found[name] for name in wanted}


def wait_for_broker(connection: Connection, seconds: float, notify: Callable[[str], None]) -> None:
    """Return when a broker answers. `notify` is told at once that it is waited for, and again now and then.

    Raises Unreachable after `seconds`, ConfigError when the broker refuses the user.
    """
    begun_s = clock.monotonic_s()
    said_s: float | None = None
    while True:
        with suppress(Unreachable), administrator(connection, timeout_ms=int(PROBE_TIMEOUT_S * 1000)) as client:
            client.describe_cluster()
            return
        now_s = clock.monotonic_s()
        left_s = begun_s + seconds - now_s
        if left_s <= 0:
            raise Unreachable(
                f"no broker answered at {connection.bootstrap} within {seconds:g} s",
                hint="Check kafka.bootstrap and kafka.tls, and that the broker runs: tafol doctor",
            )
        if said_s is None or now_s - said_s >= SAY_AGAIN_AFTER_S:
            notify(f"Waiting for the broker at {connection.bootstrap} (up to {left_s:.0f} s more; Ctrl-C stops).")
            said_s = now_s
        clock.sleep_s(min(POLL_INTERVAL_S, left_s))


def _found(client: KafkaAdminClient, names: list[str]) -> dict[str, _Found]:
    """The topics that are there. A missing one is an answer with an error code, not an exception."""
    found: dict[str, _Found] = {}
    for answer in client.describe_topics(names):
        code = answer["error_code"]
        if code == UNKNOWN_TOPIC:
            continue
        if code != 0:
            raise for_code(code)(f"topic {answer['name']}")
        partitions = answer["partitions"]
        copies = min((len(one["replica_nodes"]) for one in partitions), default=0)
        found[answer["name"]] = _Found(str(answer["topic_id"]), len(partitions), copies)
    return found


def _settings(topic: Topic, replication: int) -> dict[str, str]:
    return {**topic.settings, MIN_IN_SYNC: "2" if replication >= REPLICATION_FOR_QUORUM else "1"}


def _differences(
    client: KafkaAdminClient, topics: Sequence[Topic], found: dict[str, _Found], replication: int
) -> list[Difference]:
    there = [topic.name for topic in topics if topic.name in found]
    values: dict[str, Any] = {}
    if there:
        resources = [ConfigResource("TOPIC", name) for name in there]
        values = client.describe_configs(resources, config_filter="all")["topic"]
    differences: list[Difference] = []
    for topic in topics:
        here = found.get(topic.name)
        if here is None:
            differences.append(Difference(topic.name, EXISTENCE, "missing", "there"))
            continue
        if here.partitions != topic.partitions:
            differences.append(Difference(topic.name, PARTITIONS, str(here.partitions), str(topic.partitions)))
        if here.replication != replication:
            differences.append(Difference(topic.name, REPLICATION, str(here.replication), str(replication)))
        # By the copies there are: a write that waits for two where there is one would wait for ever.
        for name, wanted in _settings(topic, here.replication).items():
            value = values[topic.name].get(name, {}).get("value")
            if not _same(value, wanted):
                differences.append(Difference(topic.name, name, "not known" if value is None else value, wanted))
    return differences


def _same(found: str | None, wanted: str) -> bool:
    if found is None:
        return False
    try:
        return float(found) == float(wanted)
    except ValueError:
        return found == wanted


def _refuse_other_partitions(differences: Iterable[Difference]) -> None:
    changed = [one for one in differences if one.what == PARTITIONS]
    if changed:
        named = ", ".join(f"{one.topic} has {one.found}, {one.wanted} wanted" for one in changed)
        raise ConfigError(
            f"partition counts are fixed once topics exist ({named}); nothing was changed",
            hint="Set topics.partitions to what is there. More partitions are a migration with a drain: "
            "docs/semantics.md, 'Growing partitions'.",
        )


def _create(client: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> None:
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": _settings(topic, replication),
        }
        for topic in topics
    }
    answer = client.create_topics(wanted, raise_errors=False)
    refused = [one for one in answer["topics"] if one["error_code"] not in (0, TOPIC_EXISTS)]
    if refused:
        named = "; ".join(
            f"{one['name']}: {one['error_message'] or for_code(one['error_code']).__name__}" for one in refused
        )
        raise ConfigError(f"the broker would not create {named}", hint="Check kafka.replication against its brokers.")
    client.wait_for_topics([topic.name for topic in topics])


def _alter(client: KafkaAdminClient, differences: Sequence[Difference]) -> None:
    by_topic: dict[str, dict[str, str]] = {}
    for one in differences:
        by_topic.setdefault(one.topic, {})[one.what] = one.wanted
    answers = client.alter_configs([ConfigResource("TOPIC", name, values) for name, values in by_topic.items()])
    refused = {name: result for name, result in answers["topic"].items() if result != "OK"}
    if refused:
        raise ConfigError("; ".join(f"the broker would not change {name}: {why}" for name, why in refused.items()))


def _wait_until_in_force(client: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> None:
    """A broker takes a change before it is in force; `apply` ends when what it said is so."""
    names = [topic.name for topic in topics]
    deadline_s = clock.monotonic_s() + IN_FORCE_WITHIN_S
    while left := [one for one in _differences(client, topics, _found(client, names), replication) if one.applies]:
        if clock.monotonic_s() > deadline_s:
            raise TafolError(
                f"the broker took the changes, but {IN_FORCE_WITHIN_S:g} s later it still says: {left[0]}",
                hint="Run it again; if that does not help, look at the broker's own log.",
            )
        clock.sleep_s(LOOK_AGAIN_AFTER_S)


def _applied(topic: Topic, created: bool, differences: Sequence[Difference]) -> Applied:
    if created:
        return Applied(topic.name, "created")
    own = [one for one in differences if one.topic == topic.name]
    changes = tuple(one for one in own if one.applies)
    left = tuple(one for one in own if not one.applies)
    return Applied(topic.name, "changed" if changes else "ok", changes, left)
