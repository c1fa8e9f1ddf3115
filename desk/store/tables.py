"""What the desk keeps. Times are UTC; documents are the pipeline's JSON as it came or as it goes out.

Names of people are in `accounts` alone; everything else names them by account id.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(128)
LONG_ID = String(320)
"""Task ids: transaction, scorecard and copy."""
SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column is called INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in, the same instant in UTC out, also on SQLite, which has no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own name
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[Any]: JSON(),
    }


class Account(Base):
    """A person who uses the desk. `colleague_id`: theirs in the transactions, None where they serve no customers."""

    __tablename__ = "accounts"
    account_id: Mapped[str] = mapped_column(ID, primary_key=True)
    login: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]]
    colleague_id: Mapped[str | None] = mapped_column(ID, index=True)
    not_a_colleague: Mapped[bool] = mapped_column(Boolean, default=False)
    not_a_colleague_by: Mapped[str | None] = mapped_column(ID)
    languages: Mapped[list[str]]
    skills: Mapped[list[str]]
    page_language: Mapped[str] = mapped_column(String(2), default="en")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    password_hash: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(300), unique=True)
    failed_sign_ins: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None]
    made_at: Mapped[datetime]


class TeamMember(Base):
    """A person in a team in [from_at, to_at)."""

    __tablename__ = "team_members"
    number: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    team_id: Mapped[str] = mapped_column(ID)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]


class AbsenceRow(Base):
    """A person away in [from_at, to_at)."""

    __tablename__ = "absences"
    absence_id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(500), default="")


class SessionRow(Base):
    """A signed-in browser. The cookie's secret is kept as its SHA-256 alone."""

    __tablename__ = "sessions"
    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class TokenRow(Base):
    """A tool's bearer token, as its SHA-256."""

    __tablename__ = "tokens"
    token_id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]]
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInTry(Base):
    """A failed try to sign in, for the rate limit. `source`: hash of the client's address."""

    __tablename__ = "sign_in_tries"
    number: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    __table_args__ = (Index("ix_sign_in_tries_source_at", "source", "at"),)


class QueueRow(Base):
    """What a queue asks of its reviewers. A queue that is not here asks nothing."""

    __tablename__ = "queues"
    queue: Mapped[str] = mapped_column(ID, primary_key=True)
    required_skills: Mapped[list[str]]


class TaskRow(Base):
    """A review task and its lease. `document`: the ReviewTask as it came; the columns are read from it.

    `token` is the last fencing token that was given out, 0 when nobody ever took the task.
    """

    __tablename__ = "tasks"
    number: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    task_id: Mapped[str] = mapped_column(LONG_ID, unique=True)
    group_id: Mapped[str] = mapped_column(LONG_ID, index=True)
    """transaction | scorecard: what the copies of one review share."""
    transaction_id: Mapped[str] = mapped_column(ID)
    copy_number: Mapped[int] = mapped_column(Integer)
    scorecard_id: Mapped[str] = mapped_column(ID)
    scorecard_version: Mapped[int] = mapped_column(Integer)
    queue: Mapped[str] = mapped_column(ID)
    language: Mapped[str] = mapped_column(String(6))
    colleague_id: Mapped[str] = mapped_column(ID, index=True)
    purpose_rank: Mapped[int] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    drawn_at: Mapped[datetime]
    chance: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(Text)
    arrived_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")
    assigned_to: Mapped[str | None] = mapped_column(ID)
    holder_id: Mapped[str | None] = mapped_column(ID)
    token: Mapped[int] = mapped_column(Integer, default=0)
    lease_ends_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(ID)
    closed_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(Integer, default=-1)
    """Of the last review that went out; -1 before the first."""
    __table_args__ = (
        Index(
            "ix_tasks_next",
            "queue",
            "purpose_rank",
            "priority",
            "due_at",
            "chance",
            "number",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_tasks_due",
            "due_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "ix_tasks_holder_id",
            "holder_id",
            sqlite_where=text("holder_id IS NOT NULL"),
            postgresql_where=text("holder_id IS NOT NULL"),
        ),
        Index(
            "ix_tasks_assigned_to",
            "assigned_to",
            sqlite_where=text("assigned_to IS NOT NULL"),
            postgresql_where=text("assigned_to IS NOT NULL"),
        ),
    )


class TaskSkill(Base):
    """A skill that a task itself asks for (ReviewTask.skills), beside what its queue asks for."""

    __tablename__ = "task_skills"
    number: Mapped[int] = mapped_column(ForeignKey("tasks.number"), primary_key=True)
    skill: Mapped[str] = mapped_column(ID, primary_key=True)


class DraftRow(Base):
    """A form that is not submitted yet: one for each task and person."""

    __tablename__ = "drafts"
    number: Mapped[int] = mapped_column(ForeignKey("tasks.number"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    body: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class ReviewRow(Base):
    """One revision of one outcome. `document`: the Review as it goes out; `details`: what stays here (marks)."""

    __tablename__ = "reviews"
    number: Mapped[int] = mapped_column(ForeignKey("tasks.number"), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(10))
    account_id: Mapped[str | None] = mapped_column(ID)
    colleague_id: Mapped[str] = mapped_column(ID)
    at: Mapped[datetime]
    token: Mapped[int] = mapped_column(Integer)
    """Fencing token under which it was made: what makes a repeated submit recognisable."""
    document: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]]
    time_spent_s: Mapped[float] = mapped_column(Float)
    total_0_100: Mapped[float | None] = mapped_column(Float)
    __table_args__ = (
        Index("ix_reviews_account_id_at", "account_id", "at"),
        Index("ix_reviews_colleague_id_at", "colleague_id", "at"),
    )


class ContentRow(Base):
    """What a transaction held, fetched from the log by its origin. No customer reference; `document` None: not here.

    `state`: coming, kept or gone. `keep_until`: the end of its retention.
    """

    __tablename__ = "contents"
    transaction_id: Mapped[str] = mapped_column(ID, primary_key=True)
    pseudonym: Mapped[str] = mapped_column(String(32), index=True)
    topic: Mapped[str] = mapped_column(ID)
    partition: Mapped[int] = mapped_column(Integer)
    offset: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(6), index=True)
    document: Mapped[str | None] = mapped_column(Text)
    keep_until: Mapped[datetime] = mapped_column(index=True)


class ErasureRow(Base):
    """A customer who was erased: what comes of them from now on is not kept."""

    __tablename__ = "erasures"
    number: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    pseudonym: Mapped[str] = mapped_column(String(32), unique=True)
    erased_at: Mapped[datetime]
    erased_by: Mapped[str] = mapped_column(ID)


class RegisterRow(Base):
    """A published scorecard or frame. Of a frame the seed is kept as its hash alone (`seed_sha256`)."""

    __tablename__ = "register_entries"
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    log_offset: Mapped[int] = mapped_column(BigInteger)
    appended_at: Mapped[datetime]
    document: Mapped[str] = mapped_column(Text)
    seed_sha256: Mapped[str | None] = mapped_column(String(64))


class ProposalRow(Base):
    """A scorecard or frame that waits for agreement. `source`: the YAML as it was written."""

    __tablename__ = "proposals"
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    document: Mapped[str] = mapped_column(Text)
    seed_sha256: Mapped[str | None] = mapped_column(String(64))
    proposed_by: Mapped[str] = mapped_column(ID)
    proposed_at: Mapped[datetime]


class AgreementRow(Base):
    """A named person agreed to a version."""

    __tablename__ = "agreements"
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    id: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id"), primary_key=True)
    at: Mapped[datetime]


class CheckRow(Base):
    """A spot or planned check (a check request). `appended_at`: when the log took it; None: not seen there yet."""

    __tablename__ = "checks"
    check_id: Mapped[str] = mapped_column(ID, primary_key=True)
    holds_from: Mapped[datetime] = mapped_column(index=True)
    asked_by: Mapped[str] = mapped_column(ID)
    asked_at: Mapped[datetime]
    appended_at: Mapped[datetime | None]
    document: Mapped[str] = mapped_column(Text)


class ObservationRow(Base):
    """A planned or recorded observation. `sent_id`: the device's own id of what it sent. `scorecard_version` 0: when it
    was planned, none of that id was published yet.
    """

    __tablename__ = "observations"
    observation_id: Mapped[str] = mapped_column(ID, primary_key=True)
    colleague_id: Mapped[str] = mapped_column(ID)
    team_id: Mapped[str] = mapped_column(ID)
    site: Mapped[str] = mapped_column(ID)
    channel: Mapped[str] = mapped_column(String(16))
    topic: Mapped[str] = mapped_column(ID)
    language: Mapped[str] = mapped_column(String(6))
    scorecard_id: Mapped[str] = mapped_column(ID)
    scorecard_version: Mapped[int] = mapped_column(Integer)
    place: Mapped[str] = mapped_column(String(200))
    planned_for: Mapped[datetime]
    planned_until: Mapped[datetime | None]
    """End of the span in which it is to take place; None: it was planned for a moment."""
    planned_by: Mapped[str] = mapped_column(ID)
    observer_id: Mapped[str | None] = mapped_column(ID)
    state: Mapped[str] = mapped_column(String(10))
    sent_id: Mapped[str | None] = mapped_column(String(64))
    recorded_by: Mapped[str | None] = mapped_column(ID)
    recorded_at: Mapped[datetime | None]
    total_0_100: Mapped[float | None] = mapped_column(Float)
    document: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]]


class OutboxRow(Base):
    """A record for Kafka, written in the transaction that made it true. `sent_at` None: still to be sent."""

    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(ID)
    key: Mapped[str] = mapped_column(LONG_ID)
    event_id: Mapped[str] = mapped_column(String(400))
    value: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "ix_outbox_unsent",
            "seq",
            sqlite_where=text("sent_at IS NULL"),
            postgresql_where=text("sent_at IS NULL"),
        ),
    )


class AuditInboxRow(Base):
    """An entry of the trail before it has its place in the chain; written with the change that it tells of."""

    __tablename__ = "audit_inbox"
    number: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor_id: Mapped[str] = mapped_column(ID)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(LONG_ID)
    detail: Mapped[dict[str, Any]]


class AuditRow(Base):
    """The trail: append-only (triggers refuse change), each entry hashed with the one before it."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=False)
    at_us: Mapped[int] = mapped_column(BigInteger)
    """Microseconds since 1970, UTC: hashed as they are."""
    actor_id: Mapped[str] = mapped_column(ID, index=True)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(LONG_ID, index=True)
    detail: Mapped[str] = mapped_column(Text)
    """Canonical JSON: hashed as it stands."""
    hash_hex: Mapped[str] = mapped_column(String(64))
