"""How much of SQL the local ClickHouse understands: where rows begin, which format, what must not run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tafol.local.clickhouse.refusals import Refusal
from tafol.local.clickhouse.statement import InsertHead, read_insert, read_statement

pytestmark = pytest.mark.unit


def head_of(sql: bytes) -> InsertHead:
    head = read_insert(sql)
    assert head is not None
    return head


@pytest.mark.parametrize(
    ("sql", "into", "settings", "data_format", "rows"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", b"INSERT INTO t", b"", "CSV", b"1,2"),
        (b"insert into t (a, `b c`) format JSONEachRow {}", b"insert into t (a, `b c`)", b"", "JSONEachRow", b"{}"),
        (b"INSERT INTO t VALUES (1)", b"INSERT INTO t", b"", "Values", b" (1)"),
        (
            b"INSERT INTO d.t SETTINGS a = 1, b = 'x' FORMAT TSV\r\n1",
            b"INSERT INTO d.t",
            b"SETTINGS a = 1, b = 'x'",
            "TSV",
            b"1",
        ),
        (b"INSERT INTO format FORMAT CSV\n1", b"INSERT INTO format", b"", "CSV", b"1"),
        (b"INSERT INTO d.values (settings) VALUES (1)", b"INSERT INTO d.values (settings)", b"", "Values", b" (1)"),
        (b'INSERT INTO TABLE "x FORMAT y" FORMAT CSV\n1', b'INSERT INTO TABLE "x FORMAT y"', b"", "CSV", b"1"),
        (
            b"INSERT INTO FUNCTION null('a UInt8') FORMAT CSV\n1",
            b"INSERT INTO FUNCTION null('a UInt8')",
            b"",
            "CSV",
            b"1",
        ),
        (b"-- FORMAT TSV\nINSERT /* VALUES */ INTO t FORMAT CSV\n1", b"INSERT /* VALUES */ INTO t", b"", "CSV", b"1"),
        (b"INSERT INTO t FORMAT Native\n\n\x00\xff'", b"INSERT INTO t", b"", "Native", b"\n\x00\xff'"),
    ],
)
def test_head_of_an_insert_ends_where_its_rows_begin(
    sql: bytes, into: bytes, settings: bytes, data_format: str, rows: bytes
) -> None:
    head = head_of(sql)
    assert (head.into, head.settings, head.format, sql[head.data_at :]) == (into, settings, data_format, rows)


@given(st.binary())
def test_rows_are_never_looked_into(rows: bytes) -> None:
    sql = b"INSERT INTO t FORMAT Native\n" + rows
    assert sql[head_of(sql).data_at :] == rows


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 1",
        b"",
        b"INSERT INTO t SELECT 1 FORMAT Null",
        b"INSERT INTO t (a) WITH 1 AS x SELECT x",
        b"INSERT INTO t (SELECT 1)",
        b"INSERT INTO t FORMAT",
        b"INSERT",
        b"CREATE TABLE t (x String DEFAULT 'INSERT INTO t FORMAT CSV')",
    ],
)
def test_what_carries_no_rows_is_no_insert_head(sql: bytes) -> None:
    assert read_insert(sql) is None


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format Native;", "Native"),
        (b"SELECT 1\n FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT CSV -- FORMAT TSV", "CSV"),
        (b"SELECT 'FORMAT JSON'", None),
        (b"SELECT a AS format FROM t", None),
        (b"SELECT * FROM (SELECT 1 FORMAT JSON)", None),
        (b"SELECT $$FORMAT JSON$$", None),
    ],
)
def test_format_is_the_one_the_statement_names_at_its_end(sql: bytes, named: str | None) -> None:
    assert read_statement(sql).format == named


@pytest.mark.parametrize(
    ("sql", "reads", "selects"),
    [
        (b"SELECT 1", True, True),
        (b"/* c */ (SELECT 1) UNION ALL (SELECT 2)", True, True),
        (b"WITH 1 AS x SELECT x", True, True),
        (b"SELECT count() FROM t GROUP BY a WITH TOTALS", True, False),
        (b"SHOW TABLES", True, False),
        (b"DROP TABLE t", False, False),
        (b"INSERT INTO t SELECT 1", False, False),
        (b"WITH 1 AS x INSERT INTO t SELECT x", False, False),
    ],
)
def test_kind_of_statement(sql: bytes, *, reads: bool, selects: bool) -> None:
    statement = read_statement(sql)
    assert (statement.reads, statement.selects) == (reads, selects)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (b"SELECT 1; DROP TABLE t", 62),
        (b"SELECT 1 INTO OUTFILE '/tmp/x'", 48),
        (b"INSERT INTO t SELECT * FROM input('a UInt8') FORMAT CSV 1", 48),
    ],
)
def test_statements_that_must_not_run_are_refused(sql: bytes, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        read_statement(sql)
    assert refused.value.code == code


def test_reading_a_file_of_the_server_is_refused() -> None:
    with pytest.raises(Refusal, match="FROM INFILE"):
        read_insert(b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV")


def test_semicolons_at_the_end_and_in_quotes_are_one_statement() -> None:
    assert read_statement(b"SELECT ';' ;; -- ; DROP").verb == "SELECT"


@pytest.mark.parametrize("opener", [b"'", b"`", b'"', b"/*", b"$$", b"'\\"])
def test_a_quote_that_never_closes_does_not_hang(opener: bytes) -> None:
    # A matcher that tries every way to split these 200,000 characters would not come back before the timeout.
    assert read_statement(b"SELECT " + opener + b"a\\b" * 66_666 + b"\\").verb == "SELECT"
