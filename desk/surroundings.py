"""What every service works with: the store, the clock, chance, the desk's rules of time. Passed in, never looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy.orm import Session

from desk import audit
from desk.config import DeskConfig
from desk.errors import Conflict
from desk.people.authorisation import Actor
from desk.store import contents
from desk.store.database import Database
from schemas.base import Versioned
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One desk's. `random_bytes`: unguessable, as secrets.token_bytes gives them."""

    database: Database
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]
    config: DeskConfig = field(default_factory=DeskConfig)
    _entries: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def note(
        self, session: Session, actor: Actor | str, action: str, subject: object, detail: dict[str, str] | None = None
    ) -> None:
        """Write the audit trail with what is done in this transaction."""
        who = actor if isinstance(actor, str) else actor.account_id
        audit.record(session, self.now(), who, (action, str(subject)), detail)

    def scorecard(self, session: Session, ref: Versioned) -> Scorecard:
        """A published scorecard; published entries never change, so it is read once. Raises Conflict."""
        found = self._entry(session, "scorecard", ref)
        if found is None:
            raise Conflict(f"scorecard {ref} has not reached the desk yet", hint="Try again in a moment.")
        assert isinstance(found, Scorecard)
        return found

    def is_blind(self, session: Session, ref: Versioned) -> bool:
        """Whether the frame hides whose work it is. A frame that the desk does not know hides: the safe side."""
        found = self._entry(session, "frame", ref)
        return not isinstance(found, SamplingFrame) or found.blind

    def _entry(self, session: Session, kind: str, ref: Versioned) -> Scorecard | SamplingFrame | None:
        known: Scorecard | SamplingFrame | None = self._entries.get((kind, ref.key))
        if known is None:
            read = contents.scorecard if kind == "scorecard" else contents.frame
            known = read(session, ref.id, ref.version)
            if known is not None:
                with self._lock:
                    self._entries[kind, ref.key] = known
        return known
