"""Migrations and retention on the local ClickHouse."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from sinks.clickhouse import ClickHouseStore
from sinks.migrate import migrate, migrations, pending
from sinks.retention import Retention, apply_retention
from sinks.store import StoreError
from sinks.tables import TABLES
from tafol.local.process import any_free_port
from tests.fixtures.clickhouse import ClickHouse
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import address, migrated_alone

__all__ = ["migrated_alone"]
pytestmark = pytest.mark.clickhouse


def test_a_database_that_is_not_there_is_made_and_a_second_run_does_nothing(clickhouse: ClickHouse) -> None:
    store = ClickHouseStore.at(address(clickhouse, "made_by_migrate"))
    assert pending(store) == migrations()
    assert migrate(store, lambda: r.NOW) == migrations()
    assert pending(store) == ()
    assert migrate(store, lambda: r.NOW) == ()
    engine = store.ask("SELECT engine FROM system.databases WHERE name = currentDatabase()", {})
    assert engine == [{"engine": "Atomic"}]
    recorded = store.ask("SELECT version, name, toString(checksum) AS checksum FROM schema_migrations ORDER BY 1", {})
    assert [(row["version"], row["name"], row["checksum"]) for row in recorded] == [
        (migration.version, migration.name, migration.checksum) for migration in migrations()
    ]
    store.command("DROP DATABASE made_by_migrate SYNC")
    store.close()


def test_two_migrators_at_once_do_no_harm(clickhouse: ClickHouse, database: str) -> None:
    stores = [ClickHouseStore.at(address(clickhouse, database)) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda store: migrate(store, lambda: r.NOW), stores))
    assert migrations() in done
    assert pending(stores[0]) == ()
    assert all(stores[0].has_table(name) for name in TABLES)
    for store in stores:
        store.close()


def test_an_edited_migration_is_refused_and_named(migrated_alone: ClickHouseStore) -> None:
    first, *others = migrations()
    edited = (replace(first, checksum="0" * 64), *others)
    with pytest.raises(ConfigError, match=r"0001_tables\.sql was edited"):
        migrate(migrated_alone, lambda: r.NOW, edited)


def test_a_database_of_a_newer_program_is_refused(migrated_alone: ClickHouseStore) -> None:
    with pytest.raises(ConfigError, match=r"0002_views\.sql, which this program does not know"):
        pending(migrated_alone, migrations()[:1])


def test_a_new_migration_is_applied_alone(migrated_alone: ClickHouseStore, tmp_path: Path) -> None:
    (tmp_path / "9999_one_more.sql").write_text("CREATE TABLE IF NOT EXISTS more (n UInt8) ENGINE = Memory;\n")
    added = (*migrations(), *migrations(tmp_path))
    assert [migration.file_name for migration in migrate(migrated_alone, lambda: r.NOW, added)] == ["9999_one_more.sql"]
    assert migrated_alone.has_table("more")


def test_a_name_that_is_no_database_is_refused(clickhouse: ClickHouse) -> None:
    store = ClickHouseStore.at(address(clickhouse, "tafol; DROP"))
    with pytest.raises(ConfigError, match="no name for a database"):
        migrate(store, lambda: r.NOW)


def test_retention_is_put_on_changed_and_taken_off(migrated_alone: ClickHouseStore) -> None:
    assert apply_retention(migrated_alone, Retention()) == ()
    one = Retention(transactions_days=400, reviews_days=800, rejected_days=21)
    kept_for_ever = {name for name, table in TABLES.items() if table.kept_as in ("counts", "positions")}
    assert kept_for_ever >= {"population_counts", "read_counts", "sink_positions"}
    assert set(apply_retention(migrated_alone, one)) == set(TABLES) - kept_for_ever
    assert apply_retention(migrated_alone, one) == ()
    assert apply_retention(migrated_alone, replace(one, rejected_days=14)) == ("rejected",)
    assert apply_retention(migrated_alone, replace(one, rejected_days=14, transactions_days=None)) == ("transactions",)
    assert pending(migrated_alone) == ()


def test_a_server_that_does_not_answer_is_an_error_in_plain_words(clickhouse: ClickHouse) -> None:
    store = ClickHouseStore.at(replace(address(clickhouse, "default"), port=1))
    with pytest.raises(StoreError, match=r"ClickHouse at 127\.0\.0\.1:1, query: no answer") as raised:
        pending(store)
    assert raised.value.hint is not None


def test_the_command_line_says_where_nothing_answered_and_what_to_look_at(tmp_path: Path) -> None:
    port = any_free_port()
    told = subprocess.run(
        [sys.executable, "-m", "tafol", "--data-dir", str(tmp_path), "migrate"],
        env=os.environ | {"TAFOL_CLICKHOUSE__URL": f"http://127.0.0.1:{port}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    message, hint = told.stderr.splitlines()  # and nothing of what libraries log
    assert message.startswith(f"Error: ClickHouse at 127.0.0.1:{port}, ")
    assert "clickhouse.url" in hint
