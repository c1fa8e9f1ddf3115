"""The local ClickHouse: its life, its death, its limits, and what it says when it cannot start."""

import gzip
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import Error as ClientError

from tafol.errors import ConfigError, HeldByAnother, PortBusy
from tafol.local import clickhouse as local
from tafol.local.clickhouse import Access, ClickHouseConfig, Limits, LocalClickHouse
from tafol.local.process import any_free_port, holder_of

pytestmark = pytest.mark.clickhouse

WAIT_S = 30.0
MIB = 1 << 20
STARTS = """
import sys
from pathlib import Path
from tafol.local.clickhouse import ClickHouseConfig, LocalClickHouse
server = LocalClickHouse(ClickHouseConfig(Path(sys.argv[1]), port=int(sys.argv[2])))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""
STARTS_DETACHED = """
import sys
from pathlib import Path
from tafol.local.clickhouse import ClickHouseConfig, start_detached
start_detached(ClickHouseConfig(Path(sys.argv[1]), port=int(sys.argv[2])))
"""


@pytest.fixture
def config(tmp_path: Path) -> ClickHouseConfig:
    return ClickHouseConfig(tmp_path / "a folder, of its own", port=any_free_port())


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    """A server with narrow limits: see there."""
    limits = Limits(request_bytes=MIB, request_s=2.0, send_s=1.0, workers=1, waiting=1, spill_bytes=4 * MIB)
    with LocalClickHouse(ClickHouseConfig(tmp_path_factory.mktemp("narrow"), any_free_port(), limits)) as server:
        yield server


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def count(access: Access, sql: str) -> int:
    with closing(access.client()) as client:
        return int(client.query(sql).result_rows[0][0])


def authorization(access: Access) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{access.user}:{access.password}".encode()).decode()}


def post(access: Access, body: bytes | Iterator[bytes], **headers: str) -> tuple[int, str | None, bytes]:
    """Status, exception code and body of the answer; an iterator is sent chunked."""
    with closing(http.client.HTTPConnection(access.host, access.port, timeout=WAIT_S)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", "/", body, authorization(access) | named)
        answer = connection.getresponse()
        return answer.status, answer.headers["X-ClickHouse-Exception-Code"], answer.read()


def request_for(access: Access, body: str, *, more: int = 0) -> bytes:
    """A request as bytes; with `more`, its body is said to be that much longer than it is."""
    head = {"Host": "x", "Content-Length": str(len(body) + more)} | authorization(access)
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", body]
    return "\r\n".join(lines).encode()


class TestLife:
    def test_data_and_password_last_and_the_folder_is_free_in_between(self, config: ClickHouseConfig) -> None:
        with LocalClickHouse(config) as server:
            before = server.access
            with closing(before.client()) as client:
                client.command("CREATE DATABASE d ENGINE = Atomic")
                client.command("CREATE TABLE d.t (n UInt32) ENGINE = MergeTree ORDER BY n")
                client.insert("d.t", [[1], [2]])
            running = local.status(config.data_dir)
            assert (running.running, running.answers, running.pid) == (True, True, server.pid)
            assert local.access(config.data_dir) == before
        assert not local.status(config.data_dir).running
        assert local.access(config.data_dir) is None
        with LocalClickHouse(config) as server:
            assert server.access == before
            assert count(server.access, "SELECT count() FROM d.t") == 2

    def test_a_second_owner_is_told_who_holds_the_folder(self, config: ClickHouseConfig) -> None:
        with LocalClickHouse(config):
            with pytest.raises(HeldByAnother) as refused:
                LocalClickHouse(config).start()
            assert refused.value.pid == os.getpid()
            assert f"process {os.getpid()}" in str(refused.value)
            with pytest.raises(HeldByAnother):
                local.stop(config.data_dir)
            argv = [sys.executable, "-m", "tafol.local.clickhouse", "--data", str(config.data_dir)]
            second = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False)
            assert second.returncode == 3
            assert f"process {os.getpid()}" in second.stderr

    def test_detached_it_lives_on_until_it_is_stopped(self, config: ClickHouseConfig) -> None:
        try:
            argv = [sys.executable, "-c", STARTS_DETACHED, str(config.data_dir), str(config.port)]
            subprocess.run(argv, check=True, timeout=WAIT_S)
            status = local.status(config.data_dir)
            assert (status.answers, status.detached) == (True, True)
            access = local.access(config.data_dir)
            assert access is not None
            assert count(access, "SELECT 1") == 1
        finally:
            local.stop(config.data_dir)
        assert holder_of(config.data_dir) is None

    def test_the_process_by_itself(self, config: ClickHouseConfig) -> None:
        argv = [
            sys.executable,
            "-m",
            "tafol.local.clickhouse",
            "--data",
            str(config.data_dir),
            "--port",
            str(config.port),
        ]
        with subprocess.Popen(argv) as process:
            try:
                wait_until(lambda: local.status(config.data_dir).answers)
                assert local.status(config.data_dir).pid == process.pid
            finally:
                process.send_signal(signal.SIGTERM)
        assert process.returncode == 0
        assert holder_of(config.data_dir) is None

    def test_a_running_query_may_end_before_the_server_does(self, config: ClickHouseConfig) -> None:
        with ThreadPoolExecutor(1) as pool:
            with LocalClickHouse(config) as server:
                access = server.access
                sql = "SELECT sum(sleepEachRow(0.2)) FROM numbers(10) SETTINGS max_block_size = 1"
                answer = pool.submit(count, access, sql)
                busy = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(0.2)%'"
                wait_until(lambda: count(access, busy) > 1)  # this query itself is one
            assert answer.result() == 0


class TestDeath:
    def test_killed_in_the_middle_of_inserts_it_keeps_every_acknowledged_row(self, config: ClickHouseConfig) -> None:
        batch = 5_000
        acknowledged = 0
        server = LocalClickHouse(config)
        server.start()
        with closing(server.access.client()) as client:
            client.command("CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
        for _ in range(3):
            enough = threading.Event()

            def insert(access: Access, first: int, enough: threading.Event) -> int:
                done = 0
                with closing(access.client()) as client:
                    while True:
                        at = (first + done) * batch
                        rows = b"".join(b'{"n":%d,"s":"row"}\n' % n for n in range(at, at + batch))
                        try:
                            client.raw_insert("t", insert_block=rows, fmt="JSONEachRow")
                        except ClientError:
                            return done
                        done += 1
                        if done == 5:
                            enough.set()

            with ThreadPoolExecutor(1) as pool:
                inserting = pool.submit(insert, server.access, acknowledged, enough)
                assert enough.wait(WAIT_S)
                os.kill(server.pid, signal.SIGKILL)
                done = inserting.result()
            assert done >= 5
            server.start()
            stored = count(server.access, "SELECT uniqExact(n) FROM t")
            # The insert whose answer was lost is there whole or not at all.
            assert stored in {(acknowledged + done) * batch, (acknowledged + done + 1) * batch}
            assert list((config.data_dir / "incoming").iterdir()) == []
            acknowledged = stored // batch
        server.stop()

    def test_it_ends_with_its_parent_even_on_kill_9(self, config: ClickHouseConfig) -> None:
        argv = [sys.executable, "-c", STARTS, str(config.data_dir), str(config.port)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert Path(f"/proc/{pid}").exists()
            parent.kill()
        wait_until(lambda: not Path(f"/proc/{pid}").exists())
        wait_until(lambda: holder_of(config.data_dir) is None)


class TestStart:
    def test_a_busy_port_that_was_asked_for_is_an_error(self, tmp_path: Path, busy_port: int) -> None:
        with pytest.raises(PortBusy, match=str(busy_port)):
            LocalClickHouse(ClickHouseConfig(tmp_path, port=busy_port)).start()
        assert holder_of(tmp_path) is None

    def test_a_busy_port_that_was_remembered_gives_the_next_one(self, tmp_path: Path, busy_port: int) -> None:
        (tmp_path / "port").write_text(f"{busy_port}\n")
        told: list[str] = []
        with LocalClickHouse(ClickHouseConfig(tmp_path), notify=told.append) as server:
            port = server.access.port
            assert port > busy_port
            assert local.status(tmp_path).answers
        assert [str(busy_port) in sentence and str(port) in sentence for sentence in told] == [True]
        assert (tmp_path / "port").read_text() == f"{port}\n"

    def test_a_folder_that_the_engine_would_take_for_a_pattern_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="pattern"):
            LocalClickHouse(ClickHouseConfig(tmp_path / "{a,b}", port=any_free_port())).start()

    def test_a_password_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("known\n")
        (tmp_path / "password").chmod(0o644)
        with pytest.raises(ConfigError, match="chmod 600"):
            LocalClickHouse(ClickHouseConfig(tmp_path, port=any_free_port())).start()
        assert holder_of(tmp_path) is None


class TestLimits:
    def test_a_body_said_to_be_too_large_is_refused(self, narrow: LocalClickHouse) -> None:
        status, code, text = post(narrow.access, b"INSERT INTO t FORMAT CSV\n" + bytes(MIB))
        assert (status, code) == (413, "307")
        assert b"larger than 1,048,576 bytes" in text

    def test_a_chunked_body_that_grows_too_large_is_refused(self, narrow: LocalClickHouse) -> None:
        pieces = iter([b"INSERT INTO t FORMAT CSV\n"] + [b"1\n" * 8192] * 65)
        assert post(narrow.access, pieces)[:2] == (413, "307")

    def test_a_small_body_that_unfolds_too_large_is_refused(self, narrow: LocalClickHouse) -> None:
        bomb = gzip.compress(b"INSERT INTO t FORMAT CSV\n" + bytes(50 * MIB))
        assert len(bomb) < MIB
        assert post(narrow.access, bomb, Content_Encoding="gzip")[:2] == (413, "307")
        assert list((narrow.data_dir / "incoming").iterdir()) == []

    def test_a_client_that_asks_first_is_told_before_it_sends(self, narrow: LocalClickHouse) -> None:
        access = narrow.access
        with socket.create_connection((access.host, access.port), timeout=WAIT_S) as raw:
            head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {10 * MIB}\r\nExpect: 100-continue\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in authorization(access).items())
            raw.sendall(head.encode() + b"\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 413 ")

    def test_a_query_is_ended_at_the_limit_whatever_it_asks_for(self, narrow: LocalClickHouse) -> None:
        sql = b"SELECT count(sleepEachRow(0.1)) FROM numbers(10000) SETTINGS max_block_size = 1"
        assert post(narrow.access, sql)[:2] == (408, "159")
        # Its own SETTINGS lift the engine's limit: then it is cancelled.
        assert post(narrow.access, sql + b", max_execution_time = 0")[1] == "394"

    def test_a_body_that_does_not_come_is_not_waited_for(self, narrow: LocalClickHouse) -> None:
        access = narrow.access
        with closing(http.client.HTTPConnection(access.host, access.port, timeout=WAIT_S)) as connection:
            connection.putrequest("POST", "/")
            for name, value in (authorization(access) | {"Content-Length": "100"}).items():
                connection.putheader(name, value)
            connection.endheaders(b"SELECT")
            answer = connection.getresponse()
            assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (408, "159")

    def test_a_client_that_stops_reading_does_not_hold_a_worker(self, narrow: LocalClickHouse) -> None:
        """There is one worker: another query gets it only when the first is given up."""
        access = narrow.access
        with socket.create_connection((access.host, access.port), timeout=WAIT_S) as raw:
            raw.sendall(request_for(access, "SELECT number FROM numbers(1000000000) FORMAT RowBinary"))
            assert raw.recv(100).startswith(b"HTTP/1.1 200 ")
            assert post(access, b"SELECT 1")[0] == 200

    def test_an_answer_too_large_to_be_kept_is_refused(self, narrow: LocalClickHouse) -> None:
        with closing(narrow.access.client(compress=False)) as client, pytest.raises(ClientError, match="as a stream"):
            client.query("SELECT number FROM numbers(1000000)")

    def test_too_many_at_once_are_refused(self, narrow: LocalClickHouse) -> None:
        access = narrow.access
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: post(access, b"SELECT sleep(1.5)")[:2], range(6)))
        assert (503, "202") in answers
        assert (200, None) in answers

    def test_a_client_that_dies_while_it_sends_leaves_nothing(self, narrow: LocalClickHouse) -> None:
        access = narrow.access
        with closing(access.client()) as client:
            client.command("CREATE TABLE cut (n UInt32) ENGINE = MergeTree ORDER BY n")
        incoming = narrow.data_dir / "incoming"
        with socket.create_connection((access.host, access.port)) as raw:
            raw.sendall(request_for(access, "INSERT INTO cut FORMAT CSV\n" + "1\n" * 200_000, more=100))
            wait_until(lambda: any(incoming.iterdir()))
        wait_until(lambda: not any(incoming.iterdir()))
        assert count(access, "SELECT count() FROM cut") == 0

    @pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
    def test_a_form_that_is_none_is_refused(self, narrow: LocalClickHouse, content_type: str) -> None:
        assert post(narrow.access, b"abc", Content_Type=content_type)[:2] == (400, "36")

    def test_a_read_is_cancelled_when_its_client_goes_away(self, config: ClickHouseConfig) -> None:
        with LocalClickHouse(config) as server:
            access = server.access
            sql = "SELECT count(sleepEachRow(0.1)) FROM numbers(100000) SETTINGS max_block_size = 1"
            here = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(0.1)%'"
            with socket.create_connection((access.host, access.port)) as raw:
                raw.sendall(request_for(access, sql))
                wait_until(lambda: count(access, here) == 2)  # with this one
            wait_until(lambda: count(access, here) == 1)
