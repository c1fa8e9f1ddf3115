"""Sampling frames made ready for the events of one channel, chosen by event time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.base import Channel
from schemas.frame import SamplingFrame
from streams.registers import Timeline
from streams.sampling.days import LocalDays
from streams.sampling.eligibility import EligibilityRules
from streams.sampling.overlays import targeted
from streams.sampling.reigns import BEGINNING, END, reign_at
from streams.sampling.strata import Strata


class ReadyFrame:
    """One version of the frame for one channel: its limits as spans of time, its days, rules and strata."""

    __slots__ = (
        "age_limit", "days", "eligibility", "frame", "future_limit", "id", "lateness", "overlays", "strata", "stretch",
        "version",
    )  # fmt: skip

    def __init__(self, frame: SamplingFrame, channel: Channel) -> None:
        self.frame = frame
        self.id = frame.id
        self.version = frame.version
        self.future_limit = timedelta(seconds=frame.future_limit_s)
        self.age_limit = timedelta(days=frame.age_limit_days)
        self.lateness = timedelta(seconds=frame.lateness_s)
        self.stretch = frame.duplicate_stretch
        self.days = LocalDays(frame.zone)
        self.eligibility = EligibilityRules(frame.eligibility, channel)
        self.strata = Strata(frame, channel)
        self.overlays = targeted(frame, channel)


class FrameReign(NamedTuple):
    """`frame` holds at every event time of [starts, ends). `retired`: it draws no more by then."""

    frame: ReadyFrame
    starts: datetime
    ends: datetime
    retired: bool = False


class Frames:
    """One state of the register of frames, for one channel."""

    def __init__(self, timeline: Timeline[SamplingFrame], channel: Channel, former: Frames | None = None) -> None:
        """`former`: an earlier state, whose frames need not be made ready again."""
        self._timeline = timeline
        self._channel = channel
        self.ready: dict[str, ReadyFrame] = {}
        """By id:version, as they were asked for."""
        self._former = former.ready if former is not None else {}
        self._reigns: list[FrameReign] = []

    def at(self, instant: datetime) -> FrameReign:
        """The frame that holds at `instant`, and for how long. Raises UnknownVersion while the register is empty."""
        for reign in self._reigns:
            if reign.starts <= instant < reign.ends:
                return reign
        entry, starts, ends = reign_at(self._timeline, instant)
        until = entry.holds_until
        retired = until is not None and instant >= until
        if until is not None:
            starts, ends = max(starts, until if retired else BEGINNING), min(ends, END if retired else until)
        reign = FrameReign(self._made_ready(entry), starts, ends, retired)
        self._reigns.append(reign)
        return reign

    def _made_ready(self, frame: SamplingFrame) -> ReadyFrame:
        key = frame.ref.key
        ready = self.ready.get(key)
        if ready is None:
            former = self._former.get(key)
            ready = former if former is not None and former.frame == frame else ReadyFrame(frame, self._channel)
            self.ready[key] = ready
        return ready
