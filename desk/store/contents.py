"""Transactions' content and register entries in the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from desk.store.database import add_if_new
from desk.store.tables import ContentRow, ErasureRow, RegisterRow
from desk.views import Content
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask
from schemas.transaction import AttributeValue, ChatLine, MonitoringNotice, Transaction

NO_SEED: Final = "0" * 64
LEAD: Final = timedelta(minutes=15)
"""How long before it holds a scorecard must be in the log."""
AFTER_ALL: Final = 2**62
"""Stands for the offset of an entry that this desk has just published, until it comes by its register."""


class Kept(BaseModel):
    """What is kept of a transaction: not the customer's reference, and no score of anybody else, which would lean on
    the reviewer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    chat: tuple[ChatLine, ...] = ()
    recording_ref: str | None = None
    transcript_ref: str | None = None
    place: str | None = None
    monitoring_notice: MonitoringNotice
    flags: tuple[str, ...] = ()
    attributes: dict[str, AttributeValue] = {}


def expect(session: Session, task: ReviewTask, keep_until: datetime) -> None:
    """Note that the content of the task's transaction is to be fetched. Harmless when it is known.

    Of a customer who was erased nothing is fetched: the content is gone before it came.
    """
    if session.get(ContentRow, task.transaction.id) is None:
        erased = session.scalar(select(exists().where(ErasureRow.pseudonym == task.transaction.customer_pseudonym)))
        session.add(
            ContentRow(
                transaction_id=task.transaction.id,
                pseudonym=task.transaction.customer_pseudonym,
                topic=task.origin.topic,
                partition=task.origin.partition,
                offset=task.origin.offset,
                state="gone" if erased else "coming",
                document=None,
                keep_until=keep_until,
            )
        )
        session.flush()


def coming(session: Session, limit: int) -> Sequence[ContentRow]:
    """Content that is to be fetched, in the order of the log."""
    return session.scalars(
        select(ContentRow)
        .where(ContentRow.state == "coming")
        .order_by(ContentRow.topic, ContentRow.partition, ContentRow.offset)
        .limit(limit)
    ).all()


def keep(session: Session, transaction_id: str, transaction: Transaction | None) -> None:
    """Keep what was fetched; None: the log no longer holds it. What is 'gone' already (erased) stays so."""
    document = None if transaction is None else transaction.model_dump_json(include=set(Kept.model_fields))
    session.execute(
        update(ContentRow)
        .where(ContentRow.transaction_id == transaction_id, ContentRow.state == "coming")
        .values(state="gone" if document is None else "kept", document=document)
    )


def forget(session: Session, now: datetime, pseudonym: str | None = None) -> int:
    """Remove content whose retention is over, or all of one customer's; how many there were."""
    over = ContentRow.keep_until <= now if pseudonym is None else ContentRow.pseudonym == pseudonym
    done = session.execute(
        update(ContentRow).where(over, ContentRow.state != "gone").values(state="gone", document=None)
    )
    return int(getattr(done, "rowcount", 0))


def content(session: Session, transaction_id: str) -> Content:
    """What there is of a transaction."""
    row = session.get(ContentRow, transaction_id)
    if row is None or row.state == "gone":
        return Content("gone")
    if row.document is None:
        return Content("coming")
    kept = Kept.model_validate_json(row.document)
    notice = kept.monitoring_notice.customer
    return Content(
        state="kept",
        chat=kept.chat,
        recording_ref=kept.recording_ref,
        transcript_ref=kept.transcript_ref,
        place=kept.place,
        notice_how=None if notice is None else notice.how,
        notice_at=None if notice is None else notice.at,
        flags=kept.flags,
        attributes=kept.attributes,
    )


def put_entry(
    session: Session,
    entry: Scorecard | SamplingFrame,
    *,
    appended_at: datetime,
    log_offset: int,
    seed_sha256: str | None,
) -> bool:
    """Keep a published entry, a frame without its seed; whether it was new. The first of a version stands."""
    kind = kind_of(entry)
    known = session.get(RegisterRow, (kind, entry.id, entry.version))
    if known is not None:
        if known.log_offset == AFTER_ALL:
            known.log_offset, known.appended_at = log_offset, appended_at
        return False
    row = RegisterRow(
        kind=kind,
        id=entry.id,
        version=entry.version,
        log_offset=log_offset,
        appended_at=appended_at,
        document=without_seed(entry).model_dump_json(),
        seed_sha256=seed_sha256,
    )
    return add_if_new(session, row)


def without_seed(entry: Scorecard | SamplingFrame) -> Scorecard | SamplingFrame:
    return entry.model_copy(update={"seed": NO_SEED}) if isinstance(entry, SamplingFrame) else entry


def kind_of(entry: Scorecard | SamplingFrame) -> str:
    return "frame" if isinstance(entry, SamplingFrame) else "scorecard"


def scorecard(session: Session, scorecard_id: str, version: int) -> Scorecard | None:
    row = session.get(RegisterRow, ("scorecard", scorecard_id, version))
    return None if row is None else Scorecard.model_validate_json(row.document)


def version_at(session: Session, scorecard_id: str, at: datetime) -> int:
    """The version of a scorecard that holds at `at`; 0 when none of that id is published.

    The rule of all registers (contracts): the first holds from the beginning of time, a later one from its own instant
    on unless it was appended later than LEAD before it.
    """
    rows = session.scalars(
        select(RegisterRow)
        .where(RegisterRow.kind == "scorecard", RegisterRow.id == scorecard_id)
        .order_by(RegisterRow.log_offset, RegisterRow.version)
    ).all()
    if not rows:
        return 0
    held, since = rows[0].version, datetime.min.replace(tzinfo=UTC)
    for row in rows[1:]:
        holds_from = Scorecard.model_validate_json(row.document).holds_from
        if row.appended_at <= holds_from - LEAD and since <= holds_from <= at:
            held, since = row.version, holds_from
    return held


def frame(session: Session, frame_id: str, version: int) -> SamplingFrame | None:
    """A published frame, its seed all zeros."""
    row = session.get(RegisterRow, ("frame", frame_id, version))
    return None if row is None else SamplingFrame.model_validate_json(row.document)
