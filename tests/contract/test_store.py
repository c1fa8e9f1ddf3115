"""One suite for every Store: memory, and ClickHouse over HTTP. What the sink relies on, and no more."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from schemas import catalogue as c
from sinks import retries
from sinks.batching import block
from sinks.clickhouse import ClickHouseStore
from sinks.memory import MemoryStore
from sinks.retries import Verdict
from sinks.rows import SinkChunk, rows_of
from sinks.store import LogPartition, Store, StoreError
from sinks.tables import TABLES
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, migrated_alone

__all__ = ["migrated", "migrated_alone"]
pytestmark = pytest.mark.clickhouse
OCTOBER = datetime(2026, 10, 3, tzinfo=UTC)


@pytest.fixture(params=["memory", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    found: ClickHouseStore = request.getfixturevalue("migrated")
    return found


def insert(store: Store, *chunks: SinkChunk) -> None:
    for chunk in chunks:
        for table, pieces in rows_of(chunk).pieces.items():
            store.insert(table, block(pieces))


def column(store: Store, table: str, name: str) -> list[Any]:
    return [row[name] for row in store.rows(table)]


def test_a_row_of_every_table_comes_back_and_twice_is_once(store: Store) -> None:
    insert(store, *r.everything(7))
    once = {table: store.rows(table) for table in TABLES}
    insert(store, *r.everything(7))
    assert {table: store.rows(table) for table in TABLES} == once
    assert {table: len(rows) for table, rows in once.items()} == {
        **dict.fromkeys(TABLES, 1),
        "review_ratings": 2,
        "sink_positions": 0,
    }


def test_the_first_transaction_of_an_id_stands_whatever_comes_first(store: Store) -> None:
    first, repeat = r.decided(3, decision="selected"), r.decided(9, id="t-3")
    insert(store, r.chunk(c.DECIDED, r.decided_lines([repeat])), r.chunk(c.DECIDED, r.decided_lines([first])))
    insert(store, r.chunk(c.DECIDED, r.decided_lines([repeat])))
    assert column(store, "transactions", "decision") == ["selected"]
    assert column(store, "transactions", "source_offset") == [3]


def test_an_id_is_one_row_even_when_its_repeat_ended_in_another_month(store: Store) -> None:
    insert(store, r.chunk(c.DECIDED, r.decided_lines([r.decided(9, OCTOBER, id="t-3"), r.decided(3)])))
    assert column(store, "transactions", "source_offset") == [3]


def test_counts_and_scores_made_at_the_highest_offset_stand(store: Store) -> None:
    for offset in (20, 30, 10):
        insert(
            store,
            r.chunk(c.READ_COUNTS, r.read_count(read=offset, as_of_offset=offset)),
            r.chunk(c.POPULATION_COUNTS, r.population(offset, 0, as_of_offset=offset)),
            r.chunk(c.SCORES, r.score(1, float(offset), as_of_offset=offset)),
        )
    assert column(store, "read_counts", "read") == [30]
    assert column(store, "population_counts", "eligible") == [30]
    assert column(store, "scores", "total_0_100") == [30.0]


def test_every_revision_of_a_review_is_kept_and_of_one_revision_the_first_stands(store: Store) -> None:
    insert(
        store,
        r.chunk(c.REVIEWS, r.review(1, revision=1), first_offset=5),
        r.chunk(c.REVIEWS, r.review(1), first_offset=6),
        r.chunk(c.REVIEWS, r.review(1, "withdrawn", revision=1), first_offset=7),
    )
    assert column(store, "reviews", "revision") == [0, 1]
    assert column(store, "reviews", "log_offset") == [6, 5]


def test_the_last_task_of_an_id_stands(store: Store) -> None:
    joined = r.task(1).model_copy(update={"purposes": ("random", "spot")})
    insert(store, r.chunk(c.REVIEW_TASKS, r.task(1), joined))
    assert [list(purposes) for purposes in column(store, "review_tasks", "purposes")] == [["random", "spot"]]


def test_positions_are_the_highest_of_each_topic_id(store: Store) -> None:
    for topic_id, next_offset in (("old", 900), ("new", 5), ("new", 40), ("new", 30)):
        row = {
            "topic": c.SELECTIONS, "topic_id": topic_id, "partition": 2, "next_offset": next_offset,
            "written_at": r.NOW,
        }  # fmt: skip
        store.insert("sink_positions", msgspec.json.encode(row))
    assert store.positions([c.SELECTIONS, c.SCORES]) == {
        LogPartition(c.SELECTIONS, "old", 2): 900,
        LogPartition(c.SELECTIONS, "new", 2): 40,
    }
    assert store.positions([c.SCORES]) == {}


@pytest.mark.parametrize(
    "line",
    [b'{"id":"secret-7"', b'{"id":"secret-7","nothing_of_ours":1}', b'{"channel":"phone"}', b"secret-7", b'{"id":""}'],
)
def test_one_bad_row_refuses_its_block_and_is_never_quoted(store: Store, line: bytes) -> None:
    good = r.decided_lines([r.decided(1)])
    with pytest.raises(StoreError) as refused:
        store.insert("transactions", good + line + b"\n")
    assert retries.verdict(refused.value.code) is Verdict.SPLIT
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert store.rows("transactions") == []


def test_a_table_that_is_not_there_stops_the_sink(store: Store) -> None:
    with pytest.raises(StoreError) as refused:
        store.insert("no_such_table", b"{}\n")
    assert retries.verdict(refused.value.code) is Verdict.STOP


def test_the_tables_are_what_the_code_says_they_are(migrated: ClickHouseStore) -> None:
    shown = {
        row["name"]: row
        for row in migrated.ask(
            "SELECT name, engine_full, sorting_key, partition_key FROM system.tables "
            "WHERE database = {database:String}",
            {"database": migrated.database},
        )
    }
    for table in TABLES.values():
        columns = migrated.ask(
            "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String} "
            "AND default_kind = '' ORDER BY position",
            {"database": migrated.database, "table": table.name},
        )
        made = shown[table.name]
        version = "first_stands" if table.first_stands else table.version
        assert [row["name"] for row in columns] == list(table.columns)
        assert made["engine_full"].startswith(f"ReplacingMergeTree({version})")
        assert made["sorting_key"] == ", ".join(table.key)
        assert made["partition_key"] == (f"toYYYYMM({table.event_time})" if table.event_time else "")


def test_every_code_in_the_table_of_retries_has_clickhouses_own_name(migrated: ClickHouseStore) -> None:
    for code, known in retries.CODES.items():
        assert migrated.ask("SELECT errorCodeToName({code:Int32}) AS name", {"code": code}) == [{"name": known.name}]


def test_one_insert_is_one_part_a_month(migrated_alone: ClickHouseStore) -> None:
    months = [datetime(2026, month, 3, tzinfo=UTC) for month in (9, 10, 11)]
    template = [r.decided(0, month).model_dump_json().encode() for month in months]
    rows = 120_000
    lines = b"".join(
        template[number % 3].replace(b'"id":"t-0"', b'"id":"t-%d"' % number) + b"\n" for number in range(rows)
    )
    migrated_alone.command("SYSTEM STOP MERGES transactions")
    migrated_alone.insert("transactions", lines)
    parts = migrated_alone.ask(
        "SELECT partition, count() AS parts, sum(rows) AS rows FROM system.parts "
        "WHERE database = {database:String} AND table = 'transactions' AND active "
        "GROUP BY partition ORDER BY partition",
        {"database": migrated_alone.database},
    )
    assert parts == [{"partition": month, "parts": 1, "rows": rows // 3} for month in ("202609", "202610", "202611")]
