"""The way out: reviews leave the store in the order in which they were made, once each or more, never less.

`put` writes a record in the transaction that makes it true, so a crash can neither lose it nor send what was undone.
`Publisher.send_some` sends what waits and marks it sent when the broker has all copies; a crash between the two sends
it again, which is harmless: review id and revision are the same, and readers keep the highest revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from desk.store.database import Database
from desk.store.tables import OutboxRow
from schemas.catalogue import MESSAGES, REVIEWS
from schemas.headers import Headers
from schemas.review import Review

BATCH: Final = 500
SOURCE: Final = b"/tafol/desk"
KIND: Final = MESSAGES[REVIEWS].kind


class Outgoing(NamedTuple):
    """One record to be sent."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Sender(Protocol):
    """Sends records in order and returns when the broker has all copies of all. Raises Retryable."""

    def send(self, records: Sequence[Outgoing]) -> None: ...


def put(session: Session, review: Review, now: datetime) -> None:
    """Let the review leave with this transaction. Key: transaction id."""
    session.add(
        OutboxRow(
            topic=REVIEWS,
            key=review.transaction_id,
            event_id=f"{review.review_id}:{review.revision}",
            value=review.model_dump_json().encode(),
            made_at=now,
        )
    )
    session.flush()  # numbers the row while the task is locked: revisions of one review leave in their order


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
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", f"tafol.{KIND}".encode()),
        ("ce_source", SOURCE),
        ("ce_id", row.event_id.encode()),
        ("content-type", b"application/json"),
    ]
    return Outgoing(row.topic, row.key.encode(), row.value, headers)
