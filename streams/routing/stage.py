"""The route stage: selections -> review tasks.

Invariants beyond those of every stage:
- Selections and tasks have the same key in topics of as many partitions, so a task has the partition of its selection.
- A task goes out when it is new and whenever a further selection changes it, always whole and under the same id: the
  later one replaces the earlier.
- A transaction is remembered for `KEEP_OPEN` of log time after its last selection; log time is the highest append time
  the partition has shown. A selection that comes after that makes the task as if it were the first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NoReturn

import msgspec

from schemas import catalogue
from schemas.base import Versioned
from schemas.errors import InvalidRecord, SnapshotUnusable, StageStopped, UnknownVersion
from schemas.frame import SamplingFrame
from schemas.headers import StageOrigin, cloud_event
from streams.recent import Recent
from streams.registers import Registers, Timeline
from streams.routing.routes import Routes
from streams.routing.tasks import Ask, ask_of, held_once, join, tasks_of
from streams.selection_lines import FrameRef, SelectionLine, encode, read_selection
from streams.stage import Chunk, LogRecord, Output, Partition

KEEP_OPEN: Final = timedelta(days=45)
KEEP_OPEN_MS: Final = KEEP_OPEN // timedelta(milliseconds=1)
TASK_KIND: Final = catalogue.MESSAGES[catalogue.REVIEW_TASKS].kind


RouteState = Recent[Ask]
"""What was asked for, by 'transaction id|scorecard id'."""


class RouteStage:
    """Stage that makes review tasks of selections; see the module's docstring."""

    name: str = "route"
    logic_version: int = 1
    sources: tuple[str, ...] = (catalogue.SELECTIONS,)
    side_topic: str | None = None

    def __init__(self) -> None:
        self._frames: Timeline[SamplingFrame] | None = None
        self._made_ready: dict[tuple[str, int], Routes] = {}
        """By id and version, of the frames in `_frames`. A cache: the register alone decides what is in it."""

    def initial(self, source: Partition) -> RouteState:  # noqa: ARG002 - all partitions begin alike
        return RouteState(span_ms=KEEP_OPEN_MS)

    def ready(self, registers: Registers) -> str | None:
        """Waits for a first frame and the scorecards it routes to, as they are published one after the other.

        A later frame is not waited for: it may hold only next month, and stops the stage then if its scorecard is not
        there.
        """
        if not registers.frames.entries:
            return "a first sampling frame (tafol frame publish FILE)"
        wanted = {route.scorecard for route in registers.frames.entries[0].routes}
        absent = sorted(wanted - {name for name, timeline in registers.scorecards.items() if timeline.entries})
        return f"scorecard {absent[0]!r}, which the frame routes to (tafol scorecard publish FILE)" if absent else None

    def step(self, state: RouteState, chunk: Chunk, registers: Registers) -> list[Output]:
        """Raises StageStopped on a record that is no selection: the topic is our own, so guessing would lose one."""
        outputs: list[Output] = []
        for record in chunk.records:
            outputs += self._route(state, chunk.source, record, registers)
        return outputs

    def dump(self, state: RouteState) -> bytes:
        return msgspec.msgpack.encode(state)

    def load(self, source: Partition, raw: bytes) -> RouteState:
        try:
            state = msgspec.msgpack.decode(raw, type=RouteState)
        except msgspec.DecodeError as error:
            raise SnapshotUnusable(f"the snapshot of route for {source} cannot be read: {error}") from None
        state.change(held_once)
        return state

    def recall(self, state: RouteState, side_value: bytes, next_offset: int) -> None:
        """Nothing: route has no side topic."""

    def remembers_from(self, state: RouteState, next_offset: int) -> int:  # noqa: ARG002 - no side topic
        return next_offset

    def _route(self, state: RouteState, source: Partition, record: LogRecord, registers: Registers) -> list[Output]:
        selection = _read(source, record)
        state.pass_time(record.timestamp)
        transaction = selection.transaction
        try:
            routes = self._routes_of(selection.frame, registers.frames)
            route = routes.route_of(transaction)
            scorecard = registers.scorecard_at(route.scorecard, transaction.ended_at)
        except UnknownVersion as error:
            raise UnknownVersion(f"{source}@{record.offset}: {error.message}", hint=error.hint) from None
        key = f"{transaction.id}|{scorecard.id}"
        known = state.get(key)
        ask = ask_of(selection, routes, route)
        together = ask if known is None else join(known, ask)
        state.put(key, together)
        if together == known:
            return []
        return [
            Output(
                topic=catalogue.REVIEW_TASKS,
                key=transaction.id.encode(),
                value=encode(task),
                headers=cloud_event(
                    TASK_KIND, task.task_id, StageOrigin(self.name, *source, offset=record.offset, nth=nth)
                ),
                partition=source.partition,
            )
            for nth, task in enumerate(tasks_of(together, selection, FrameRef(scorecard.id, scorecard.version)))
        ]

    def _routes_of(self, frame: FrameRef, frames: Timeline[SamplingFrame]) -> Routes:
        """The routes of one frame, made ready once for each state of the register."""
        if self._frames is not frames:
            self._frames, self._made_ready = frames, {}
        key = frame.id, frame.version
        found = self._made_ready.get(key)
        if found is None:
            found = self._made_ready[key] = Routes(frames.get(Versioned(id=frame.id, version=frame.version)))
        return found


def _read(source: Partition, record: LogRecord) -> SelectionLine:
    if record.value is None:
        _stop(source, record, "it has no value")
    try:
        selection = read_selection(record.value)
    except InvalidRecord as error:
        _stop(source, record, error.message)
    if record.key != selection.transaction.id.encode():
        _stop(source, record, "its key is not the transaction id")
    return selection


def _stop(source: Partition, record: LogRecord, why: str) -> NoReturn:
    raise StageStopped(
        f"{source}@{record.offset} is not a selection: {why}",
        hint="Only Tafol writes this topic. Find out who wrote this record before going on; nothing was lost.",
    )
