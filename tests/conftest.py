"""Fixtures for every test. Each real part has a module of its own in tests/fixtures; import its fixtures here."""

from hypothesis import settings

from tests.fixtures.clickhouse import clickhouse, database, migrated_database
from tests.fixtures.desk import a_desk, any_desk
from tests.fixtures.kafka import kafka
from tests.fixtures.ports import busy_port
from tests.fixtures.postgresql import postgresql

# One import above and one name below for each further part.
__all__ = ["a_desk", "any_desk", "busy_port", "clickhouse", "database", "kafka", "migrated_database", "postgresql"]

# No timed assertion: a test that is slow on a busy machine is not wrong.
settings.register_profile("tafol", deadline=None)
settings.load_profile("tafol")
