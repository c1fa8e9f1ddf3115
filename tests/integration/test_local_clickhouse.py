"""The local ClickHouse over HTTP, as clickhouse-connect and curl see it."""

import datetime as dt
import gzip
import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import lz4.frame  # type: ignore[import-untyped]
import pytest
from backports import zstd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.fixtures.clickhouse import ClickHouse

pytestmark = pytest.mark.clickhouse

NASTY = [
    "",
    "'",
    "\\",
    "\\'; DROP TABLE t; --",
    "tab\tline\nreturn\r",
    '`"{a:String}',
    "nul\0nul",
    "Łódź 🙂 ŵ",
    "%s %27",
]


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Iterator[Client]:
    made = clickhouse.client(database)
    yield made
    made.close()


def curl(*arguments: str, stdin: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "60", "-D", "/dev/stderr", *arguments],
        input=stdin,
        capture_output=True,
        check=True,
    )
    blocks = [block for block in done.stderr.decode().replace("\r", "").split("\n\n") if block.startswith("HTTP/")]
    status_line, *lines = blocks[-1].splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status_line.split()[1]), headers, done.stdout


class TestTypes:
    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("Bool", [True, False]),
            ("UInt8", [0, 255]),
            ("Int64", [-(2**63), 2**63 - 1]),
            ("UInt256", [0, 2**256 - 1]),
            ("Float64", [0.1, -1e300, float("inf")]),
            ("Decimal(38, 10)", [Decimal("0.0000000001"), Decimal("-9999999999999999999.5")]),
            ("String", NASTY),
            ("FixedString(4)", [b"abcd", b"\xff\x00\x01\x02"]),
            ("LowCardinality(String)", ["cy", "en", "cy", ""]),
            ("Nullable(String)", [None, "x", ""]),
            ("LowCardinality(Nullable(String))", [None, "x", None]),
            ("Nullable(Decimal(9, 2))", [None, Decimal("1.25")]),
            ("Array(Nullable(Int32))", [[], [1, None, 3]]),
            ("Array(Array(String))", [[[], ["a"]], [["b", "c"]]]),
            ("Map(String, UInt64)", [{}, {"a": 1, "b": 2}]),
            ("Tuple(String, Int8)", [("a", -1), ("b", 2)]),
            ("UUID", [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
            ("Enum8('phone' = 1, 'chat' = 2)", ["chat", "phone"]),
            ("Date", [dt.date(1970, 1, 1), dt.date(2149, 6, 6)]),
            ("Date32", [dt.date(1900, 1, 1), dt.date(2299, 12, 31)]),
            ("IPv4", [IPv4Address("127.0.0.1"), IPv4Address("255.255.255.255")]),
            ("JSON", [{"a": 1, "b": {"c": ["x", "y"]}}, {}]),
        ],
    )
    def test_values_come_back_as_they_were_sent(self, client: Client, kind: str, values: list[Any]) -> None:
        client.command(f"CREATE TABLE t (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
        client.insert("t", list(enumerate(values)), column_names=["n", "v"])
        read = [row[0] for row in client.query("SELECT v FROM t ORDER BY n").result_rows]
        assert read == values

    @pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kathmandu"])
    def test_times_keep_instant_and_zone(self, client: Client, zone: str) -> None:
        instants = [
            dt.datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=dt.UTC),
            dt.datetime(2026, 10, 25, 1, 30, 0, 1, tzinfo=dt.UTC),
        ]
        client.command(f"CREATE TABLE t (at DateTime64(6, '{zone}')) ENGINE = MergeTree ORDER BY at")
        client.insert("t", [[instant.astimezone(ZoneInfo(zone))] for instant in instants])
        read = [row[0] for row in client.query("SELECT at FROM t ORDER BY at", query_tz=zone).result_rows]
        # In UTC: Python takes no two times in an hour that comes twice for equal.
        assert [value.astimezone(dt.UTC) for value in read] == instants


class TestParameters:
    @pytest.mark.parametrize("value", NASTY)
    def test_a_parameter_is_a_value_and_never_sql(self, client: Client, value: str) -> None:
        row = client.query("SELECT {v:String}, length({v:String})", parameters={"v": value}).result_rows[0]
        assert row == (value, len(value.encode()))

    def test_types_of_parameters(self, client: Client) -> None:
        given = {"a": ["'", "\\", "x"], "n": None, "i": -5, "d": dt.date(2026, 1, 2)}
        sql = "SELECT {a:Array(String)}, {n:Nullable(String)}, {i:Int32}, {d:Date}"
        assert client.query(sql, parameters=given).result_rows[0] == tuple(given.values())

    def test_identifiers(self, client: Client) -> None:
        client.command("CREATE TABLE `an odd name` (a UInt8) ENGINE = Memory")
        assert client.query("SELECT count() FROM {t:Identifier}", parameters={"t": "an odd name"}).result_rows == [(0,)]

    def test_parameters_too_long_for_a_url_come_in_a_form(self, client: Client) -> None:
        value = "x'" * 200_000
        assert client.query("SELECT length({v:String})", parameters={"v": value}).result_rows == [(400_000,)]

    def test_a_missing_parameter_is_an_error(self, client: Client) -> None:
        with pytest.raises(DatabaseError) as failed:
            client.raw_query("SELECT {v:String}")
        assert failed.value.code == 456


class TestInserts:
    @pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
    def test_every_block_of_a_large_insert_arrives(self, clickhouse: ClickHouse, database: str, compress: str) -> None:
        """400,000 rows are many blocks, and with LZ4 as many frames one after the other."""
        client = clickhouse.client(database, compress=compress)
        client.command("CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
        numbers = range(400_000)
        columns: list[list[Any]] = [list(numbers), [f"text {n}" for n in numbers]]
        context = client.create_insert_context("t", data=columns, column_oriented=True)
        context.block_row_count = 16_384
        summary = client.data_insert(context)
        assert summary.written_rows == 400_000
        assert client.query("SELECT count(), sum(n), uniqExact(s) FROM t").result_rows == [
            (400_000, sum(numbers), 400_000)
        ]
        client.close()

    def test_an_insert_is_one_part_so_it_is_stored_whole_or_not_at_all(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
        client.command("SYSTEM STOP MERGES t")
        context = client.create_insert_context("t", data=[list(range(300_000))], column_oriented=True)
        context.block_row_count = 16_384
        client.data_insert(context)
        client.raw_insert("t", insert_block=b"".join(b'{"n":%d}\n' % n for n in range(300_000)), fmt="JSONEachRow")
        parts = client.query(
            "SELECT rows FROM system.parts WHERE table = 't' AND database = currentDatabase() AND active"
        )
        assert parts.result_rows == [(300_000,), (300_000,)]

    @pytest.mark.parametrize("compression", [None, "lz4", "zstd", "gzip"])
    def test_raw_json_lines(self, client: Client, compression: str | None) -> None:
        pack = {None: bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress, "gzip": gzip.compress}[compression]
        client.command("CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
        lines = b"".join(json.dumps({"n": n, "s": NASTY[n % len(NASTY)]}).encode() + b"\n" for n in range(1_000))
        client.raw_insert("t", insert_block=pack(lines), fmt="JSONEachRow", compression=compression)
        read = client.query("SELECT s FROM t ORDER BY n").result_columns[0]
        assert list(read) == [NASTY[n % len(NASTY)] for n in range(1_000)]

    def test_one_bad_row_stores_none_and_names_no_file_of_ours(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(DatabaseError) as failed:
            client.raw_insert("t", insert_block=b'{"n":1}\n{"n":"many"}\n', fmt="JSONEachRow")
        assert failed.value.code == 27
        assert "incoming" not in str(failed.value)
        assert client.query("SELECT count() FROM t").result_rows == [(0,)]

    def test_values_with_parameters(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32, s String) ENGINE = Memory")
        client.command("INSERT INTO t VALUES (1, {s:String}), (2, 'b')", parameters={"s": "a'"})
        assert client.query("SELECT * FROM t ORDER BY n").result_rows == [(1, "a'"), (2, "b")]

    def test_insert_select(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = Memory")
        client.command("INSERT INTO t SELECT number FROM numbers(10)")
        assert client.query("SELECT count() FROM t").result_rows == [(10,)]

    def test_settings_in_the_statement_and_in_the_request(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = Memory")
        settings = {"input_format_skip_unknown_fields": 1}
        client.raw_insert("t", insert_block=b'{"n":1,"x":2}', fmt="JSONEachRow", settings=settings)
        client.command('INSERT INTO t SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow {"n":2,"x":2}')
        assert client.query("SELECT n FROM t ORDER BY n").result_rows == [(1,), (2,)]

    def test_inserts_are_not_asynchronous(self, client: Client) -> None:
        assert client.query("SELECT getSetting('async_insert')").result_rows == [(False,)]


class TestResults:
    @pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip", "deflate"])
    def test_a_large_result_is_whole(self, clickhouse: ClickHouse, compress: str) -> None:
        client = clickhouse.client(compress=compress)
        columns = client.query("SELECT number, toString(number) FROM numbers(500000)").result_columns
        assert (sum(columns[0]), len(set(columns[1]))) == (500_000 * 499_999 // 2, 500_000)
        client.close()

    @pytest.mark.parametrize("compress", [False, "lz4", "gzip"])
    def test_a_large_result_is_whole_as_a_stream(self, clickhouse: ClickHouse, compress: str) -> None:
        client = clickhouse.client(compress=compress)
        total = 0
        with client.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
            for block in blocks:
                total += len(block)
        assert total == 2_000_000
        client.close()

    @pytest.mark.parametrize(
        "fmt", ["JSON", "JSONCompact", "CSVWithNames", "Parquet", "JSONEachRow", "TSV", "RowBinary"]
    )
    def test_a_format_gives_the_same_bytes_small_or_large(self, client: Client, fmt: str) -> None:
        """Streamed formats are joined from blocks: the whole must be what one block would give."""
        sql = "SELECT number AS n, toString(number) AS s FROM numbers(200000)"
        large = client.raw_query(sql, fmt=fmt)
        client.command("CREATE TABLE back (n UInt64, s String) ENGINE = Memory")
        client.raw_insert("back", insert_block=large, fmt=fmt)
        assert client.query("SELECT count(), sum(n), uniqExact(s) FROM back").result_rows == [
            (200_000, 200_000 * 199_999 // 2, 200_000)
        ]

    def test_numpy(self, client: Client) -> None:
        array = client.query_np("SELECT toUInt32(number) AS n FROM numbers(100000)")
        assert (
            int(array["n"].astype("int64").sum() if array.dtype.names else array.astype("int64").sum()) == 4_999_950_000
        )

    def test_totals_are_not_lost(self, client: Client) -> None:
        sql = "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k"
        assert client.raw_query(sql, fmt="TSV") == b"0\t5\n1\t5\n\n0\t10\n"

    def test_an_empty_result_has_its_columns(self, client: Client) -> None:
        assert client.query("SELECT 1 AS a, 'x' AS b LIMIT 0").column_names == ("a", "b")
        assert client.query("SELECT number FROM numbers(10) WHERE number > 100").result_rows == []

    def test_summary_counts_what_was_read(self, client: Client) -> None:
        assert client.query("SELECT sum(number) FROM numbers(1000)").summary["result_rows"] == "1"

    def test_an_error_in_the_middle_of_a_stream_reaches_the_reader(self, client: Client) -> None:
        sql = "SELECT throwIf(number = 3000000, 'the end of the road') FROM numbers(5000000)"
        with pytest.raises(StreamFailureError, match="the end of the road"), client.query_rows_stream(sql) as rows:
            list(rows)

    def test_an_error_in_the_middle_has_its_status_for_who_waits_for_the_end(self, clickhouse: ClickHouse) -> None:
        sql = "SELECT throwIf(number = 3000000, 'no') FROM numbers(5000000) FORMAT TSV"
        status, headers, body = curl(clickhouse.url + "?wait_end_of_query=1", "-d", sql)
        assert (status, headers["x-clickhouse-exception-code"]) == (500, "395")
        assert body.startswith(b"Code: 395. DB::Exception: no")


class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "status", "code"),
        [
            ("SELECT * FROM nowhere", 404, 60),
            ("SELECT nothing", 404, 47),
            ("SELECT nofunction(1)", 404, 46),
            ("SELEC 1", 400, 62),
            ("SELECT 1; SELECT 2", 400, 62),
            ("", 400, 62),
            ("SELECT 1 FORMAT Nonsense", 404, 73),
            ("SELECT 1 SETTINGS nosuch = 1", 404, 115),
            ("SELECT 1 INTO OUTFILE '/tmp/never'", 501, 48),
            ("SELECT toUInt8('x')", 400, 6),
            (
                "SELECT sleepEachRow(0.3) FROM numbers(100) SETTINGS max_block_size = 1, max_execution_time = 0.5",
                408,
                159,
            ),
        ],
    )
    def test_errors_have_status_code_and_text(self, clickhouse: ClickHouse, sql: str, status: int, code: int) -> None:
        seen, headers, body = curl(clickhouse.url, "--data-binary", "@-", stdin=sql.encode())
        assert (seen, headers["x-clickhouse-exception-code"]) == (status, str(code))
        assert body.startswith(f"Code: {code}. DB::Exception: ".encode())

    def test_an_unknown_database_is_an_error(self, clickhouse: ClickHouse) -> None:
        status, headers, _ = curl(clickhouse.url + "?database=nowhere", "-d", "SELECT 1")
        assert (status, headers["x-clickhouse-exception-code"]) == (404, "81")

    def test_the_engine_is_none_the_worse(self, client: Client) -> None:
        """chDB keeps the rows of a failed query in its buffer: they must not come out with the next answer."""
        for _ in range(20):
            with pytest.raises(DatabaseError):
                client.raw_query("SELECT throwIf(number = 9) FROM numbers(10) SETTINGS max_block_size = 1", fmt="JSON")
            assert client.raw_query("SELECT 1", fmt="TSV") == b"1\n"

    def test_sql_and_rows_are_not_in_the_log(self, clickhouse: ClickHouse, client: Client) -> None:
        secret = f"x{uuid.uuid4().hex}"
        client.command("CREATE TABLE t (n UInt32) ENGINE = Memory")
        with pytest.raises(DatabaseError, match=secret):
            client.raw_insert("t", insert_block=f'{{"n":"{secret}"}}'.encode(), fmt="JSONEachRow")
        with pytest.raises(DatabaseError, match=secret):
            client.command(f"SELECT {{p:UInt8}} AS `{secret}`", parameters={"p": secret})
        logs = list((clickhouse.server.data_dir / "log").iterdir())
        assert logs
        assert all(secret not in log.read_text() for log in logs)


class TestIsolation:
    def test_settings_of_a_request_are_its_own(self, client: Client) -> None:
        sql = "SELECT getSetting('max_block_size')"
        before = client.query(sql).result_rows
        assert client.query(sql, settings={"max_block_size": 777}).result_rows == [(777,)]
        assert client.query(sql).result_rows == before

    def test_a_setting_can_not_smuggle_in_another(self, clickhouse: ClickHouse) -> None:
        value = "x', readonly = '1"
        url = clickhouse.url + "?" + urlencode({"format_csv_null_representation": value})
        _, _, body = curl(url, "-d", "SELECT getSetting('format_csv_null_representation') FORMAT JSONCompactEachRow")
        assert json.loads(body) == [value]

    def test_readonly_holds(self, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = Memory")
        for forbidden in ("DROP TABLE t", "INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1"):
            with pytest.raises(DatabaseError) as failed:
                client.command(forbidden, settings={"readonly": 1})
            assert failed.value.code == 164
        assert client.query("SELECT count() FROM t", settings={"readonly": 2}).result_rows == [(0,)]

    def test_get_does_not_write(self, clickhouse: ClickHouse, database: str) -> None:
        url = clickhouse.url + "?" + urlencode({"query": f"CREATE TABLE {database}.t (n UInt8) ENGINE = Memory"})
        assert curl(url)[1]["x-clickhouse-exception-code"] == "164"

    def test_what_needs_a_session_is_refused_in_one(self, clickhouse: ClickHouse) -> None:
        client = clickhouse.client(autogenerate_session_id=True)
        assert client.query("SELECT 1").result_rows == [(1,)]
        for statement in ("SET max_threads = 1", "USE system", "CREATE TEMPORARY TABLE x (n UInt8)"):
            with pytest.raises(DatabaseError) as failed:
                client.command(statement)
            assert failed.value.code == 48
        client.close()

    def test_eight_clients_at_once_each_see_their_own(self, clickhouse: ClickHouse, database: str) -> None:
        shared = clickhouse.client(database)
        shared.command("CREATE TABLE t (who UInt8, n UInt32) ENGINE = MergeTree ORDER BY (who, n)")
        together = threading.Barrier(8)

        def work(who: int) -> list[Any]:
            client = clickhouse.client(database, settings={"max_block_size": 1_000 + who})
            together.wait()
            seen: list[Any] = []
            for batch in range(10):
                rows = b"".join(b'{"who":%d,"n":%d}\n' % (who, batch * 500 + n) for n in range(500))
                client.raw_insert("t", insert_block=rows, fmt="JSONEachRow")
                sql = "SELECT {who:UInt8}, getSetting('max_block_size'), count() FROM t WHERE who = {who:UInt8}"
                seen.extend(client.query(sql, parameters={"who": who}).result_rows)
            client.close()
            return seen

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(work, range(8)))
        for who, seen in enumerate(results):
            assert seen == [(who, 1_000 + who, 500 * (batch + 1)) for batch in range(10)]
        assert shared.query("SELECT count(), uniqExact(who, n) FROM t").result_rows == [(40_000, 40_000)]
        shared.close()


class TestCurl:
    def test_ping_needs_no_password(self, clickhouse: ClickHouse) -> None:
        bare = f"http://{clickhouse.host}:{clickhouse.port}/"
        assert curl(bare + "ping")[::2] == (200, b"Ok.\n")
        assert curl(bare)[::2] == (200, b"Ok.\n")
        assert curl(bare + "nowhere")[0] == 404

    def test_query_in_the_url(self, clickhouse: ClickHouse) -> None:
        status, headers, body = curl(clickhouse.url + "?query=SELECT+1,+'a'&query_id=abc")
        assert (status, body) == (200, b"1\ta\n")
        assert headers["x-clickhouse-query-id"] == "abc"
        assert headers["x-clickhouse-format"] == "TabSeparated"
        assert headers["x-clickhouse-timezone"]
        assert headers["x-clickhouse-server-display-name"]
        assert json.loads(headers["x-clickhouse-summary"])["result_rows"] == "1"

    def test_query_in_the_body_and_in_both(self, clickhouse: ClickHouse) -> None:
        assert curl(clickhouse.url, "-d", "SELECT 1")[2] == b"1\n"
        assert curl(clickhouse.url + "?query=SELECT", "-d", "1 + 1")[2] == b"2\n"

    def test_format_json(self, clickhouse: ClickHouse) -> None:
        _, headers, body = curl(clickhouse.url, "-d", "SELECT 1 AS a FORMAT JSON")
        assert headers["content-type"].startswith("application/json")
        assert json.loads(body)["data"] == [{"a": 1}]

    def test_default_format(self, clickhouse: ClickHouse) -> None:
        assert curl(clickhouse.url + "?default_format=JSONEachRow", "-d", "SELECT 1 AS a")[2] == b'{"a":1}\n'
        assert curl(clickhouse.url, "-H", "X-ClickHouse-Format: CSV", "-d", "SELECT 'a'")[2] == b'"a"\n'

    def test_a_gzip_answer(self, clickhouse: ClickHouse) -> None:
        sql = "SELECT number FROM numbers(100000)"
        _, headers, body = curl(clickhouse.url + "?enable_http_compression=1", "-H", "Accept-Encoding: gzip", "-d", sql)
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == b"".join(b"%d\n" % n for n in range(100_000))

    @pytest.mark.parametrize("extra", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue")])
    def test_a_file_is_inserted(
        self, clickhouse: ClickHouse, database: str, client: Client, tmp_path: Path, extra: tuple[str, ...]
    ) -> None:
        client.command("CREATE TABLE t (n UInt32, s String) ENGINE = Memory")
        file = tmp_path / "rows.csv"
        file.write_bytes(b"".join(b'%d,"x"\n' % n for n in range(200_000)))
        url = f"{clickhouse.url}?database={database}&query=INSERT+INTO+t+FORMAT+CSV"
        status, headers, _ = curl(url, *extra, "--data-binary", f"@{file}")
        assert status == 200
        assert json.loads(headers["x-clickhouse-summary"])["written_rows"] == "200000"
        assert client.query("SELECT count(), sum(n) FROM t").result_rows == [(200_000, 200_000 * 199_999 // 2)]

    def test_a_gzip_body(self, clickhouse: ClickHouse, database: str, client: Client) -> None:
        client.command("CREATE TABLE t (n UInt32) ENGINE = Memory")
        body = gzip.compress(b"INSERT INTO t FORMAT CSV\n1\n2\n") + gzip.compress(b"3\n")
        url = f"{clickhouse.url}?database={database}"
        assert curl(url, "-H", "Content-Encoding: gzip", "--data-binary", "@-", stdin=body)[0] == 200
        assert client.query("SELECT sum(n) FROM t").result_rows == [(6,)]

    @pytest.mark.parametrize(
        ("credentials", "arguments"),
        [
            ("", ()),
            ("?user=tafol&password=wrong", ()),
            ("", ("-u", "tafol:wrong")),
            ("", ("-u", "default:")),
            ("", ("-H", "X-ClickHouse-User: tafol", "-H", "X-ClickHouse-Key: wrong")),
        ],
    )
    def test_a_wrong_password_is_refused(
        self, clickhouse: ClickHouse, credentials: str, arguments: tuple[str, ...]
    ) -> None:
        url = f"http://{clickhouse.host}:{clickhouse.port}/{credentials}"
        status, headers, body = curl(url, *arguments, "-d", "SELECT 1")
        assert (status, headers["x-clickhouse-exception-code"]) == (403, "516")
        assert b"AUTHENTICATION_FAILED" in body

    def test_a_right_password_in_every_place(self, clickhouse: ClickHouse) -> None:
        url = f"http://{clickhouse.host}:{clickhouse.port}/"
        user, password = clickhouse.user, clickhouse.password
        in_url = url + "?" + urlencode({"user": user, "password": password})
        assert curl(in_url, "-d", "SELECT 1")[2] == b"1\n"
        assert curl(url, "-u", f"{user}:{password}", "-d", "SELECT 1")[2] == b"1\n"
        headers = ("-H", f"X-ClickHouse-User: {user}", "-H", f"X-ClickHouse-Key: {password}")
        assert curl(url, *headers, "-d", "SELECT 1")[2] == b"1\n"

    def test_block_compression_is_refused_in_plain_words(self, clickhouse: ClickHouse) -> None:
        status, _, body = curl(clickhouse.url + "?compress=1", "-d", "SELECT 1")
        assert status == 501
        assert b"use HTTP compression" in body

    def test_the_greeting_of_clickhouse_go(self, clickhouse: ClickHouse) -> None:
        url = clickhouse.url + "?default_format=Native&client_protocol_version=54460"
        _, _, body = curl(url, "-d", "SELECT displayName(), version(), revision(), timezone()")
        assert body.startswith(b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01\x0ddisplayName()\x06String\x00")
        assert curl(url, "-d", "SELECT 1 AS x")[2] == b"\x01\x01\x01x\x05UInt8\x01"
