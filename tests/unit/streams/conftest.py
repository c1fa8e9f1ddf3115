"""Fixtures of the tests of the runner."""

from tests.unit.streams.lives import snapshot_topics

__all__ = ["snapshot_topics"]
