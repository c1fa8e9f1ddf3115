"""Scorecards and sampling frames: see, propose, agree, publish (D13-1, 2).

What is published travels on a register and never changes; a new version is proposed as YAML, agreed by named people,
and published by a quality manager. Reading YAML and publishing belong to the pipeline: both come as a `RegisterPort`.
The seed of a proposed frame is with the port's document alone, in the store of proposals until it is published; it is
never in an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.errors import Conflict, NotFound
from desk.people.authorisation import Action, Actor, require
from desk.services import show
from desk.store import contents
from desk.store.tables import AgreementRow, ProposalRow, RegisterRow
from desk.surroundings import Surroundings
from desk.views import Agreement, FrameView, RegisterVersion
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard

Kind = Literal["scorecard", "frame"]
State = Literal["holds", "earlier", "later", "void"]
EntryT = TypeVar("EntryT", Scorecard, SamplingFrame)


@dataclass(frozen=True, slots=True)
class Published(Generic[EntryT]):
    """An entry and when the log took it."""

    entry: EntryT
    appended_at: datetime


class RegisterPort(Protocol):
    """What the pipeline does for the desk's registers."""

    def read(self, kind: Kind, yaml_text: str) -> Scorecard | SamplingFrame:
        """The entry that a document says, a frame's seed made. Raises Invalid with line and field in `problems`."""

    def publish(self, entry: Scorecard | SamplingFrame) -> None:
        """Put it on its register. Raises TafolError: too late to hold, other content published, broker away."""

    def states(self, log: Sequence[Published[Scorecard] | Published[SamplingFrame]], now: datetime) -> dict[str, State]:
        """How each entry of one register stands at `now`, by 'id:version'; `log` in its order."""


class _Registers(Generic[EntryT]):
    """What both registers have in common."""

    kind: Kind
    model: type[EntryT]
    see: Action

    def __init__(self, here: Surroundings, port: RegisterPort | None) -> None:
        self._here = here
        self._port = port

    def versions(self, actor: Actor) -> tuple[RegisterVersion, ...]:
        """All versions, published and proposed, by id, newest first."""
        require(actor, self.see)
        with self._here.database.read() as session:
            return tuple(self._versions(session, actor))

    def propose(self, actor: Actor, yaml_text: str) -> RegisterVersion:
        """A new version, to be agreed; the same again replaces it while nobody else has agreed.

        Raises Invalid with line and field in `problems`, Conflict.
        """
        require(actor, "register.propose")
        entry = self._reachable().read(self.kind, yaml_text)
        with self._here.database.write() as session:
            key = self.kind, entry.id, entry.version
            if session.get(RegisterRow, key) is not None:
                raise Conflict(f"{entry.ref} is published already", hint="Write the change as the next version.")
            agreed = self._agreements(session).get(entry.ref.key, ())
            if any(one.account_id != actor.account_id for one in agreed):
                raise Conflict(f"{entry.ref} has been agreed to", hint="Write the change as the next version.")
            seed = hashlib.sha256(entry.seed_bytes).hexdigest() if isinstance(entry, SamplingFrame) else None
            session.merge(
                ProposalRow(
                    kind=self.kind,
                    id=entry.id,
                    version=entry.version,
                    source=yaml_text,
                    document=entry.model_dump_json(),
                    seed_sha256=seed,
                    proposed_by=actor.account_id,
                    proposed_at=self._here.now(),
                )
            )
            session.flush()
            self._here.note(session, actor, f"{self.kind}.propose", entry.ref.key)
            return self._version(session, actor, entry.id, entry.version)

    def agree(self, actor: Actor, entry_id: str, version: int) -> RegisterVersion:
        """This named person agrees. Raises NotFound, Conflict when it is published."""
        require(actor, "register.agree")
        with self._here.database.write() as session:
            self._proposed(session, entry_id, version)
            if session.get(AgreementRow, (self.kind, entry_id, version, actor.account_id)) is None:
                session.add(
                    AgreementRow(
                        kind=self.kind, id=entry_id, version=version, account_id=actor.account_id, at=self._here.now()
                    )
                )
                session.flush()
                self._here.note(session, actor, f"{self.kind}.agree", f"{entry_id}:{version}")
            return self._version(session, actor, entry_id, version)

    def _activate(self, actor: Actor, entry_id: str, version: int) -> RegisterVersion:
        require(actor, "register.activate")
        port, needed = self._reachable(), self._here.config.agreements_needed
        with self._here.database.read() as session:
            proposal = self._proposed(session, entry_id, version)
            agreed = self._agreements(session).get(f"{entry_id}:{version}", ())
            entry = self.model.model_validate_json(proposal.document)
        if len(agreed) < needed:
            raise Conflict(f"{len(agreed)} of {needed} agreements are there", hint="Ask others to agree.")
        port.publish(entry)  # the same again does no harm, should the next transaction fail
        with self._here.database.write() as session:
            contents.put_entry(
                session,
                entry,
                appended_at=self._here.now(),
                log_offset=contents.AFTER_ALL,
                seed_sha256=proposal.seed_sha256,
            )
            session.delete(self._proposed(session, entry_id, version, published_too=True))
            self._here.note(session, actor, f"{self.kind}.publish", f"{entry_id}:{version}")
            session.flush()
            return self._version(session, actor, entry_id, version)

    def _find(self, session: Session, entry_id: str, version: int) -> EntryT:
        """A version, published or proposed, without seed. Raises NotFound."""
        row = session.get(RegisterRow, (self.kind, entry_id, version))
        found = row or session.get(ProposalRow, (self.kind, entry_id, version))
        if found is None:
            raise NotFound(f"there is no {self.kind} {entry_id}:{version}")
        entry = self.model.model_validate_json(found.document)
        return self.model.model_validate(contents.without_seed(entry).model_dump())

    def _reachable(self) -> RegisterPort:
        if self._port is None:
            raise Conflict("this desk publishes nothing", hint="Use tafol scorecard publish, tafol frame publish.")
        return self._port

    def _proposed(self, session: Session, entry_id: str, version: int, *, published_too: bool = False) -> ProposalRow:
        if not published_too and session.get(RegisterRow, (self.kind, entry_id, version)) is not None:
            raise Conflict(f"{entry_id}:{version} is published already")
        row = session.get(ProposalRow, (self.kind, entry_id, version))
        if row is None:
            raise NotFound(f"there is no proposed {self.kind} {entry_id}:{version}")
        return row

    def _version(self, session: Session, actor: Actor, entry_id: str, version: int) -> RegisterVersion:
        return next(one for one in self._versions(session, actor) if (one.id, one.version) == (entry_id, version))

    def _versions(self, session: Session, actor: Actor) -> list[RegisterVersion]:
        agreed = self._agreements(session)
        rows = session.scalars(
            select(RegisterRow).where(RegisterRow.kind == self.kind).order_by(RegisterRow.log_offset)
        ).all()
        published = [Published(self.model.model_validate_json(row.document), row.appended_at) for row in rows]
        states = self._states(published)
        shown = [self._shown(one.entry, states.get(one.entry.ref.key, "later"), agreed, actor) for one in published]
        there = {one.entry.ref.key for one in published}
        for row in session.scalars(select(ProposalRow).where(ProposalRow.kind == self.kind)):
            entry = self.model.model_validate_json(row.document)
            if entry.ref.key in there:
                continue
            enough = len(agreed.get(entry.ref.key, ())) >= self._here.config.agreements_needed
            shown.append(self._shown(entry, "agreed" if enough else "proposed", agreed, actor, row))
        return sorted(shown, key=lambda one: (one.id, -one.version))

    def _states(self, published: list[Published[EntryT]]) -> Mapping[str, State]:
        if self._port is None:
            return {}
        return self._port.states(published, self._here.now())

    def _shown(
        self,
        entry: EntryT,
        state: Literal["proposed", "agreed", "earlier", "holds", "later", "void"],
        agreed: Mapping[str, tuple[Agreement, ...]],
        actor: Actor,
        proposal: ProposalRow | None = None,
    ) -> RegisterVersion:
        agreements = agreed.get(entry.ref.key, ())
        title = entry.title if isinstance(entry.title, str) else getattr(entry.title, actor.language)
        return RegisterVersion(
            kind=self.kind,
            id=entry.id,
            version=entry.version,
            title=title,
            state=state,
            holds_from=entry.holds_from,
            agreements=agreements,
            needed_agreements=self._here.config.agreements_needed,
            proposed_by=None if proposal is None else proposal.proposed_by,
            proposed_at=None if proposal is None else proposal.proposed_at,
            i_agreed=any(one.account_id == actor.account_id for one in agreements),
        )

    def _agreements(self, session: Session) -> dict[str, tuple[Agreement, ...]]:
        rows: Sequence[AgreementRow] = session.scalars(
            select(AgreementRow).where(AgreementRow.kind == self.kind).order_by(AgreementRow.at)
        ).all()
        known = show.names(session, [row.account_id for row in rows])
        found: dict[str, list[Agreement]] = {}
        for row in rows:
            agreement = Agreement(row.account_id, known.get(row.account_id, row.account_id), row.at)
            found.setdefault(f"{row.id}:{row.version}", []).append(agreement)
        return {key: tuple(agreements) for key, agreements in found.items()}


class ScorecardService(_Registers[Scorecard]):
    """Scorecards: see, propose, agree, publish."""

    kind: Kind = "scorecard"
    model = Scorecard
    see: Action = "scorecard.see"

    def scorecard(self, actor: Actor, scorecard_id: str, version: int) -> Scorecard:
        """For the preview page. Raises NotFound."""
        require(actor, self.see)
        with self._here.database.read() as session:
            return self._find(session, scorecard_id, version)

    def publish(self, actor: Actor, scorecard_id: str, version: int) -> RegisterVersion:
        """Put an agreed version on its register. Raises Conflict when agreements are missing, TafolError of Kafka."""
        return self._activate(actor, scorecard_id, version)


class FrameService(_Registers[SamplingFrame]):
    """Sampling frames: see, propose, agree, activate."""

    kind: Kind = "frame"
    model = SamplingFrame
    see: Action = "frame.see"

    def frame(self, actor: Actor, frame_id: str, version: int) -> FrameView:
        """A frame without its seed. Raises NotFound."""
        require(actor, self.see)
        with self._here.database.read() as session:
            entry = self._find(session, frame_id, version)
            row = session.get(RegisterRow, (self.kind, frame_id, version))
            proposal = session.get(ProposalRow, (self.kind, frame_id, version))
            found = row or proposal
            return FrameView(
                version=self._version(session, actor, frame_id, version),
                frame=entry,
                seed_sha256="" if found is None else found.seed_sha256 or "",
            )

    def activate(self, actor: Actor, frame_id: str, version: int) -> RegisterVersion:
        """Put an agreed frame on its register; it holds from its holds_from on. Raises Conflict, TafolError."""
        return self._activate(actor, frame_id, version)
