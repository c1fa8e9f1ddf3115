"""Connections and transactions: `read`, `write`, and `snapshot` for what is read at length.

SQLite: WAL, so that readers never wait for the writer; a write begins with BEGIN IMMEDIATE, so that what it has read
can't change before it commits; writers of this process queue at a lock of our own, which is fair where SQLite's busy
wait is not; synchronous=FULL, so that what was acknowledged survives a power cut. PostgreSQL: READ COMMITTED; whoever
changes a task locks its row first, and the account's row before that where the overlap rule is at stake. Round trips
are what a claim costs there: a `read` has no BEGIN and COMMIT (under READ COMMITTED each statement sees its own moment
anyway), and a connection is not tried out before each use: one that died is found by its next statement, which is
Retryable and empties the pool.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from desk.errors import Invalid
from schemas.errors import ConfigError, Retryable

BUSY_TIMEOUT_S: Final = 30.0
POOL_SIZE: Final = 12
"""Connections of one process; as many transactions run at once. More would only queue inside the server."""
POOL_TIMEOUT_S: Final = 30.0
RETRY_AFTER_S: Final = 1.0
LOCKS: Final = {"migrate": 7_461_001, "publish": 7_461_002, "chain": 7_461_003}
"""Keys of PostgreSQL's advisory locks."""
_WRITE: Final = "tafol_write"


class Database:
    """One store. Close it."""

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE) -> None:
        """`url`: SQLAlchemy's, 'sqlite:////path/desk.sqlite3' or 'postgresql+psycopg://...'. Raises ConfigError."""
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = _engine(parsed.render_as_string(hide_password=False), pool_size)
        except ArgumentError:
            raise ConfigError(
                "desk.database_url is no database address", hint="docs/desk.md shows both kinds"
            ) from None
        self.dialect: Final = self.engine.dialect.name
        self._writing: AbstractContextManager[Any] = threading.Lock() if self.dialect == "sqlite" else nullcontext()
        self._writer = self.engine.execution_options(**{_WRITE: True})
        self._reader = self.engine
        self._snapshots = self.engine
        if not self.is_sqlite:
            self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._snapshots = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._locks = {name: threading.Lock() for name in LOCKS}

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may change things: committed at the end, undone by any error. Raises Retryable."""
        with _in_words(), self._writing, Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """For a few statements that only read. Raises Retryable."""
        with _in_words(), Session(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A transaction that only reads, all of it as of one moment, however long it takes. Raises Retryable."""
        with _in_words(), Session(self._snapshots, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def only_one(self, name: str) -> Iterator[bool]:
        """Whether this is the only process (SQLite: the only thread) that does `name` now; held to the block's end."""
        if self.is_sqlite:
            lock = self._locks[name]
            held = lock.acquire(blocking=False)
            try:
                yield held
            finally:
                if held:
                    lock.release()
            return
        with _in_words(), self.engine.connect() as connection:
            held = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCKS[name]}))
            connection.commit()
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCKS[name]})
                    connection.commit()

    def close(self) -> None:
        self.engine.dispose()


def add_if_new(session: Session, row: object) -> bool:
    """Add a row unless another process has just added the one with its key; whether it was added.

    All processes read the same registers, and meet.
    """
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def _engine(url: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=pool_size, max_overflow=2, pool_timeout=POOL_TIMEOUT_S)
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=2, pool_timeout=POOL_TIMEOUT_S, connect_args={"timeout": BUSY_TIMEOUT_S}
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours to say
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    wants_to_write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_to_write else "BEGIN")


@contextmanager
def _in_words() -> Iterator[None]:
    """A store that is away for now is Retryable; its own words may quote data and are left out."""
    try:
        yield
    except OperationalError as error:
        raise Retryable("the desk's store does not answer", retry_after_s=RETRY_AFTER_S) from error
    except DataError:
        raise Invalid("a text holds a character, or a number a size, that cannot be kept") from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Retryable("the desk's store went away", retry_after_s=RETRY_AFTER_S) from error
        raise
