"""Purposive draws beside the strata: targeted overlays of the frame, and check requests.

They take nothing out of a stratum. What they take has a draw id and a draw number of its own and no inclusion
probability. Only eligible transactions are asked about, so notices are respected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from schemas.base import Channel
from schemas.conditions import asker, holds_for
from schemas.draw_number import draw_numbers
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from schemas.selection import Purpose
from streams.registers import Requests
from streams.sampling.decode import Event
from streams.sampling.strata import UNITS

FUTURE_LIMIT: Final = timedelta(minutes=5)
"""Events further ahead of their append time take no part in check requests: they could be decided before a worker has
read a request that was published in time (6 minutes)."""
REMEMBERED_LIMIT: Final = 200


class Overlay(NamedTuple):
    """One purposive draw of one frame. `unit` None: every transaction that it is about is taken as it comes."""

    purpose: Purpose
    draw_id: str
    number: Callable[[str], int]
    unit: Callable[[Event], str] | None
    asks: Callable[[Event], bool] | None
    starts: datetime | None = None
    ends: datetime | None = None

    def takes(self, event: Event, appended: datetime) -> bool:
        """Whether it is about `event`."""
        if self.starts is not None and self.ends is not None:
            ended = event.ended_at
            if not self.starts <= ended < self.ends or ended - appended > FUTURE_LIMIT:
                return False
        return self.asks is None or self.asks(event)


def targeted(frame: SamplingFrame, channel: Channel) -> tuple[Overlay, ...]:
    """The overlays of a frame that can be about events of one channel."""
    return tuple(
        Overlay(
            "targeted",
            f"{frame.id}:{frame.version}:targeted/{one.name}",
            draw_numbers(frame.seed_bytes, frame.id, frame.version, f"targeted/{one.name}"),
            None if one.cap is None else UNITS[one.cap.per],
            asker(one.when, without=("channel",)),
        )
        for one in frame.overlays
        if "channel" not in one.when.named or holds_for(one.when.named["channel"], (channel,))
    )


class Asked:
    """The check requests that can be about events of one channel, frame and span of event time."""

    def __init__(self, requests: tuple[CheckRequest, ...], frame: SamplingFrame, channel: Channel) -> None:
        self._of_anyone: list[Overlay] = []
        self._of_colleague: dict[str, list[Overlay]] = {}
        for one in requests:
            named = one.when.named
            if "channel" in named and not holds_for(named["channel"], (channel,)):
                continue
            colleagues = named.get("colleague_id")
            listed = colleagues if isinstance(colleagues, tuple) else ()
            overlay = Overlay(
                one.purpose,
                one.draw_id,
                draw_numbers(frame.seed_bytes, frame.id, frame.version, f"check/{one.id}"),
                UNITS["all"],
                asker(one.when, without=("channel", "colleague_id") if listed else ("channel",)),
                one.holds_from,
                one.holds_until,
            )
            if listed:
                for colleague in listed:
                    self._of_colleague.setdefault(colleague, []).append(overlay)
            else:
                self._of_anyone.append(overlay)

    def __bool__(self) -> bool:
        return bool(self._of_anyone or self._of_colleague)

    def of(self, event: Event) -> Iterator[Overlay]:
        """The requests that may be about `event`, in an order that does not change."""
        yield from self._of_colleague.get(event.colleague_id, ())
        yield from self._of_anyone


class RequestBook:
    """One state of the register of check requests, for one channel."""

    def __init__(self, requests: Requests, channel: Channel) -> None:
        self._requests = requests
        self._channel = channel
        self._made: dict[tuple[datetime, datetime, str], Asked] = {}

    def at(self, starts: datetime, ends: datetime, frame: SamplingFrame) -> Asked:
        """Those that hold at some instant of [starts, ends), in which `frame` does."""
        key = starts, ends, frame.ref.key
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= REMEMBERED_LIMIT:
                self._made.clear()
            found = self._made[key] = Asked(self._requests.between(starts, ends), frame, self._channel)
        return found
