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
from functools import lru_cache
from typing import Any

import msgspec

from schemas.frame import Route
from schemas.selection import PROBABILITY_PURPOSES, PURPOSES, Purpose, task_id
from streams.routing.routes import Routes
from streams.selection_lines import FrameRef, SelectionLine, TaskLine


class Ask(msgspec.Struct, array_like=True, frozen=True, gc=False):
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


def ask_of(selection: SelectionLine, routes: Routes, route: Route) -> Ask:
    """What one selection asks for, by its frame and the route that takes it."""
    ask = Ask(
        purposes=(selection.purpose,),
        frame_id=selection.frame.id,
        frame_version=selection.frame.version,
        stratum=selection.stratum,
        inclusion_probability=selection.inclusion_probability,
        queue=route.queue,
        priority=route.priority,
        copies=routes.copies(selection.transaction.id, selection.stratum),
        drawn_at=selection.drawn_at,
        due_at=routes.due_at(selection.drawn_at, route),
        skills=route.skills,
    )
    return held_once(ask)


def held_once(ask: Ask) -> Ask:
    """`ask`, sharing with others what it has in common with them: very many are remembered, of few draws and queues."""
    purposes, frame_id, stratum, probability, queue, skills = _first_alike(
        ask.purposes, ask.frame_id, ask.stratum, ask.inclusion_probability, ask.queue, ask.skills
    )
    return Ask(
        purposes, frame_id, ask.frame_version, stratum, probability, queue, ask.priority, ask.copies, ask.drawn_at,
        ask.due_at, skills,
    )  # fmt: skip


@lru_cache(maxsize=10_000)
def _first_alike(*parts: Any) -> tuple[Any, ...]:
    """The first of all equal `parts`."""
    return parts


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


def tasks_of(ask: Ask, selection: SelectionLine, scorecard: FrameRef) -> list[TaskLine]:
    """The tasks, one a copy; the transaction and its origin are those of `selection`."""
    frame = FrameRef(ask.frame_id, ask.frame_version)
    # By position, in the order of the fields: msgspec takes much longer by name.
    return [
        TaskLine(
            task_id(selection.transaction.id, scorecard.id, copy_number), copy_number, ask.copies, ask.purposes, frame,
            ask.stratum, ask.inclusion_probability, scorecard, ask.queue, ask.priority, ask.drawn_at, ask.due_at,
            selection.transaction, selection.origin, ask.skills,
        )
        for copy_number in range(1, ask.copies + 1)
    ]  # fmt: skip
