"""Stores over the session's local ClickHouse, for the contract and integration tests of the sink."""

from collections.abc import Iterator

import pytest

from sinks.batching import Batch
from sinks.clickhouse import ClickHouseAddress, ClickHouseStore
from sinks.migrate import migrate
from sinks.rows import SinkChunk, rows_of
from sinks.tables import TABLES
from sinks.writer import Surroundings, Writer
from tests.fixtures.clickhouse import ClickHouse
from tests.unit.sinks import records as r


class Seen:
    """A SinkObserver that remembers."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.retries: list[str] = []

    def sink_flushed(self, table: str, rows: int, seconds: float) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows

    def sink_retry(self, code: str) -> None:
        self.retries.append(code)


def address(clickhouse: ClickHouse, database: str) -> ClickHouseAddress:
    return ClickHouseAddress(
        clickhouse.host, clickhouse.port, database, user=clickhouse.user, password=clickhouse.password
    )


def batch(*chunks: SinkChunk) -> Batch:
    made = Batch()
    for chunk in chunks:
        made.add(rows_of(chunk), now_s=0.0)
    return made


def write(writer: Writer, batch: Batch) -> None:
    """The whole of a batch, with none beside it."""
    writer.write_rows(batch)
    writer.write_positions(batch)


def store_all(store: ClickHouseStore, *chunks: SinkChunk) -> None:
    """Write chunks as the sink does, one batch."""
    around = Surroundings(lambda: r.NOW, lambda: 0.0, lambda _: True, lambda: 0.5)
    write(Writer(store, around, Seen()), batch(*chunks))


@pytest.fixture
def migrated(clickhouse: ClickHouse, migrated_database: str) -> Iterator[ClickHouseStore]:
    """A store that has all the tables, empty. They are the session's, emptied after each test, for making them takes
    ten times as long: a test that changes more than rows takes `migrated_alone`.
    """
    store = ClickHouseStore.at(address(clickhouse, migrated_database))
    yield store
    for table in TABLES:
        store.command(f"TRUNCATE TABLE {table}")
    store.close()


@pytest.fixture
def migrated_alone(clickhouse: ClickHouse, database: str) -> Iterator[ClickHouseStore]:
    """A store over a database of its own that has all the tables."""
    store = ClickHouseStore.at(address(clickhouse, database))
    migrate(store, lambda: r.NOW)
    yield store
    store.close()
