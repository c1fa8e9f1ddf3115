"""What a selection asks of reviewers, and how a further selection joins the task that is there.

Pure. A transaction has one task a scorecard and copy, whoever asked for it (contracts, Records). Where several
selections ask for it, the task takes
- all their purposes;
- frame, stratum, inclusion probability, queue and drawn_at of the probability draw, for that is the one estimates speak
  from; with none among them, of the first selection;
- the earliest due time, the most urgent priority and the largest number of copies any of them asks for.
`join` is idempotent: a selection that comes again changes nothing.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.base import Versioned
from schemas.draw_number import OVERLAP, draw_numbers, threshold
from schemas.frame import Overlap, Route, SamplingFrame
from schemas.selection import PROBABILITY_PURPOSES, PURPOSES, Purpose, ReviewTask, Selection, TransactionFields, task_id
from streams.routing.working_time import add_working_hours


class Ask(msgspec.Struct, array_like=True, frozen=True):
    """What the selections of one transaction and scorecard ask for together, without the transaction itself."""

    purposes: tuple[Purpose, ...]
    frame_id: str
    frame_version: int
    stratum: str
    inclusion_probability: float | None
    queue: str
    priority: int
    copies: int
    drawn_at: datetime
    due_at: datetime
    skills: tuple[str, ...] = ()

    @property
    def rests_on_probability(self) -> bool:
        return not PROBABILITY_PURPOSES.isdisjoint(self.purposes)


def route_of(frame: SamplingFrame, transaction: TransactionFields) -> Route:
    """The first route whose condition holds; a frame's last route holds always."""
    return next(route for route in frame.routes if route.when.holds(transaction))


def ask_of(selection: Selection, frame: SamplingFrame, route: Route) -> Ask:
    """What one selection asks for, by its frame and the route that takes it."""
    return Ask(
        purposes=(selection.purpose,),
        frame_id=selection.frame.id,
        frame_version=selection.frame.version,
        stratum=selection.stratum,
        inclusion_probability=selection.inclusion_probability,
        queue=route.queue,
        priority=route.priority,
        copies=_copies(selection, frame, frame.overlap),
        drawn_at=selection.drawn_at,
        due_at=add_working_hours(selection.drawn_at, route.due_working_hours, frame.working_hours, frame.zone),
        skills=route.skills,
    )


def join(earlier: Ask, later: Ask) -> Ask:
    """Both asks in one."""
    leads = later if later.rests_on_probability and not earlier.rests_on_probability else earlier
    together = {*earlier.purposes, *later.purposes}
    return msgspec.structs.replace(
        leads,
        purposes=tuple(purpose for purpose in PURPOSES if purpose in together),
        priority=min(earlier.priority, later.priority),
        copies=max(earlier.copies, later.copies),
        due_at=min(earlier.due_at, later.due_at),
    )


def tasks_of(ask: Ask, selection: Selection, scorecard: Versioned) -> list[ReviewTask]:
    """The tasks, one a copy; the transaction and its origin are those of `selection`."""
    return [
        ReviewTask(
            task_id=task_id(selection.transaction.id, scorecard.id, copy_number),
            copy_number=copy_number,
            copies=ask.copies,
            purposes=ask.purposes,
            frame=Versioned(id=ask.frame_id, version=ask.frame_version),
            stratum=ask.stratum,
            inclusion_probability=ask.inclusion_probability,
            scorecard=scorecard,
            queue=ask.queue,
            priority=ask.priority,
            drawn_at=ask.drawn_at,
            due_at=ask.due_at,
            transaction=selection.transaction,
            origin=selection.origin,
            skills=ask.skills,
        )
        for copy_number in range(1, ask.copies + 1)
    ]


def _copies(selection: Selection, frame: SamplingFrame, overlap: Overlap) -> int:
    """A second draw number, independent of the first, says whether a transaction is reviewed more than once."""
    number = draw_numbers(frame.seed_bytes, frame.id, frame.version, selection.stratum, OVERLAP)
    doubled = number(selection.transaction.id) < threshold(overlap.share)
    return overlap.copies if doubled else 1
