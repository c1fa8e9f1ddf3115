"""The whole simulation: every event, in the order of sending, with what must become of it.

Days are made one after the other and merged through a heap, for late events and repeats go out after later ones: the
memory is that of about one day. Nothing is sent after `ends`; what would be is sent then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from schemas.base import Channel
from schemas.catalogue import SOURCE_TOPIC
from tafol.simulator import chance
from tafol.simulator.arrivals import Arrival, arrivals, day_starts, local_days
from tafol.simulator.config import SimulationConfig
from tafol.simulator.disorder import (
    CONFLICT,
    REPEAT,
    SPOILERS,
    Fate,
    Unsent,
    beset,
    contradicted,
    encode,
    extra_fields,
    spoil,
)  # fmt: skip
from tafol.simulator.transactions import Draft, Transactions, later

SENT_AFTER_S = (0.2, 3.0)
"""How long after its end a transaction is sent."""
LATE_BY_S = (1.5 * 3600.0, 20 * 3600.0)
REPEATED_AFTER_S = (1.0, 600.0)
LONGEST_TRANSACTION: Final = timedelta(days=1)


class Facts(NamedTuple):
    """What the simulation knows of the transaction behind an event. `quality`: the true one, 0 to 1."""

    id: str
    channel: Channel
    team_id: str
    colleague_id: str
    topic: str
    ended_at: datetime
    quality: float
    unknown_fields: tuple[str, ...] = ()


class SimulatedEvent(NamedTuple):
    """One record for a source topic."""

    topic: str
    key: bytes
    value: bytes
    send_at: datetime
    fate: Fate
    facts: Facts


class Simulation:
    """A contact centre under one configuration. `events()` may be called again: it says the same."""

    def __init__(self, config: SimulationConfig) -> None:
        self.config: Final = config
        self._transactions = Transactions(config)

    def events(self) -> Iterator[SimulatedEvent]:
        """All events whose transactions end in [starts, ends), in the order of sending."""
        waiting: list[tuple[datetime, bytes, int, SimulatedEvent]] = []
        for day in local_days(self.config):
            # Whatever is made from here on is sent no earlier than this day begins.
            yield from _due(waiting, day_starts(day, self.config.zone))
            for event_at, key, nth, event in self._of_day(day):
                heapq.heappush(waiting, (event_at, key, nth, event))
        yield from _due(waiting, None)

    def _of_day(self, day: date) -> Iterator[tuple[datetime, bytes, int, SimulatedEvent]]:
        starts, ends = self.config.starts, self.config.ends
        for arrival in arrivals(self.config, day):
            if not starts - LONGEST_TRANSACTION <= arrival.at < ends:
                continue
            for nth, event in enumerate(self._of_arrival(arrival)):
                yield event.send_at, event.key, nth, event

    def _of_arrival(self, arrival: Arrival) -> list[SimulatedEvent]:
        """The event of one transaction and its repeats; nothing when it does not end within the span."""
        config = self.config
        chances = chance.stream(config.seed, "disorder", arrival.name)
        draft = self._transactions.draft(arrival)
        ended_at = draft.ended_at
        fate = beset(draft, config, chances)
        if fate.reason not in ("from_the_future", "too_old"):
            ended_at = draft.ended_at
        if not config.starts <= ended_at < config.ends:
            return []
        unsent = Unsent(SOURCE_TOPIC[draft.channel], draft.id.encode(), self._transactions.fields(draft))
        if fate.becomes == "rejected":
            if fate.kind in SPOILERS:
                spoil(unsent, fate.kind)
            return [self._event(unsent, later(ended_at, chances.uniform(*SENT_AFTER_S)), fate, draft)]
        return self._sound(unsent, ended_at, fate, draft, chances)

    def _sound(
        self, unsent: Unsent, ended_at: datetime, fate: Fate, draft: Draft, chances: Random
    ) -> list[SimulatedEvent]:
        disorder = self.config.disorder
        unknown: tuple[str, ...] = ()
        if chances.random() < disorder.unknown_fields:
            extra = extra_fields(chances)
            unsent.fields |= extra
            unknown = tuple(extra)
        late = chances.random() < disorder.late
        send_at = later(ended_at, chances.uniform(*(LATE_BY_S if late else SENT_AFTER_S)))
        first = self._event(unsent, send_at, fate, draft, unknown)
        again_at = min(later(send_at, chances.uniform(*REPEATED_AFTER_S)), self.config.ends)
        repeated = chances.random()
        if repeated < disorder.repeat:
            return [first, first._replace(send_at=again_at, fate=REPEAT)]
        if repeated < disorder.repeat + disorder.conflicting_repeat:
            other = encode(contradicted(unsent.fields))
            return [first, first._replace(send_at=again_at, fate=CONFLICT, value=other)]
        return [first]

    def _event(
        self, unsent: Unsent, send_at: datetime, fate: Fate, draft: Draft, unknown: tuple[str, ...] = ()
    ) -> SimulatedEvent:
        quality = self._transactions.quality.of(draft)
        facts = Facts(
            draft.id, draft.channel, draft.team_id, draft.colleague_id, draft.topic, draft.ended_at, quality, unknown
        )
        return SimulatedEvent(unsent.topic, unsent.key, unsent.encoded(), min(send_at, self.config.ends), fate, facts)


def _due(
    waiting: list[tuple[datetime, bytes, int, SimulatedEvent]], until: datetime | None
) -> Iterator[SimulatedEvent]:
    while waiting and (until is None or waiting[0][0] < until):
        yield heapq.heappop(waiting)[3]
