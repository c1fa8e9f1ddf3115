"""The audit trail, for those who may read it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from desk.audit import EPOCH, Chain
from desk.people.authorisation import Actor, require
from desk.store.tables import AuditRow
from desk.surroundings import Surroundings
from desk.views import AuditCheck, AuditView

PAGE: Final = 100


class AuditService:
    """The trail."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._chain = Chain(here.database)

    def entries(
        self, actor: Actor, *, subject: str | None = None, actor_id: str | None = None, before_seq: int | None = None
    ) -> tuple[AuditView, ...]:
        """PAGE entries, latest first."""
        require(actor, "audit.see")
        self._chain.extend()
        query = select(AuditRow).order_by(AuditRow.seq.desc()).limit(PAGE)
        if subject is not None:
            query = query.where(AuditRow.subject == subject)
        if actor_id is not None:
            query = query.where(AuditRow.actor_id == actor_id)
        if before_seq is not None:
            query = query.where(AuditRow.seq < before_seq)
        with self._here.database.read() as session:
            rows = session.scalars(query).all()
        return tuple(
            AuditView(
                seq=row.seq,
                at=EPOCH + timedelta(microseconds=row.at_us),
                actor_id=row.actor_id,
                action=row.action,
                subject=row.subject,
                detail=json.loads(row.detail),
                hash_hex=row.hash_hex,
            )
            for row in rows
        )

    def verify(self, actor: Actor) -> AuditCheck:
        """Every hash again, from the first entry on."""
        require(actor, "audit.see")
        return self._chain.verify()
