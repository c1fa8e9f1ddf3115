"""The life of a frame: coming, active, retired, void - read off the register, at an instant.

A frame is published once and never changes; it is active from the instant it holds from until a later one does, or
until its own `holds_until`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from schemas.frame import SamplingFrame
from streams.registers import Appended, Timeline

State = Literal["coming", "active", "retired", "void"]


@dataclass(frozen=True, slots=True)
class Life:
    """One published version. [starts, ends): the event times it decides; None: from the beginning, without end."""

    frame: SamplingFrame
    published_at: datetime
    state: State
    starts: datetime | None
    ends: datetime | None


def lives(log: Sequence[Appended[SamplingFrame]], now: datetime) -> list[Life]:
    """All published versions, in the order in which they hold; void ones last."""
    timeline = Timeline.of("sampling frame", log)
    published_at = {one.entry.ref.key: one.appended_at for one in reversed(log)}
    found: list[Life] = []
    for nth, frame in enumerate(timeline.entries):
        starts = frame.holds_from if nth else None
        follower = timeline.entries[nth + 1].holds_from if nth + 1 < len(timeline.entries) else None
        ends = min((end for end in (frame.holds_until, follower) if end is not None), default=None)
        found.append(Life(frame, published_at[frame.ref.key], _state(starts, ends, now), starts, ends))
    found += [Life(frame, published_at[frame.ref.key], "void", None, None) for frame in timeline.void]
    return found


def _state(starts: datetime | None, ends: datetime | None, now: datetime) -> State:
    if starts is not None and now < starts:
        return "coming"
    return "retired" if ends is not None and now >= ends else "active"
