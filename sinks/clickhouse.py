"""ClickHouseStore: a ClickHouse server, or the local one, over HTTP by clickhouse-connect.

Every insert is synchronous (`async_insert` is on by default in recent servers: an answer would then mean nothing) and
is one block, so that a retry cannot store part of a month twice over. Connects at the first use and again after a
failure, so that a server that is away when the worker starts is waited for like one that goes away later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from sinks import retries
from sinks.store import LogPartition, Parameter, Row, StoreError
from sinks.tables import TABLES

ONE_BLOCK_ROWS: Final = 100_000_000
"""More rows than any batch: a block is never cut. (`min_*`: nor is it held back for a fuller one.)"""

INSERT_SETTINGS: Final[dict[str, int | str]] = {
    "async_insert": 0,
    "max_insert_block_size": ONE_BLOCK_ROWS,
    "min_insert_block_size_rows": ONE_BLOCK_ROWS,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "max_partitions_per_insert_block": 0,
    "input_format_parallel_parsing": 0,
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
    "input_format_allow_errors_num": 0,
    "date_time_input_format": "best_effort",
}


@dataclass(frozen=True, slots=True)
class ClickHouseAddress:
    """How to reach the server. `database`: made by `sinks.migrate` where it is not there."""

    host: str = "127.0.0.1"
    port: int = 8123
    database: str = "tafol"
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    verify: bool = True
    ca_cert: str | None = None
    connect_timeout_s: int = 5
    answer_timeout_s: int = 120

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def connect(self) -> Client:
        """A client of its own. Raises clickhouse-connect's errors."""
        return clickhouse_connect.get_client(
            host=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            secure=self.secure,
            verify=self.verify,
            ca_cert=self.ca_cert,
            connect_timeout=self.connect_timeout_s,
            send_receive_timeout=self.answer_timeout_s,
            autogenerate_session_id=False,  # no session: a hung insert must not lock the next one out
            query_retries=0,
        )


class ClickHouseStore:
    """Store and Asker over one client, which `connect` makes. Used by one thread at a time.

    `server`: as errors name it.
    """

    def __init__(self, connect: Callable[[], Client], database: str, server: str = "ClickHouse") -> None:
        self.database = database
        self._server = server
        self._connect = connect
        self._client: Client | None = None

    @classmethod
    def at(cls, address: ClickHouseAddress) -> ClickHouseStore:
        return cls(address.connect, address.database, f"ClickHouse at {address}")

    def insert(self, table: str, lines: bytes) -> None:
        """As the protocol says."""
        with self._answering(f"table {table}") as client:
            settings = dict(INSERT_SETTINGS)
            if lines.startswith(b"["):
                columns = TABLES[table].columns
                client.raw_insert(table, columns, lines, settings=settings, fmt="JSONCompactEachRow")
            else:
                client.raw_insert(table, insert_block=lines, settings=settings, fmt="JSONEachRow")

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        """As the protocol says."""
        found = self.ask(
            "SELECT topic, topic_id, partition, max(next_offset) AS next_offset FROM sink_positions "
            "WHERE has({topics:Array(String)}, topic) GROUP BY topic, topic_id, partition",
            {"topics": list(topics)},
        )
        return {
            LogPartition(str(row["topic"]), str(row["topic_id"]), row["partition"]): int(str(row["next_offset"]))
            for row in found
        }

    def rows(self, table: str) -> list[Row]:
        """As the protocol says."""
        declared = TABLES.get(table)
        if declared is None:
            raise StoreError(f"no table {table}", code=60)
        columns = ", ".join(f"`{column}`" for column in declared.columns)
        order = ", ".join(f"`{column}`" for column in declared.key)
        return self.ask(f"SELECT {columns} FROM {table} FINAL ORDER BY {order}", {})  # noqa: S608 (declared names)

    def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        """Rows of a SELECT with `{name:Type}` parameters. Raises StoreError."""
        with self._answering("query") as client:
            return list(client.query(sql, parameters=dict(parameters)).named_results())

    def command(self, sql: str, *, in_database: bool = True) -> None:
        """Run a statement that gives no rows. `in_database` False: before the database is there."""
        with self._answering("statement") as client:
            client.command(sql, use_database=in_database)

    def has_table(self, table: str) -> bool:
        """Whether the database is there and has it."""
        with self._answering("query") as client:
            found = client.command(
                "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String}",
                parameters={"database": self.database, "table": table},
                use_database=False,
            )
        return found == 1

    def close(self) -> None:
        """Let the connection go; a later call connects again."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def _answering(self, what: str) -> Iterator[Client]:
        try:
            if self._client is None:
                self._client = self._connect()
                self._client.database = self.database
            yield self._client
        except (DatabaseError, OSError) as error:
            code = _code(error)
            if code is None:
                self.close()
            # The cause is cut off: its text quotes rows.
            message = f"{self._server}, {what}: {retries.named(code)}"
            raise StoreError(message, code=code, hint=retries.hint(code)) from None


def _code(error: Any) -> int | None:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) and code > 0 else None
