"""How each draw works: its windows, how many it takes, and what its inclusion probabilities are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.base import Versioned
from schemas.errors import StageStopped
from schemas.frame import QuotaDraw, RandomDraw, SamplingFrame, SystematicDraw
from schemas.request import CheckRequest
from schemas.selection import Purpose
from streams.drawing.windows import Part, Windows
from streams.registers import Registers, Timeline
from streams.registers import Requests as RequestBook
from streams.selection_lines import FrameRef

REQUEST_LATENESS: Final = timedelta(hours=1)
"""How long after its end a check request still takes what comes late."""
CHECK: Final = "check:"
TARGETED: Final = "targeted/"
REMEMBERED_LIMIT: Final = 20_000
"""Plans that are remembered; then the memory starts again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One draw. `windows` is a single Part for a check request."""

    purpose: Purpose
    windows: Windows | Part
    lateness: timedelta
    takes_next: bool = False
    """The first that come are taken as they come; else the smallest draw numbers when the window closes."""
    rate: float = 1.0
    """Inclusion probability in the first of two draws: a capped stratum's rate; 1 where there is one draw only."""

    def part_at(self, event_time: datetime) -> Part:
        """The window part of an event."""
        return self.windows if isinstance(self.windows, Part) else self.windows.at(event_time)


class Plans:
    """The plans of one state of the registers, made as they are asked for."""

    def __init__(self, frames: Timeline[SamplingFrame], requests: RequestBook) -> None:
        self.frames = frames
        self.requests = requests
        self._made: dict[str, Plan] = {}

    @classmethod
    def of(cls, registers: Registers) -> Plans:
        return cls(registers.frames, registers.requests)

    def get(self, draw_id: str, frame: FrameRef | Versioned, stratum: str) -> Plan:
        """The plan of one draw. Raises UnknownVersion, or StageStopped where the frame has no such draw."""
        plan = self._made.get(draw_id)
        if plan is None:
            if len(self._made) >= REMEMBERED_LIMIT:
                self._made.clear()
            plan = self._made[draw_id] = self._of(draw_id, Versioned(id=frame.id, version=frame.version), stratum)
        return plan

    def _of(self, draw_id: str, frame: Versioned, stratum: str) -> Plan:
        if draw_id.startswith(CHECK):
            return of_request(self.requests.get(draw_id.removeprefix(CHECK)))
        entry = self.frames.get(frame)
        name = draw_id.removeprefix(f"{frame.key}:")
        plan = of_overlay(entry, name.removeprefix(TARGETED)) if name.startswith(TARGETED) else of_stratum(entry, name)
        if plan is None or (not name.startswith(TARGETED) and name != stratum):
            raise StageStopped(
                f"a candidate names the draw {draw_id}, which its sampling frame does not have",
                hint="Only Tafol writes the topic candidates. Find out who wrote this record before going on.",
            )
        return plan


def of_request(request: CheckRequest) -> Plan:
    """The plan of a check request."""
    period = Part(request.holds_from, request.holds_until, request.n)
    return Plan(request.purpose, period, REQUEST_LATENESS, takes_next=request.pick == "next")


def of_overlay(frame: SamplingFrame, name: str) -> Plan | None:
    """The plan of a capped overlay; None where the frame has none of that name."""
    cap = next((overlay.cap for overlay in frame.overlays if overlay.name == name), None)
    if cap is None:
        return None
    windows = Windows(frame.zone, cap.window, cap.parts, cap.n)
    return Plan("targeted", windows, timedelta(seconds=frame.lateness_s))


def of_stratum(frame: SamplingFrame, name: str) -> Plan | None:
    """The plan of a stratum with a quota or a cap; None where it has neither, or does not exist."""
    try:
        stratum = frame.stratum(name)
    except KeyError:
        return None
    lateness, draw, cap = timedelta(seconds=frame.lateness_s), stratum.draw, stratum.cap
    if isinstance(draw, QuotaDraw):
        return Plan("quota", Windows(frame.zone, draw.window, draw.parts, draw.n), lateness)
    if cap is None:
        return None
    windows = Windows(frame.zone, cap.window, cap.parts, cap.n)
    if isinstance(draw, RandomDraw):
        return Plan("random", windows, lateness, rate=draw.rate)
    if isinstance(draw, SystematicDraw):
        return Plan("systematic", windows, lateness, rate=1 / draw.every)
    return None
