"""The local Kafka: its life, its death, and what it says when it cannot start."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from tafol.errors import ConfigError, Corrupt, HeldByAnother, PortBusy, StartFailed
from tafol.local import broker as local
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.jars import default_cache_dir, ensure_jars
from tafol.local.process import LOOPBACK, any_free_port, holder_of
from tests.fixtures.kafka import KafkaForTests

pytestmark = pytest.mark.kafka

CLIENT_TIMEOUT_S = 30
OUTLIVES = """
import sys
from pathlib import Path
from tafol.local.broker import BrokerConfig, LocalBroker
broker = LocalBroker(BrokerConfig(Path(sys.argv[1]), port=int(sys.argv[2])))
broker.start()
print(broker.pid, flush=True)
sys.stdin.read()
"""
STARTS_DETACHED = """
import sys
from pathlib import Path
from tafol.local.broker import BrokerConfig, start_detached
start_detached(BrokerConfig(Path(sys.argv[1]), port=int(sys.argv[2])))
"""


@pytest.fixture
def config(tmp_path: Path) -> BrokerConfig:
    return BrokerConfig(tmp_path / "a folder, of its own", port=any_free_port())


def make_topic(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()


def write(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=8_000_000)
    for value in values:
        producer.send(topic, value).get(CLIENT_TIMEOUT_S)
    producer.close()


def read(bootstrap: str, topic: str) -> list[bytes]:
    """All records of partition 0."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    values: list[bytes] = []
    while len(values) < end:
        for records in consumer.poll(timeout_ms=1000).values():
            values += [record.value for record in records]
    consumer.close()
    return values


def lives(pid: int) -> bool:
    """Linux alone. A zombie is dead: in a container there may be no init that reaps it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_takes_and_gives_back_small_and_large_records(kafka: KafkaForTests) -> None:
    topic = kafka.topic_name("round-trip")
    make_topic(kafka.bootstrap, topic)
    values = [b"", b"small", os.urandom(4 * 1024 * 1024)]
    write(kafka.bootstrap, topic, *values)
    assert read(kafka.bootstrap, topic) == values


def test_a_missing_topic_is_not_made(kafka: KafkaForTests) -> None:
    topic = kafka.topic_name("missing")
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, max_block_ms=1000)
    with pytest.raises(KafkaError):
        producer.send(topic, b"x").get(CLIENT_TIMEOUT_S)
    producer.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    assert topic not in admin.list_topics()
    admin.close()


def test_topics_and_data_last_through_a_stop_and_a_kill(config: BrokerConfig) -> None:
    broker = LocalBroker(config)
    try:
        broker.start()
        make_topic(broker.bootstrap, "kept")
        write(broker.bootstrap, "kept", b"before the stop")
        broker.stop()
        assert holder_of(config.data_dir) is None

        broker.start()
        write(broker.bootstrap, "kept", b"before the kill")
        os.kill(broker.pid, signal.SIGKILL)
        while broker.running:
            time.sleep(0.01)

        broker.start()
        write(broker.bootstrap, "kept", b"after")
        assert read(broker.bootstrap, "kept") == [b"before the stop", b"before the kill", b"after"]
    finally:
        broker.stop()


@pytest.mark.fault
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's notice of a parent's death is Linux alone")
def test_kill_9_of_the_parent_leaves_no_broker(config: BrokerConfig) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", OUTLIVES, str(config.data_dir), str(config.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        pid = int(parent.stdout.readline())
        assert lives(pid)
        with pytest.raises(HeldByAnother) as raised:
            LocalBroker(config).start()
        assert raised.value.pid == parent.pid
        assert local.status(config.data_dir).pid == pid
        with pytest.raises(HeldByAnother):  # it is not ours to stop
            local.stop(config.data_dir)
    finally:
        parent.kill()
        parent.wait()
        parent.stdin.close()
        parent.stdout.close()
    # The process is gone for `ps` an instant before its last thread lets go of the folder, so that is waited for;
    # the test's own time limit ends the wait.
    while holder_of(config.data_dir):
        time.sleep(0.01)
    assert not lives(pid)
    with LocalBroker(config) as broker:
        assert local.answers(broker.bootstrap)


def test_a_detached_broker_outlives_its_starter_is_found_and_stopped(config: BrokerConfig) -> None:
    subprocess.run([sys.executable, "-c", STARTS_DETACHED, str(config.data_dir), str(config.port)], check=True)
    started = local.status(config.data_dir)
    try:
        assert started.running
        assert started.answers
        assert started.detached
        assert started.bootstrap == f"{LOOPBACK}:{config.port}"
        with pytest.raises(HeldByAnother) as raised:
            local.start_detached(config)
        assert raised.value.pid == started.pid
    finally:
        assert local.stop(config.data_dir) == started
    after = local.status(config.data_dir)
    assert not after.running
    assert not after.answers
    assert local.stop(config.data_dir) == after


def test_a_port_asked_for_by_number_is_not_replaced(tmp_path: Path, busy_port: int) -> None:
    with pytest.raises(PortBusy, match=str(busy_port)):
        LocalBroker(BrokerConfig(tmp_path, port=busy_port)).start()
    assert holder_of(tmp_path) is None


def test_a_busy_port_gives_the_next_free_one_which_is_remembered(tmp_path: Path, busy_port: int) -> None:
    (tmp_path / "port").write_text(f"{busy_port}\n")
    said: list[str] = []
    with LocalBroker(BrokerConfig(tmp_path), notify=said.append) as broker:
        first = broker.bootstrap
        assert first != f"{LOOPBACK}:{busy_port}"
    assert len(said) == 1
    assert str(busy_port) in said[0]
    assert first.rsplit(":", 1)[1] in said[0]
    assert (tmp_path / "port").read_text().strip() == first.rsplit(":", 1)[1]


def test_a_port_that_is_taken_between_our_look_and_kafka_s_is_tried_again(
    config: BrokerConfig, busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller_ports = iter([busy_port, any_free_port()])
    monkeypatch.setattr("tafol.local.process.any_free_port", lambda: next(controller_ports))
    with LocalBroker(config) as broker:
        assert local.answers(broker.bootstrap)
    assert not list(controller_ports)


def test_a_broker_that_ends_at_start_quotes_its_log_and_leaves_nothing(config: BrokerConfig) -> None:
    with LocalBroker(config):
        pass
    meta = config.data_dir / "kafka" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(StartFailed, match="Stored node id 7") as raised:
        LocalBroker(config).start()
    assert "broker.log" in str(raised.value.hint)
    assert holder_of(config.data_dir) is None


def test_java_s_own_complaint_is_quoted(config: BrokerConfig) -> None:
    with pytest.raises(StartFailed, match="heap"):
        LocalBroker(BrokerConfig(config.data_dir, config.port, heap_mb=1)).start()
    assert not (config.data_dir / "kafka").exists()  # formatted wholly or not at all


def test_a_data_folder_that_is_not_kafka_s_is_left_alone(config: BrokerConfig) -> None:
    (config.data_dir / "kafka").mkdir(parents=True)
    with pytest.raises(Corrupt, match=r"meta\.properties"):
        LocalBroker(config).start()


def test_a_kafka_folder_without_kafka_is_refused(config: BrokerConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="libs"):
        LocalBroker(BrokerConfig(config.data_dir, config.port, kafka_home=tmp_path)).start()


def test_a_given_kafka_folder_replaces_the_pinned_jars(config: BrokerConfig, tmp_path: Path) -> None:
    home = tmp_path / "kafka_2.13-4.2.0"
    (home / "libs").mkdir(parents=True)
    for jar in ensure_jars(default_cache_dir()):
        (home / "libs" / jar.name).symlink_to(jar)
    given = BrokerConfig(config.data_dir, config.port, kafka_home=home, cache_dir=tmp_path / "never made")
    with LocalBroker(given) as broker:
        assert local.answers(broker.bootstrap)
    assert not (tmp_path / "never made").exists()


def test_a_cluster_id_that_looks_like_an_option_formats(config: BrokerConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    starts_with_a_dash = uuid.UUID(bytes=b"\xfb" + bytes(15))
    monkeypatch.setattr(uuid, "uuid4", lambda: starts_with_a_dash)
    with LocalBroker(config) as broker:
        assert local.answers(broker.bootstrap)
    assert "cluster.id=-wAAAAAAAAAAAAAAAAAAAA" in (config.data_dir / "kafka" / "meta.properties").read_text()
