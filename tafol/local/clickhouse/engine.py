"""chDB, ClickHouse's engine in this process: one connection for each query, used by the one thread that runs it.

A connection of its own, 0.1 ms to open, keeps requests apart: settings, the current database and temporary tables of
one can't reach another. It must not be used again after an error: chDB then leaves the rows the failed query had made
in its buffer, and they would come out in front of the next answer.

Every insert is read by one thread from a file, so that up to 1,048,449 rows or 256 MiB are one block, which is stored
whole or not at all; and it begins only when all of its rows have arrived.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chdb import ChdbError
from chdb.state.sqlitelike import Connection

from tafol.errors import ConfigError, StartFailed
from tafol.local.clickhouse.limits import MIB, Limits
from tafol.local.clickhouse.refusals import Refusal, from_engine

# chDB encodes each block of a streamed result by itself. Only formats without a head, a foot or marks between rows
# give the same bytes that way as in one piece; all others are made as a whole.
STREAMED_FORMATS = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "JSONCompactEachRow"})

# Characters that make chDB read a path as a pattern; a pattern that matches no file inserts nothing and says nothing.
_PATTERN_CHARACTERS = frozenset("*?{}")

_DEFAULTS = {"async_insert": "0"}
_INSERT_DEFAULTS = {"input_format_parallel_parsing": "0", "max_insert_threads": "1"}

Write = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Query:
    """One statement to run."""

    sql: bytes
    format: str
    """Of the result, where the statement names none itself."""
    database: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    parameters: Mapping[str, str] | None = None
    readonly: bool = False
    streamed: bool = False
    """The result may be written block by block (STREAMED_FORMATS)."""
    rows_from: Path | None = None
    """The file that an insert's statement names."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a query did, for X-ClickHouse-Summary. Streamed results count the result's rows as read."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_s: float = 0.0


class Engine:
    """chDB on one folder. A process can have one, and must not have been forked from one that has."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        """Open or make the folder. Raises ConfigError for its path, StartFailed when chDB can't open it."""
        if _PATTERN_CHARACTERS & set(str(folder)):
            raise ConfigError(
                f"The data folder {folder} has one of * ? {{ }} in its path, which ClickHouse reads as a pattern.",
                hint="Choose a folder without them.",
            )
        self._path = str(folder)
        self._limits = limits
        self._id = secrets.token_hex(8)
        try:
            # Kept open from the start to the end: chDB shuts its engine down with the last connection.
            self._keeper = Connection(self._path)
            row = self._keeper.query("SELECT version(), timezone()", "TSV").bytes()
        except (ChdbError, RuntimeError) as error:
            raise StartFailed(f"chDB could not open {folder}: {error}") from error
        self.version, self.timezone = row.decode().strip().split("\t")

    def run(self, query: Query, tag: str, write: Write) -> Summary:
        """Run `query` in this thread, giving its result to `write` in pieces of about a MiB.

        `tag` names the query for `cancel`. Raises Refusal for what the engine refuses; what `write` raises goes
        through, and the query is then cancelled.
        """
        with self._connection() as connection:
            for statement in self._preamble(query, tag):
                connection.query(statement)
            parameters = dict(query.parameters or {})
            if query.streamed:
                return _stream(connection, query, parameters, write)
            result = connection.query(query.sql, query.format, params=parameters)
            view = result.get_memview().view() if result.size() else memoryview(b"")
            for at in range(0, len(view), MIB):
                write(bytes(view[at : at + MIB]))
            return Summary(
                read_rows=result.storage_rows_read() or result.rows_read(),
                read_bytes=result.storage_bytes_read() or result.bytes_read(),
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
                result_rows=result.rows_read() if result.size() else result.rows_written(),
                elapsed_s=result.elapsed(),
            )

    def cancel(self, tag: str) -> None:
        """Ask the query of this tag to stop; it then raises Refusal 394 where it runs. Nothing if it has ended."""
        self._kill(f"Settings['log_comment'] = '{self._comment(tag)}'")

    def cancel_all(self) -> None:
        """Ask every query to stop."""
        self._kill(f"startsWith(Settings['log_comment'], '{self._comment('')}')")

    def close(self) -> None:
        """Close the engine. No query may be running."""
        self._keeper.close()

    def _comment(self, tag: str) -> str:
        return f"{self._id}-{tag}"

    def _kill(self, condition: str) -> None:
        with contextlib.suppress(Refusal), self._connection() as connection:
            connection.query(f"KILL QUERY WHERE {condition} ASYNC")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:  # chDB says it takes str alone; it takes bytes as well
        try:
            connection = Connection(self._path)
            try:
                yield connection
            finally:
                connection.close()
        except (ChdbError, RuntimeError) as error:
            raise from_engine(str(error)) from error

    def _preamble(self, query: Query, tag: str) -> Iterator[str]:
        """SET and USE that come before the statement; readonly last, for it forbids the others."""
        settings = dict(_DEFAULTS)
        if query.rows_from is not None:
            settings |= _INSERT_DEFAULTS
        if not query.streamed:
            settings["max_result_bytes"] = str(self._limits.whole_result_bytes)
        settings |= dict(query.settings)
        settings["max_execution_time"] = _cut(settings.get("max_execution_time"), self._limits.request_s)
        settings["log_comment"] = self._comment(tag)
        readonly = settings.pop("readonly", "0")
        yield "SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items())
        if query.database is not None:
            yield "USE `" + query.database.replace("\\", "\\\\").replace("`", "\\`") + "`"
        if query.readonly and readonly in {"", "0"}:
            readonly = "2"
        if readonly != "0":
            yield f"SET readonly = {_quoted(readonly)}"


def _stream(connection: Any, query: Query, parameters: dict[str, str], write: Write) -> Summary:
    rows = size = 0
    elapsed_s = 0.0
    with connection.send_query(query.sql, query.format, params=parameters) as stream:
        for chunk in stream:
            rows += chunk.rows_read()
            size += chunk.bytes_read()
            elapsed_s = chunk.elapsed()
            write(chunk.bytes())
    return Summary(read_rows=rows, read_bytes=size, result_rows=rows, elapsed_s=elapsed_s)


def _cut(wanted_s: str | None, limit_s: float) -> str:
    """max_execution_time: what was asked for, at most the limit; 0 asks for no limit."""
    with contextlib.suppress(ValueError):
        if wanted_s is not None and 0 < float(wanted_s) <= limit_s:
            return wanted_s
    return str(limit_s)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def insert_sql(into: bytes, settings: bytes, data_format: str, rows: Path) -> bytes:
    """The statement that inserts the rows of a file."""
    return b" ".join(
        (
            into,
            b"FROM INFILE",
            _quoted(str(rows)).encode(),
            b"COMPRESSION 'none'",
            settings,
            b"FORMAT",
            data_format.encode(),
        )
    )
