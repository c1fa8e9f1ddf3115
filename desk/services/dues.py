"""Tasks past their due time end as non-response (desk.rules.due); content past its retention goes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete

from desk.rules import due
from desk.services.outcomes import Outcomes
from desk.store import contents, tasks
from desk.store.tables import OutboxRow, SessionRow, SignInTry
from desk.surroundings import Surroundings

BATCH: Final = 200


def end_overdue(here: Surroundings) -> int:
    """End a batch of what is overdue; how many. Call again while it is BATCH."""
    now = here.now()
    with here.database.write() as session:
        rows = tasks.past_due(session, now, BATCH)
        ended = 0
        for row in rows:
            how = due.ending(row.due_at, tasks.lease_of(row), now)
            if how is not None:
                Outcomes(here, session).end(row, None, how, due.IN_WORDS[how])
                ended += 1
        return ended


def forget_content(here: Surroundings) -> int:
    """Remove the content whose retention is over; how many transactions'."""
    with here.database.write() as session:
        return contents.forget(session, here.now())


def forget_old(here: Surroundings) -> None:
    """Remove what serves no purpose any more: ended sessions, old tries to sign in, outbox rows that were sent."""
    now, config = here.now(), here.config
    with here.database.write() as session:
        session.execute(delete(SessionRow).where(SessionRow.ends_at <= now))
        session.execute(delete(SignInTry).where(SignInTry.at <= now - config.tries_window))
        session.execute(delete(OutboxRow).where(OutboxRow.sent_at <= now - config.keep_sent))
