"""Migrations: versioned SQL files, each applied once, in order, and never edited afterwards.

`0001_name.sql` holds CREATE ... IF NOT EXISTS (and the like), so that applying one twice, or two migrators at once, do
no harm: both make the same thing, and both rows in `schema_migrations` say the same. The database is made with
ENGINE = Atomic, which refreshable views need. Retention is not in here (`sinks.retention`): it comes from settings, and
a file that changed with them would have no steady checksum.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from schemas.errors import ConfigError
from sinks.clickhouse import ClickHouseStore

MIGRATIONS: Final = Path(__file__).parent / "migrations"
FILE_NAME: Final = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
DATABASE_NAME: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
REGISTER: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version UInt32,
    name String,
    checksum FixedString(64),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (version, checksum)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `checksum`: SHA-256 of its text with line ends as '\\n', in hex."""

    version: int
    name: str
    sql: str
    checksum: str

    @property
    def file_name(self) -> str:
        return f"{self.version:04d}_{self.name}.sql"

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL statements; none of ours holds ';' or '--' within a text."""
        bare = re.sub(r"--[^\n]*", "", self.sql)
        return tuple(statement.strip() for statement in bare.split(";") if statement.strip())


def migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All files of `folder` in order. Raises ConfigError for a name that does not fit or a version given twice."""
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        named = FILE_NAME.match(path.name)
        if named is None:
            raise ConfigError(f"migration {path.name}: a name like 0001_what_it_does.sql is wanted")
        version = int(named[1])
        if version in found:
            raise ConfigError(f"migrations {found[version].file_name} and {path.name} have the same version")
        sql = path.read_text(encoding="utf-8")
        found[version] = Migration(version, named[2], sql, hashlib.sha256(sql.encode()).hexdigest())
    return tuple(found[version] for version in sorted(found))


def pending(store: ClickHouseStore, wanted: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """Those of `wanted` (all there are) that the database does not have yet; all of them where there is no database.

    Raises ConfigError when one that was applied has been edited since, or when the database has one that is newer than
    this program; StoreError when the server does not answer.
    """
    known = migrations() if wanted is None else wanted
    by_version = {migration.version: migration for migration in known}
    applied = _applied(store)
    for version, name, checksum in applied:
        migration = by_version.get(version)
        if migration is None:
            raise ConfigError(
                f"database {store.database} has migration {version:04d}_{name}.sql, which this program does not know",
                hint="The database belongs to a newer Tafol: use that one.",
            )
        if migration.checksum != checksum:
            raise ConfigError(
                f"migration {migration.file_name} was edited after it had been applied to database {store.database}",
                hint="Put the file back as it was and write the change as a new migration.",
            )
    done = {version for version, _, _ in applied}
    return tuple(migration for migration in known if migration.version not in done)


def migrate(
    store: ClickHouseStore, clock: Callable[[], datetime], wanted: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Bring the store's database up to date and return what was done, in order; nothing when it was. Idempotent.

    Raises ConfigError as `pending` does, before anything is changed, and StoreError when a statement is refused.
    """
    if DATABASE_NAME.match(store.database) is None:
        raise ConfigError(f"{store.database!r} is no name for a database: letters, digits and '_' are wanted")
    todo = pending(store, wanted)
    if todo:
        store.command(f"CREATE DATABASE IF NOT EXISTS {store.database} ENGINE = Atomic", in_database=False)
        store.command(REGISTER)
    for migration in todo:
        for statement in migration.statements:
            store.command(statement)
        row = {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "at": clock(),
        }
        store.insert("schema_migrations", msgspec.json.encode(row))
    return todo


def _applied(store: ClickHouseStore) -> list[tuple[int, str, str]]:
    if not store.has_table("schema_migrations"):
        return []
    rows = store.ask(
        "SELECT DISTINCT version, name, toString(checksum) AS checksum FROM schema_migrations ORDER BY version", {}
    )
    return [(int(str(row["version"])), str(row["name"]), str(row["checksum"])) for row in rows]
