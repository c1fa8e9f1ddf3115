"""The way in: review tasks, the content of their transactions, registers; what other tools made of tasks.

Everything is idempotent: a record that comes again changes nothing, so offsets are committed after the store has
committed, and a crash between the two only reads again. Content is fetched from a list in the store ('coming'), not
from memory, so a crash loses none of it either.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.rules.lease import given_up
from desk.services import checks, observations
from desk.store import contents, tasks
from desk.store.tables import TaskRow, TaskSkill
from desk.surroundings import Surroundings
from schemas.base import Origin
from schemas.catalogue import CHECK_REQUESTS, SAMPLING_FRAMES, SCORECARDS
from schemas.errors import InvalidRecord
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from schemas.review import Review
from schemas.scorecard import Scorecard
from schemas.selection import PURPOSES, ReviewTask
from schemas.transaction import explain, read_transaction

log = logging.getLogger(__name__)
RecordT = TypeVar("RecordT", bound=BaseModel)
REGISTER_MODELS: Final[dict[str, type[Scorecard | SamplingFrame | CheckRequest]]] = {
    SCORECARDS: Scorecard,
    SAMPLING_FRAMES: SamplingFrame,
    CHECK_REQUESTS: CheckRequest,
}


class Arrived(NamedTuple):
    """One record of a log. `value` None: a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


class Intake:
    """Takes records into one store."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def tasks(self, records: Sequence[Arrived]) -> int:
        """Take review tasks, in one transaction; how many were new. A record that is none is logged and passed over."""
        arrived = [task for record in records if (task := _read(ReviewTask, record)) is not None]
        with self._here.database.write() as session:
            return sum(self._take(session, task) for task in arrived)

    def reviews(self, records: Sequence[Arrived]) -> int:
        """Close tasks that another tool has dealt with; how many. Our own reviews that come round change nothing."""
        arrived = [review for record in records if (review := _read(Review, record)) is not None]
        with self._here.database.write() as session:
            return sum(self._close(session, review) for review in arrived)

    def registers(self, records: Iterable[Arrived]) -> int:
        """Keep published scorecards, frames and check requests; how many were new.

        Of a frame's seed only the hash is kept.
        """
        new = 0
        with self._here.database.write() as session:
            for record in records:
                model = REGISTER_MODELS.get(record.topic)
                entry = None if model is None else _read(model, record)
                appended_at = instant(record.timestamp_ms)
                if isinstance(entry, CheckRequest) and entry.observation is not None:
                    new += observations.arrived(self._here, session, entry, appended_at)
                elif isinstance(entry, CheckRequest):
                    new += checks.arrived(session, entry, appended_at)
                elif entry is not None:
                    seed = hashlib.sha256(entry.seed_bytes).hexdigest() if isinstance(entry, SamplingFrame) else None
                    new += contents.put_entry(
                        session, entry, appended_at=appended_at, log_offset=record.offset, seed_sha256=seed
                    )
        return new

    def wanted(self, limit: int) -> list[tuple[str, Origin]]:
        """Transactions whose content is to be fetched, with where it stands, in the order of the log."""
        with self._here.database.read() as session:
            return [
                (row.transaction_id, Origin(topic=row.topic, partition=row.partition, offset=row.offset))
                for row in contents.coming(session, limit)
            ]

    def content(self, transaction_id: str, raw: bytes | None) -> None:
        """Keep what was fetched; None: the log no longer holds it."""
        transaction = None
        if raw is not None:
            try:
                transaction, _ = read_transaction(raw)
            except InvalidRecord:
                log.warning("the record at a task's origin is no transaction; its content is shown as gone")
            if transaction is not None and transaction.id != transaction_id:
                log.warning("the record at a task's origin is another transaction; its content is shown as gone")
                transaction = None
        with self._here.database.write() as session:
            contents.keep(session, transaction_id, transaction)

    def _take(self, session: Session, task: ReviewTask) -> int:
        row = session.scalar(select(TaskRow).where(TaskRow.task_id == task.task_id).with_for_update())
        if row is not None:
            _join(row, task)
            return 0
        row = TaskRow(task_id=task.task_id, arrived_at=self._here.now(), state="open", token=0, revision=-1)
        tasks.fill(row, task)
        session.add(row)
        session.flush()
        session.add_all(TaskSkill(number=row.number, skill=one) for one in sorted(set(task.skills)))
        contents.expect(session, task, task.transaction.ended_at + self._here.config.keep_content)
        return 1

    def _close(self, session: Session, review: Review) -> int:
        row = session.scalar(select(TaskRow).where(TaskRow.task_id == review.review_id).with_for_update())
        if row is None or review.revision <= row.revision:
            return 0
        if row.state == "open":
            tasks.set_lease(row, given_up(tasks.lease_of(row)))
            row.closed_by = review.reviewer_id if review.outcome in ("submitted", "skipped") else None
            row.closed_at = review.at
        row.state, row.revision = review.outcome, review.revision
        self._here.note(session, "desk", "review.elsewhere", row.task_id, {"revision": str(review.revision)})
        return 1


def _join(row: TaskRow, task: ReviewTask) -> None:
    """A task that came again, perhaps with a further purpose. An older form of it, read again, takes nothing away."""
    known = tasks.task_of(row)
    together = {*known.purposes, *task.purposes}
    newer = task if set(task.purposes) >= set(known.purposes) else known
    joined = newer.model_copy(update={"purposes": tuple(one for one in PURPOSES if one in together)})
    if joined != known:
        changed_priority = row.priority if row.priority != known.priority else joined.priority
        tasks.fill(row, joined)
        row.priority = changed_priority  # a supervisor's word stands


def instant(milliseconds: int) -> datetime:
    """UTC, from milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _read(model: type[RecordT], record: Arrived) -> RecordT | None:
    try:
        return model.model_validate_json(record.value or b"")
    except ValidationError as error:
        log.warning("%s[%d]@%d is passed over: %s", record.topic, record.partition, record.offset, explain(error))
        return None
