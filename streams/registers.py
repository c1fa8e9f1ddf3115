"""Registers as a stage sees them: immutable entries, chosen by event time (contracts, "Registers").

An entry holds from its `holds_from` on, until a later one does. One that was appended later than `holds_from` less the
lead is void, for everyone and for ever: some worker may already have decided an event of that time without it. The
first entry of a timeline is the exception and holds from the beginning of time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.base import RegisterEntry, Versioned
from schemas.detector import Detectors
from schemas.errors import UnknownVersion
from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from schemas.request import LEAD_MINUTES, CheckRequest
from schemas.scorecard import Scorecard

LEAD: Final = timedelta(minutes=15)
"""How long before it holds an entry must be in the log: more than the future limit plus the register's reading time."""

REQUEST_LEAD: Final = timedelta(minutes=LEAD_MINUTES)
"""The same for a check request, which people wait for: more than the future limit."""

EntryT = TypeVar("EntryT", bound=RegisterEntry)


class Appended(NamedTuple, Generic[EntryT]):
    """An entry and when the log took it."""

    entry: EntryT
    appended_at: datetime


@dataclass(frozen=True)
class Timeline(Generic[EntryT]):
    """Entries in the order in which they hold. `void`: those that came too late to hold."""

    name: str
    entries: tuple[EntryT, ...] = ()
    void: tuple[EntryT, ...] = ()
    _starts: tuple[datetime, ...] = field(default=(), repr=False)
    _by_key: Mapping[str, EntryT] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, name: str, log: Iterable[Appended[EntryT]], lead: timedelta = LEAD) -> Timeline[EntryT]:
        """The timeline of a register's records, in the order of the log."""
        holding: list[tuple[datetime, int, EntryT]] = []
        void: list[EntryT] = []
        by_key: dict[str, EntryT] = {}
        for position, (entry, appended_at) in enumerate(log):
            if entry.ref.key in by_key:
                continue  # entries are immutable: the first one stands
            by_key[entry.ref.key] = entry
            if position and appended_at > entry.holds_from - lead:
                void.append(entry)
            else:
                holding.append((entry.holds_from, position, entry))
        first = holding[:1]
        later = sorted(holding[1:], key=lambda held: held[:2])
        ordered = first + later
        return cls(
            name=name,
            entries=tuple(entry for _, _, entry in ordered),
            void=tuple(void),
            _starts=tuple(starts for starts, _, _ in later),
            _by_key=by_key,
        )

    def at(self, instant: datetime) -> EntryT | None:
        """The entry that holds at `instant`; None while the register is empty."""
        if not self.entries:
            return None
        return self.entries[bisect_right(self._starts, instant)]

    def get(self, ref: Versioned) -> EntryT:
        """The entry that a record names. Raises UnknownVersion."""
        found = self._by_key.get(ref.key)
        if found is None:
            raise UnknownVersion(
                f"{self.name} {ref} is named by a record but is not in the register",
                hint="The register topic lost a record, or belongs to another installation.",
            )
        return found


@dataclass(frozen=True)
class Requests:
    """Check requests for transactions, by id. `void`: those that were appended too late to hold (no first one is an
    exception). `observations`: those for which somebody goes and watches; no draw has to do with them.
    """

    by_id: Mapping[str, CheckRequest] = field(default_factory=dict)
    void: tuple[CheckRequest, ...] = ()
    observations: tuple[CheckRequest, ...] = ()

    @classmethod
    def of(cls, log: Iterable[Appended[CheckRequest]]) -> Requests:
        """The requests of a register's records, in the order of the log; of two with one id the first stands."""
        held: dict[str, CheckRequest] = {}
        void: list[CheckRequest] = []
        observations: list[CheckRequest] = []
        known: set[str] = set()
        for request, appended_at in log:
            if request.id in known:
                continue
            known.add(request.id)
            if appended_at > request.holds_from - REQUEST_LEAD:
                void.append(request)
            elif request.observation is not None:
                observations.append(request)
            else:
                held[request.id] = request
        return cls(held, tuple(void), tuple(observations))

    def between(self, starts: datetime, ends: datetime) -> tuple[CheckRequest, ...]:
        """Those that hold at some instant of [starts, ends), by id."""
        meeting = [one for one in self.by_id.values() if one.holds_from < ends and starts < one.holds_until]
        return tuple(sorted(meeting, key=lambda one: one.id))

    def get(self, request_id: str) -> CheckRequest:
        """The request that a record names. Raises UnknownVersion."""
        found = self.by_id.get(request_id)
        if found is None:
            raise UnknownVersion(
                f"check request {request_id} is named by a record but is not in the register",
                hint="The register topic lost a record, or belongs to another installation.",
            )
        return found


@dataclass(frozen=True)
class Registers:
    """All registers, read to the same moment. Immutable: a refresh makes a new one."""

    frames: Timeline[SamplingFrame] = Timeline("sampling frame")
    notices: Timeline[NoticeRegister] = Timeline("notices")
    scorecards: Mapping[str, Timeline[Scorecard]] = field(default_factory=dict)
    detectors: Timeline[Detectors] = Timeline("detectors")
    requests: Requests = Requests()

    def scorecard_at(self, scorecard_id: str, instant: datetime) -> Scorecard:
        """The version of a scorecard that holds at `instant`. Raises UnknownVersion when there is none at all."""
        timeline = self.scorecards.get(scorecard_id)
        found = timeline.at(instant) if timeline is not None else None
        if found is None:
            raise UnknownVersion(
                f"the frame routes to scorecard {scorecard_id!r}, which is not in the register",
                hint="Publish it: tafol scorecard publish FILE",
            )
        return found

    def scorecard(self, ref: Versioned) -> Scorecard:
        """The scorecard that a record names. Raises UnknownVersion."""
        return self.scorecards.get(ref.id, Timeline[Scorecard](f"scorecard {ref.id}")).get(ref)
