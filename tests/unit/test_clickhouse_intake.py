"""Bodies of any cut become statements, or inserts with their rows in a file that is never left behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tafol.local.clickhouse.intake import HEAD_BYTES, Insert, take_in
from tafol.local.clickhouse.limits import Limits
from tafol.local.clickhouse.refusals import Refusal

pytestmark = pytest.mark.unit

SMALL = Limits(request_bytes=1_000_000, statement_bytes=500_000)


async def chunks(body: bytes, step: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), step):
        yield body[at : at + step]


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.binary(max_size=200), step=st.integers(1, 300), in_url=st.booleans())
def test_rows_are_whole_wherever_the_insert_is_and_however_the_body_is_cut(
    tmp_path: Path, rows: bytes, step: int, *, in_url: bool
) -> None:
    head = b"INSERT INTO t FORMAT Native"
    # In the URL, the line end after the statement is ours; in the body it is the client's.
    body = rows if in_url else head + b"\n" + rows
    taken = asyncio.run(take_in(head if in_url else b"", chunks(body, step), "", tmp_path, SMALL))
    assert isinstance(taken, Insert)
    assert taken.rows.read_bytes() == rows
    taken.discard()
    assert list(tmp_path.iterdir()) == []


async def test_url_and_body_are_one_statement(tmp_path: Path) -> None:
    assert await take_in(b"SELECT", chunks(b"1", 1), "", tmp_path, SMALL) == b"SELECT\n1"
    assert await take_in(b"", chunks(b"SELECT 1", 3), "", tmp_path, SMALL) == b"SELECT 1"


async def test_a_long_statement_is_read_to_its_end(tmp_path: Path) -> None:
    sql = b"SELECT '" + b"x" * (HEAD_BYTES + 10) + b"'"
    assert await take_in(b"", chunks(sql, 1000), "", tmp_path, SMALL) == sql


@pytest.mark.parametrize(("head", "size"), [(b"SELECT '", 500_001), (b"INSERT INTO t FORMAT CSV\n", 1_000_001)])
async def test_too_much_is_refused_and_nothing_stays_on_disk(tmp_path: Path, head: bytes, size: int) -> None:
    with pytest.raises(Refusal) as refused:
        await take_in(b"", chunks(head + b"1" * size, 10_000), "", tmp_path, SMALL)
    assert refused.value.status == 413
    assert files_in(tmp_path) == []


async def test_a_client_that_breaks_off_leaves_nothing_on_disk(tmp_path: Path) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield b"INSERT INTO t FORMAT CSV\n" + b"1\n" * HEAD_BYTES
        assert len(files_in(tmp_path)) == 1
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await take_in(b"", breaks_off(), "", tmp_path, SMALL)
    assert files_in(tmp_path) == []
