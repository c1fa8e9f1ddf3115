"""Migration files: their names, their checksums, what is refused."""

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from sinks.migrate import migrations
from sinks.retention import Retention

pytestmark = pytest.mark.unit


def test_versions_run_from_one_without_a_gap() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_statement_can_be_run_twice() -> None:
    statements = [statement for migration in migrations() for statement in migration.statements]
    assert all("IF NOT EXISTS" in statement or "OR REPLACE" in statement for statement in statements)


def test_comments_are_no_statements(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("-- a; b\nSELECT 1; -- c\nSELECT 2;\n-- the end\n")
    (only,) = migrations(tmp_path)
    assert only.statements == ("SELECT 1", "SELECT 2")


def test_line_ends_of_another_system_do_not_change_the_checksum(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    (tmp_path / "0002_one.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    one, other = migrations(tmp_path)
    assert one.checksum == other.checksum


@pytest.mark.parametrize("name", ["1_one.sql", "0001-one.sql", "0001_One.sql"])
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(ConfigError, match=name):
        migrations(tmp_path)


def test_a_version_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("SELECT 1")
    (tmp_path / "0001_other.sql").write_text("SELECT 1")
    with pytest.raises(ConfigError, match=r"0001_one\.sql and 0001_other\.sql"):
        migrations(tmp_path)


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_a_retention_that_makes_no_sense_is_refused(days: int) -> None:
    with pytest.raises(ConfigError, match=str(days)):
        Retention(transactions_days=days)
