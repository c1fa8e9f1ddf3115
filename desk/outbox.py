"""The way out: reviews and check requests leave the store in the order in which they were made, once or more.

`put` writes a record in the transaction that makes it true, so a crash can neither lose it nor send what was undone.
`Publisher.send_some` sends what waits and marks it sent when the broker has all copies; a crash between the two sends
it again, which is harmless: a review comes with the same id and revision, and readers keep the highest; a check request
comes with the same id, and the first stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from desk.store.database import Database
from desk.store.tables import OutboxRow
from schemas.base import Record
from schemas.catalogue import MESSAGES, REVIEWS
from schemas.headers import Headers, without_origin
from schemas.review import Review

BATCH: Final = 500
SOURCE: Final = "desk"


class Outgoing(NamedTuple):
    """One record to be sent."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Sender(Protocol):
    """Sends records in order and returns when the broker has all copies of all. Raises Retryable."""

    def send(self, records: Sequence[Outgoing]) -> None: ...


def put(session: Session, topic: str, *, key: str, event_id: str, record: Record, at: datetime) -> None:
    """Let the record leave with this transaction."""
    session.add(OutboxRow(topic=topic, key=key, event_id=event_id, value=record.model_dump_json().encode(), made_at=at))
    session.flush()


def put_review(session: Session, review: Review, now: datetime) -> None:
    """Let the review leave. Its row is numbered while the task is locked: revisions of one leave in their order."""
    event_id = f"{review.review_id}:{review.revision}"
    put(session, REVIEWS, key=review.transaction_id, event_id=event_id, record=review, at=now)


def waiting(session: Session) -> int:
    """Records that are still to be sent."""
    return session.scalar(select(func.count()).where(OutboxRow.sent_at.is_(None))) or 0


class Publisher:
    """Sends what waits in one store."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender

    def send_some(self, now: datetime) -> int:
        """Send up to a batch; how many. 0 also when another process is at it. Raises Retryable."""
        with self._database.only_one("publish") as mine:
            if not mine:
                return 0
            with self._database.read() as session:
                rows = session.scalars(
                    select(OutboxRow).where(OutboxRow.sent_at.is_(None)).order_by(OutboxRow.seq).limit(BATCH)
                ).all()
            if not rows:
                return 0
            self._sender.send([_outgoing(row) for row in rows])
            with self._database.write() as session:
                sent = [row.seq for row in rows]
                session.execute(update(OutboxRow).where(OutboxRow.seq.in_(sent)).values(sent_at=now))
            return len(rows)


def _outgoing(row: OutboxRow) -> Outgoing:
    headers = without_origin(MESSAGES[row.topic].kind, row.event_id, SOURCE)
    return Outgoing(row.topic, row.key.encode(), row.value, headers)
