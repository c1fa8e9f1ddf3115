"""What a claim asks of the store, and what becomes of connections that died."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import event, text

from desk.store.database import Database
from schemas.errors import Retryable
from tests.fixtures.desk import DeskForTests, make_task
from tests.fixtures.postgresql import PostgreSql

pytestmark = pytest.mark.postgresql
CLAIM: int = 7
"""Account with absence and skills, what the person has, the next task with its draft; task, draft and trail written;
the content read. Scorecard and frame are read once a process."""
WHO: int = 1


def test_a_claim_is_a_handful_of_statements(any_desk: DeskForTests) -> None:
    any_desk.add(*(make_task(f"t-{number}") for number in range(3)))
    ann = any_desk.person("ann")
    secret = any_desk.desk.people.issue_token(ann, "tool", ["queue.read", "review.write"]).secret
    any_desk.desk.people.actor_of_token(secret)
    assert any_desk.desk.queues.claim_next(any_desk.person("ben"), "chat") is not None
    asked: list[str] = []
    event.listen(
        any_desk.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: asked.append(statement),
    )
    any_desk.desk.people.actor_of_token(secret)
    assert len([one for one in asked if not one.startswith("BEGIN")]) == WHO
    asked.clear()
    assert any_desk.desk.queues.claim_next(ann, "chat") is not None
    assert len([one for one in asked if not one.startswith("BEGIN")]) == CLAIM, "\n".join(asked)


def test_a_connection_that_died_costs_one_try_and_no_more(postgresql: PostgreSql) -> None:
    url = postgresql.fresh_database()
    database = Database(url)
    try:
        with database.read() as session:
            name = session.scalar(text("SELECT current_database()"))
        with psycopg.connect(postgresql.uri, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        with pytest.raises(Retryable), database.read() as session:
            session.scalar(text("SELECT 1"))
        with database.read() as session:
            assert session.scalar(text("SELECT 1")) == 1
    finally:
        database.close()
