"""Takes in the body of a request: decompresses it, finds the statement at its head, puts an insert's rows in a file.

The body goes on where the URL's query ends, as in ClickHouse: `?query=INSERT INTO t FORMAT CSV` with rows in the body,
or all of it in the body, or nothing in the URL at all. Rows go to a file, not to memory, and the insert begins when the
last one is there: a client that dies while it sends leaves nothing behind.
"""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tafol.local.clickhouse.compression import Decoder
from tafol.local.clickhouse.limits import Limits
from tafol.local.clickhouse.refusals import too_large
from tafol.local.clickhouse.statement import InsertHead, read_insert

# An insert's head (statement up to the first row) is looked for in this much, which is ClickHouse's max_query_size.
HEAD_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert and the file with its rows, which its owner must delete."""

    head: InsertHead
    rows: Path

    def discard(self) -> None:
        """Delete the rows' file."""
        self.rows.unlink(missing_ok=True)


async def take_in(
    sql: bytes, body: AsyncIterator[bytes], encoding: str, folder: Path, limits: Limits
) -> bytes | Insert:
    """Read `body` to its end. Gives the whole statement, or the insert with its rows in a new file of `folder`.

    `sql` is what came in the URL. Raises Refusal for a body too large, cut short, or not in its encoding.
    """
    start = bytearray(sql + b"\n" if sql else b"")
    pieces = _decoded(body, encoding, limits)
    async for piece in pieces:
        start += piece
        if len(start) >= HEAD_BYTES:
            break
    head = read_insert(bytes(start[: len(sql) + HEAD_BYTES]))
    if head is not None:
        return await _take_rows(head, memoryview(start)[head.data_at :], pieces, folder)
    async for piece in pieces:
        start += piece
        if len(start) > limits.statement_bytes:
            raise too_large("The statement", limits.statement_bytes)
    return bytes(start)


async def _take_rows(head: InsertHead, first: memoryview, rest: AsyncIterator[bytes], folder: Path) -> Insert:
    file: IO[bytes] = tempfile.NamedTemporaryFile(dir=folder, prefix="rows-", delete=False)  # noqa: SIM115
    insert = Insert(head, Path(file.name))
    try:
        with file:
            file.write(first)
            async for piece in rest:
                file.write(piece)
    except BaseException:  # cancelled too: rows that are not inserted are not kept
        insert.discard()
        raise
    return insert


async def _decoded(body: AsyncIterator[bytes], encoding: str, limits: Limits) -> AsyncIterator[bytes]:
    decoder = Decoder(encoding) if encoding else None
    received = unfolded = 0
    async for chunk in body:
        received += len(chunk)
        for piece in decoder.decode(chunk) if decoder else (chunk,):
            unfolded += len(piece)
            if max(received, unfolded) > limits.request_bytes:
                raise too_large("The body", limits.request_bytes)
            yield piece
    if decoder and received:
        decoder.finish()
