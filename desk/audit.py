"""The audit trail: who did and saw what, append-only, each entry hashed with the one before it.

`record` writes an entry with the change it tells of, in the same transaction. `Chain.extend` gives waiting entries
their place, hashes them and moves them into the trail, whose table refuses update and delete. Two steps, because the
chain has one head: were it extended within every claim, all claims would queue at it. Entries hold opaque ids, never
names, words of a form, or content.

Hash of an entry: SHA-256 over the hash before it, then seq, time in microseconds, actor, action, subject and detail,
each UTF-8 with a 4-byte big-endian length before it. The first entry follows 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from desk.store.database import Database
from desk.store.tables import AuditInboxRow, AuditRow
from desk.views import AuditCheck

BATCH: Final = 500
START: Final = bytes(32)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SYSTEM: Final = "desk"
"""Actor of what nobody asked for: dues, retention."""


class Entry(NamedTuple):
    """What is hashed."""

    seq: int
    at_us: int
    actor_id: str
    action: str
    subject: str
    detail: str


def record(
    session: Session, at: datetime, actor_id: str, what: tuple[str, str], detail: Mapping[str, str] | None = None
) -> None:
    """Note what is done in this transaction. `what`: action and subject, an opaque id."""
    action, subject = what
    session.add(AuditInboxRow(at=at, actor_id=actor_id, action=action, subject=subject, detail=dict(detail or {})))


def next_hash(before: bytes, entry: Entry) -> bytes:
    """The hash of an entry that follows the one with hash `before`."""
    digest = hashlib.sha256(before)
    for part in entry:
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.digest()


def verify_entries(entries: Iterable[tuple[Entry, str]]) -> AuditCheck:
    """Every hash again. `entries` by seq from the first on, each with its hash in hex."""
    before, seq, bad = START, 0, None
    for entry, hash_hex in entries:
        before = next_hash(before, entry)
        if bad is None and (entry.seq != seq + 1 or before.hex() != hash_hex):
            bad = entry.seq
        seq = entry.seq
        before = bytes.fromhex(hash_hex)
    return AuditCheck(entries=seq, first_bad_seq=bad, head_hex=before.hex())


class Chain:
    """The trail of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def extend(self) -> int:
        """Chain what waits; how many entries. 0 also when another process is at it."""
        total = 0
        with self._database.only_one("chain") as mine:
            while mine:
                with self._database.write() as session:
                    done = self._extend_once(session)
                total += done
                if done < BATCH:
                    break
        return total

    def verify(self) -> AuditCheck:
        """Every hash again, from the first entry on. Waiting entries are chained first."""
        self.extend()
        with self._database.snapshot() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.seq).execution_options(yield_per=1000))
            return verify_entries((entry_of(row), row.hash_hex) for row in rows)

    @staticmethod
    def _extend_once(session: Session) -> int:
        waiting = session.scalars(select(AuditInboxRow).order_by(AuditInboxRow.number).limit(BATCH)).all()
        if not waiting:
            return 0
        seq = session.scalar(select(func.max(AuditRow.seq))) or 0
        last = session.get(AuditRow, seq)
        before = START if last is None else bytes.fromhex(last.hash_hex)
        for place, one in enumerate(waiting, seq + 1):
            at_us = (one.at - EPOCH) // timedelta(microseconds=1)
            detail = json.dumps(one.detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            entry = Entry(place, at_us, one.actor_id, one.action, one.subject, detail)
            before = next_hash(before, entry)
            session.add(AuditRow(**entry._asdict(), hash_hex=before.hex()))
        session.execute(delete(AuditInboxRow).where(AuditInboxRow.number.in_([one.number for one in waiting])))
        return len(waiting)


def entry_of(row: AuditRow) -> Entry:
    return Entry(row.seq, row.at_us, row.actor_id, row.action, row.subject, row.detail)
