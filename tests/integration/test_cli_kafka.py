"""The command line against a real broker of its own: topics, registers, sending, rejected records, status, doctor."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource
from typer.testing import CliRunner

from schemas.base import Origin
from schemas.catalogue import REJECTED, SOURCE_TOPICS
from schemas.errors import ConfigError, TafolError
from schemas.rejected import Rejected, rejected_headers
from streams.connection import Connection
from streams.topics import Topic, topics
from tafol import examples, publish, topics_admin
from tafol.cli import app
from tafol.documents import read_frame
from tafol.errors import Unreachable
from tafol.kafka_clients import administrator, log_consumer, producer, read_to_end
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.process import any_free_port
from tafol.status import group_lags
from tests.fixtures.kafka import KafkaForTests
from tests.unit.cli.test_send import transaction

pytestmark = pytest.mark.kafka

DECLARED = topics(2, 21, 60)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A broker of this module's own, with all topics: registers have fixed names, and are never emptied."""
    with LocalBroker(BrokerConfig(tmp_path_factory.mktemp("kafka-cli"), port=any_free_port())) as broker:
        connection = Connection(broker.bootstrap)
        topics_admin.apply(connection, DECLARED, 1)
        yield connection


@pytest.fixture
def run(own_broker: Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs the program against that broker, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAFOL_KAFKA__BOOTSTRAP", own_broker.bootstrap)
    monkeypatch.setenv("TAFOL_DATA_DIR", str(tmp_path / "data"))

    def call(*arguments: str, **options: Any) -> Any:
        return CliRunner().invoke(app, list(arguments), **options)

    return call


def values(connection: Connection, *names: str) -> list[tuple[str, bytes | None, bytes | None]]:
    """Everything on these topics: (topic, key, value)."""
    with log_consumer(connection) as consumer:
        return [(record.topic, record.key, record.value) for record in read_to_end(consumer, names)]


class TestTopics:
    def test_missing_topics_are_made_once_and_then_are_as_declared(self, kafka: KafkaForTests) -> None:
        connection = Connection(kafka.bootstrap)
        declared = [Topic(kafka.topic_name("made"), 3, "compact", None, "w", "r")]
        assert [one.what for one in topics_admin.check(connection, declared, 1)] == ["topic"]
        assert [one.outcome for one in topics_admin.apply(connection, declared, 1)] == ["created"]
        assert topics_admin.check(connection, declared, 1) == []
        assert [one.outcome for one in topics_admin.apply(connection, declared, 1)] == ["ok"]

    def test_settings_are_brought_in_line_and_others_are_left_alone(self, kafka: KafkaForTests) -> None:
        connection, name = Connection(kafka.bootstrap), kafka.topic_name("altered")
        topics_admin.apply(connection, [Topic(name, 1, "delete", 1000, "w", "r")], 1)
        with administrator(connection) as client:
            client.alter_configs([ConfigResource("TOPIC", name, {"segment.bytes": "1048576"})])
        wanted = [Topic(name, 1, "delete", 2000, "w", "r")]
        (done,) = topics_admin.apply(connection, wanted, 1)
        assert (done.outcome, [(one.what, one.found, one.wanted) for one in done.changes]) == (
            "changed",
            [("retention.ms", "1000", "2000")],
        )
        assert topics_admin.check(connection, wanted, 1) == []
        with administrator(connection) as client:
            kept = client.describe_configs([ConfigResource("TOPIC", name)], config_filter="all")["topic"][name]
        assert kept["segment.bytes"]["value"] == "1048576"

    def test_other_partition_counts_are_refused_before_anything_is_changed(self, kafka: KafkaForTests) -> None:
        connection = Connection(kafka.bootstrap)
        there, new = kafka.topic_name("two"), kafka.topic_name("new")
        topics_admin.apply(connection, [Topic(there, 2, "delete", 1000, "w", "r")], 1)
        with pytest.raises(ConfigError, match=f"{there} has 2, 4 wanted"):
            topics_admin.apply(
                connection, [Topic(there, 4, "delete", 9, "w", "r"), Topic(new, 1, "delete", 9, "w", "r")], 1
            )
        found = topics_admin.check(connection, [Topic(there, 2, "delete", 1000, "w", "r")], 1)
        assert found == []
        with pytest.raises(ConfigError, match=new):
            topics_admin.topic_ids(connection, [new])

    def test_copies_that_are_wanted_later_are_told_of_and_no_write_is_made_to_wait_for_them(
        self, kafka: KafkaForTests
    ) -> None:
        connection, name = Connection(kafka.bootstrap), kafka.topic_name("copies")
        declared = [Topic(name, 1, "delete", 1000, "w", "r")]
        topics_admin.apply(connection, declared, 1)
        (done,) = topics_admin.apply(connection, declared, 3)
        assert (done.outcome, [one.what for one in done.left]) == ("ok", ["replication"])

    def test_more_copies_than_brokers_is_a_plain_error(self, kafka: KafkaForTests) -> None:
        with pytest.raises(ConfigError, match="would not create"):
            topics_admin.apply(Connection(kafka.bootstrap), [Topic(kafka.topic_name("x"), 1, "delete", 1, "w", "r")], 3)

    def test_ids_are_the_brokers_and_a_missing_topic_says_what_to_do(self, kafka: KafkaForTests) -> None:
        connection, name = Connection(kafka.bootstrap), kafka.topic_name("id")
        topics_admin.apply(connection, [Topic(name, 1, "delete", 1000, "w", "r")], 1)
        first = topics_admin.topic_ids(connection, [name])[name]
        assert len(first) == 36
        with pytest.raises(ConfigError, match="no topic nowhere") as told:
            topics_admin.topic_ids(connection, [name, "nowhere"])
        assert told.value.hint == "Make it: tafol topics apply"

    def test_a_broker_that_does_not_come_is_waited_for_visibly(self) -> None:
        said: list[str] = []
        with pytest.raises(Unreachable, match=r"within 0\.6 s"):
            topics_admin.wait_for_broker(Connection(f"127.0.0.1:{any_free_port()}"), 0.6, said.append)
        assert len(said) == 1
        assert said[0].startswith("Waiting for the broker at 127.0.0.1:")

    def test_check_and_apply_as_commands(self, run: Callable[..., Any]) -> None:
        assert run("topics", "check", "--json").stdout.strip() == "[]"
        applied = json.loads(run("topics", "apply", "--json").stdout)
        assert [(one["topic"], one["outcome"]) for one in applied] == [(topic.name, "ok") for topic in DECLARED]
        other = run("topics", "check", env={"TAFOL_TOPICS__SOURCE_RETENTION_DAYS": "7"})
        assert other.exit_code == 1
        assert "retention.ms" in other.stdout


def test_registers_are_published_by_their_rules(
    run: Callable[..., Any], own_broker: Connection, tmp_path: Path
) -> None:
    refused = run("frame", "publish", str(examples.FRAME))
    assert refused.exit_code == 1
    assert "tafol scorecard publish FILE" in refused.stderr
    for path in examples.SCORECARDS:
        assert run("scorecard", "publish", str(path)).exit_code == 0
    assert run("notices", "publish", str(examples.NOTICES)).exit_code == 0

    tried = run("frame", "publish", str(examples.FRAME), "--dry-run")
    assert tried.exit_code == 0
    assert "Nothing was published" in tried.stdout
    assert "Publishing would refuse it" in tried.stderr
    unsigned = run("frame", "publish", str(examples.FRAME))
    assert unsigned.exit_code == 1
    assert "is not signed" in unsigned.stderr
    assert "--unsigned" in unsigned.stderr
    assert publish.read_published(own_broker).frames == ()

    first = json.loads(run("frame", "publish", str(examples.FRAME), "--unsigned", "--json").stdout)
    assert (first["outcome"], first["published"], first["replaces"]) == ("new", True, None)
    (kept,) = publish.read_published(own_broker).frames
    seed = kept.entry.seed
    assert seed not in json.dumps(first)
    assert kept.entry == read_frame(examples.FRAME).with_seed(kept.entry.seed_bytes)

    again = json.loads(run("frame", "publish", str(examples.FRAME), "--unsigned", "--json").stdout)
    assert (again["outcome"], again["published"]) == ("already there", False)
    assert again["seed_sha256"] == first["seed_sha256"]

    text = examples.FRAME.read_text()
    (tmp_path / "other.yaml").write_text(text.replace("title: Contact", "title: Another"))
    assert "other content" in run("frame", "publish", "other.yaml", "--unsigned").stderr
    (tmp_path / "late.yaml").write_text(text.replace("version: 1", "version: 2"))
    assert "less than 15 minutes ahead" in run("frame", "publish", "late.yaml", "--unsigned").stderr
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:00:00Z")
    (tmp_path / "next.yaml").write_text(
        text.replace("version: 1", "version: 2").replace("holds_from: 2026-01-01T00:00:00Z", f"holds_from: {soon}")
    )
    for name in ("ours", "theirs"):
        assert run("frame", "key", f"{name}.key").exit_code == 0
    assert run("frame", "sign", "next.yaml", "--key", "ours.key").exit_code == 0
    signed = (tmp_path / "next.yaml").read_text()
    (tmp_path / "changed.yaml").write_text(signed.replace("title: Contact", "title: Another"))
    for arguments, words in (
        (("next.yaml",), "no public key is given"),
        (("next.yaml", "--key", "theirs.key.pub"), "none of the keys given"),
        (("changed.yaml", "--key", "ours.key.pub"), "is not what was signed"),
        (("changed.yaml", "--unsigned"), "is not what was signed"),
        (("next.yaml", "--unsigned", "--key", "ours.key.pub"), "--unsigned does not go with --key"),
    ):
        told = run("frame", "publish", *arguments)
        assert told.exit_code != 0
        assert words in told.stderr
    assert len(publish.read_published(own_broker).frames) == 1
    after = json.loads(run("frame", "publish", "next.yaml", "--key", "ours.key.pub", "--json").stdout)
    assert (after["replaces"], after["published"]) == ("contact-centre:1", True)


def test_planned_checks_are_asked_for_once_and_counter_visits_are_observations(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    assert run("notices", "publish", str(examples.NOTICES)).exit_code == 0
    (tmp_path / "checks.yaml").write_text(examples.CHECKS.read_text())
    asked = json.loads(run("check", "plan", "apply", "checks.yaml", "--ahead", "31d", "--json").stdout)
    visits = [one for one in asked["requests"] if one["plan"] == "counter-visits"]
    assert {one["observation"]["colleague_id"] for one in visits} == {"c-201", "c-202"}
    assert {one["id"] for one in visits} <= set(asked["published"])
    again = json.loads(run("check", "plan", "apply", "checks.yaml", "--ahead", "31d", "--json").stdout)
    assert set(asked["published"]) <= set(again["there_already"])
    listed = json.loads(run("check", "list", "--json").stdout)
    assert {one["id"] for one in visits} <= {one["id"] for one in listed}
    shown = run("check", "list", env={"COLUMNS": "160"}).stdout
    assert "observation of c-201, Counter 3, ground floor" in shown


def test_an_entry_that_reached_the_log_too_late_is_called_void(own_broker: Connection) -> None:
    """The plan was right when it was made; then the publisher slept past the lead."""
    card = examples.SCORECARDS[0]
    from tafol.documents import read_scorecard  # noqa: PLC0415

    first = read_scorecard(card).model_copy(update={"id": "sleepy"})
    published = publish.read_published(own_broker)
    publish.publish(own_broker, publish.plan(first, published, datetime.now(UTC)))
    second = first.model_copy(update={"version": 2, "holds_from": datetime.now(UTC) + timedelta(minutes=5)})
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    planned = publish.plan(second, publish.read_published(own_broker), an_hour_ago)
    with pytest.raises(TafolError, match="void for everyone") as told:
        publish.publish(own_broker, planned)
    assert told.value.hint is not None
    assert "version 3" in told.value.hint


def test_sending_a_file_with_bad_lines(run: Callable[..., Any], own_broker: Connection, tmp_path: Path) -> None:
    good = [transaction(number, channel=channel) for number, channel in enumerate(("phone", "chat", "face_to_face"))]
    giant = transaction(9, chat=[{"speaker": "customer", "text": "x" * 60_000}] * 350)
    large = transaction(10, channel="chat", chat=[{"speaker": "customer", "text": "x" * 60_000}] * 17)
    assert len(giant) > 20 * 1024 * 1024
    assert len(large) > 1_000_000
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(b"\n".join([*good, b"{", giant, large])))
    before = values(own_broker, *SOURCE_TOPICS)

    result = run("send", "lines.jsonl.gz", "--json")

    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told["acknowledged"] == 4
    assert told["by_channel"] == {"phone": 1, "chat": 2, "face_to_face": 1}
    assert [(one["line"], one["reason"]) for one in told["refused_lines"]] == [(4, "undecodable"), (5, "too_large")]
    new = values(own_broker, *SOURCE_TOPICS)
    assert len(new) == len(before) + 4
    assert {("transactions.chat", b"t1", good[1]), ("transactions.chat", b"t10", large)} <= set(new)


def test_sending_from_a_pipe(run: Callable[..., Any], tmp_path: Path) -> None:
    # A real pipe: what stands in for standard input elsewhere is not buffered as this is.
    command = [sys.executable, "-m", "tafol", "send", "-"]
    whole = subprocess.run(command, input=transaction(77) + b"\n", cwd=tmp_path, capture_output=True, check=False)
    assert whole.returncode == 0, whole.stderr
    content = gzip.compress(b"{\n" + transaction(78) + b"\n")
    stopped = subprocess.run(
        [*command, "--stop-at-first"], input=content, cwd=tmp_path, capture_output=True, check=False
    )
    assert stopped.returncode == 3
    assert b"line 1: undecodable" in stopped.stderr
    assert b"0 of 1 lines sent" in stopped.stdout


def reject(connection: Connection, offset: int, reason: Any, raw: bytes) -> str:
    """Puts one record on the rejected topic, as the stage would; its origin in words."""
    origin = Origin(topic="transactions.phone", partition=1, offset=offset)
    at = datetime.now(UTC) - timedelta(minutes=1)
    rejected = Rejected(origin=origin, reason=reason, message="wrong", bytes=len(raw), appended_at=at)
    with producer(connection) as client:
        client.send(REJECTED, key=b"the-key", value=raw, headers=rejected_headers(rejected))
    return str(origin)


def test_rejected_records_are_shown_and_sent_again(run: Callable[..., Any], own_broker: Connection) -> None:
    secret = b'{"customer_ref": "secret"\xff'
    first, second = reject(own_broker, 100, "undecodable", secret), reject(own_broker, 101, "too_old", b"old")

    shown = run("rejected", "list")
    assert first in shown.stdout
    assert second in shown.stdout
    assert "secret" not in shown.stdout
    assert "secret" in run("rejected", "list", "--payload").stdout
    told = json.loads(run("rejected", "list", "--reason", "too_old", "--json").stdout)
    assert [(one["origin"], one["bytes"]) for one in told] == [(second, 3)]
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert "No such record" in run("rejected", "list", "--since", later).stdout

    before = values(own_broker, "transactions.phone")
    assert "1 record(s) would be sent again" in run("rejected", "replay", "--origin", first, "--dry-run").stdout
    nobody = run("rejected", "replay", "--origin", first)
    assert nobody.exit_code == 2
    assert "--yes" in nobody.stderr
    assert values(own_broker, "transactions.phone") == before
    assert "1 record(s) sent again" in run("rejected", "replay", "--origin", first, "--yes").stdout
    assert sorted(values(own_broker, "transactions.phone")) == sorted(
        [*before, ("transactions.phone", b"the-key", secret)]
    )

    gone = run("rejected", "replay", "--origin", "transactions.phone[1]@999", "--yes")
    assert "is not among the rejected records" in gone.stderr
    assert "0 record(s) sent again" in gone.stdout


def test_lag_is_what_a_group_has_not_committed(own_broker: Connection) -> None:
    from kafka import KafkaConsumer  # noqa: PLC0415

    name = "scores"
    with producer(own_broker) as client:
        for number in range(10):
            client.send(name, value=b"x", partition=number % 2)
    consumer = KafkaConsumer(
        name, **own_broker.kafka_python(), group_id="lagging", auto_offset_reset="earliest", enable_auto_commit=False
    )
    taken = 0
    while taken < 3:
        taken += sum(len(records) for records in consumer.poll(timeout_ms=200, max_records=3).values())
    consumer.commit()
    consumer.close(autocommit=False)
    with administrator(own_broker) as client:
        lags = group_lags(client, ["lagging", "nobody"])
    assert (lags["lagging"].total, lags["lagging"].members) == (10 - taken, 0)
    assert (lags["nobody"].state, lags["nobody"].total) == ("absent", 0)


def test_the_doctor_looks_at_the_broker(run: Callable[..., Any]) -> None:
    told = json.loads(run("doctor", "--json").stdout)
    verdicts = {one["name"]: one["verdict"] for one in told["findings"]}
    assert verdicts["broker"] == verdicts["topics"] == verdicts["message sizes"] == "ok"
    assert verdicts["clickhouse"] == "fail"
    assert verdicts["sink workers"] == "warn"
