"""Fixtures for every test. Each real part has a module of its own in tests/fixtures; import its fixtures here."""

from tests.fixtures.kafka import kafka

# One import above and one name below for each further part.
__all__ = ["kafka"]
