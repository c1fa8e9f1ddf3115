"""The sink when ClickHouse is killed in the middle of a block, away and back, or its answers are lost: tables exact."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseAddress, ClickHouseStore
from sinks.memory import MemoryStore
from sinks.migrate import migrate
from sinks.retries import Backoff
from sinks.rows import SinkChunk
from sinks.store import LogPartition, Row, Store
from sinks.writer import Stopped, Surroundings, Writer
from tafol.local import process
from tafol.local.clickhouse import ClickHouseConfig, LocalClickHouse
from tests.fixtures.clickhouse import ClickHouse
from tests.integration.lossy_proxy import LossyProxy
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import Seen, address, batch, write

pytestmark = [pytest.mark.clickhouse, pytest.mark.fault]
MONTHS = [datetime(2026, month, 3, tzinfo=UTC) for month in (9, 10, 11)]
CHUNKS = 6
ROWS_A_CHUNK = 9000
SELECTIONS_A_CHUNK = 30
ID_OF = {"transactions": "id", "selections": "selection_id"}


@pytest.fixture(scope="module")
def log() -> list[tuple[SinkChunk, ...]]:
    """Chunks of two topics; the rows of each lie in three months and two tables."""
    names, *shape = r.decided_lines([r.decided(0, month) for month in MONTHS]).splitlines(keepends=True)

    def lines(first: int) -> bytes:
        return names + b"".join(
            shape[number % 3].replace(b'["t-0"', b'["t-%d"' % number) for number in range(first, first + ROWS_A_CHUNK)
        )

    return [
        (
            r.chunk(c.DECIDED, lines(number * ROWS_A_CHUNK), first_offset=number),
            r.chunk(
                c.SELECTIONS,
                *[
                    r.selection(n, MONTHS[n % 3])
                    for n in range(number * SELECTIONS_A_CHUNK, (number + 1) * SELECTIONS_A_CHUNK)
                ],
                first_offset=number * SELECTIONS_A_CHUNK,
            ),
        )
        for number in range(CHUNKS)
    ]


@pytest.fixture(scope="module")
def exact(log: list[tuple[SinkChunk, ...]]) -> dict[str, list[str]]:
    """The ids that every table must have, from a store that does not fail."""
    store = MemoryStore()
    for chunks in log:
        write(writer(store, threading.Event()), batch(*chunks))
    return {table: sorted(row[name] for row in store.rows(table)) for table, name in ID_OF.items()}


def writer(store: Store, stop: threading.Event, seen: Seen | None = None) -> Writer:
    ticks = itertools.count()
    around = Surroundings(lambda: r.NOW, lambda: float(next(ticks)), stop.wait, Random(7).random)
    return Writer(store, around, seen or Seen(), Backoff(first_s=0.02, longest_s=0.2))


def run_from_positions(store: Store, log: list[tuple[SinkChunk, ...]], stop: threading.Event, seen: Seen) -> None:
    """A whole life of a sink: find the positions, then write what comes after, two chunks of each topic a batch."""
    sink = writer(store, stop, seen)
    positions = sink.positions([r.at(c.DECIDED), r.at(c.SELECTIONS)])
    for pair in zip(log[::2], log[1::2], strict=True):
        left = [
            SinkChunk(chunk.at, [record for record in chunk.records if record.offset >= positions[chunk.at]])
            for chunks in pair
            for chunk in chunks
        ]
        write(sink, batch(*[chunk for chunk in left if chunk.records]))


def ids_in(store: ClickHouseStore) -> dict[str, list[str]]:
    return {
        table: [row["id"] for row in store.ask(f"SELECT {name} AS id FROM current_{table} ORDER BY id", {})]
        for table, name in ID_OF.items()
    }


def is_exact(store: ClickHouseStore, exact: dict[str, list[str]]) -> bool:
    ends = {r.at(c.DECIDED): CHUNKS, r.at(c.SELECTIONS): CHUNKS * SELECTIONS_A_CHUNK}
    return ids_in(store) == exact and store.positions([c.DECIDED, c.SELECTIONS]) == ends


class KillingStore:
    """Kills the server so long after insert number `nth` was begun, and stops the sink; no insert after that begins
    before the server is dead.
    """

    def __init__(self, inner: ClickHouseStore, server: LocalClickHouse, nth: int, after_s: float) -> None:
        self.stop = threading.Event()
        self._inner, self._server = inner, server
        self._left = nth
        self._killer = threading.Timer(after_s, self._kill)

    def insert(self, table: str, lines: bytes) -> None:
        self._left -= 1
        if self._left == 0:
            self._killer.start()
        if self._left < 0:
            self._killer.join()
        self._inner.insert(table, lines)

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        return self._inner.positions(topics)

    def rows(self, table: str) -> list[Row]:
        return self._inner.rows(table)

    def _kill(self) -> None:
        os.kill(self._server.pid, signal.SIGKILL)
        while self._server.running:
            time.sleep(0.01)
        self.stop.set()


def test_killed_in_the_middle_of_blocks_over_three_months_and_two_tables(
    tmp_path: Path, log: list[tuple[SinkChunk, ...]], exact: dict[str, list[str]]
) -> None:
    config = ClickHouseConfig(tmp_path / "clickhouse", port=process.any_free_port())
    with LocalClickHouse(config) as server:
        access = server.access
        where = ClickHouseAddress(access.host, access.port, "tafol", user=access.user, password=access.password)
        migrate(ClickHouseStore.at(where), lambda: r.NOW)
        # Inserts of a batch: transactions, selections, positions.
        for nth, after_s in ((1, 0.0), (1, 0.02), (1, 0.06), (1, 0.15), (2, 0.0), (3, 0.0)):
            store = KillingStore(ClickHouseStore.at(where), server, nth, after_s)
            with pytest.raises(Stopped):
                run_from_positions(store, log, store.stop, Seen())
            server.start()
        final = ClickHouseStore.at(where)
        run_from_positions(final, log, threading.Event(), Seen())
        assert is_exact(final, exact)
        final.close()


class SeenAndDone(Seen):
    """Does something at the first flush, and at the retry with number `at_retry` since."""

    def __init__(self, at_retry: int, then: Callable[[], None], at_flush: Callable[[], None]) -> None:
        super().__init__()
        self._at_retry, self._then, self._at_flush = at_retry, then, at_flush

    def sink_flushed(self, table: str, rows: int, seconds: float) -> None:
        if not self.rows:
            self.retries.clear()
            self._at_flush()
        super().sink_flushed(table, rows, seconds)

    def sink_retry(self, code: str) -> None:
        super().sink_retry(code)
        if len(self.retries) == self._at_retry:
            self._then()


def test_away_at_the_start_and_again_in_the_middle_it_waits_and_loses_nothing(
    clickhouse: ClickHouse, database: str, log: list[tuple[SinkChunk, ...]], exact: dict[str, list[str]]
) -> None:
    direct = ClickHouseStore.at(address(clickhouse, database))
    migrate(direct, lambda: r.NOW)
    proxy = LossyProxy(clickhouse.host, clickhouse.port)  # refuses: it does not listen yet
    store = ClickHouseStore.at(replace(address(clickhouse, database), port=proxy.port))
    seen = SeenAndDone(3, then=proxy.listen, at_flush=proxy.refuse)
    try:
        run_from_positions(store, log, threading.Event(), seen)
    finally:
        proxy.refuse()
    assert seen.retries == ["no answer"] * 3
    assert is_exact(direct, exact)
    direct.close()
    store.close()


def test_answers_lost_after_the_insert_was_done_leave_every_row_once(
    clickhouse: ClickHouse, database: str, log: list[tuple[SinkChunk, ...]], exact: dict[str, list[str]]
) -> None:
    direct = ClickHouseStore.at(address(clickhouse, database))
    migrate(direct, lambda: r.NOW)
    seen = Seen()
    with LossyProxy(clickhouse.host, clickhouse.port) as proxy:
        proxy.answers_to_lose = 7  # the client itself tries an insert twice
        store = ClickHouseStore.at(replace(address(clickhouse, database), port=proxy.port))
        run_from_positions(store, log, threading.Event(), seen)
        assert proxy.answers_lost == 7
        store.close()
    assert set(seen.retries) == {"no answer"}
    assert is_exact(direct, exact)
    direct.close()
