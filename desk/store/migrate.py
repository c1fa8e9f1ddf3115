"""Brings a store's tables up to date with Alembic, from the migrations inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from desk.store.database import LOCKS, Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Apply what is missing; harmless when nothing is. Two processes that start together do not collide."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.engine.execution_options(tafol_write=True).begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCKS["migrate"]})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
