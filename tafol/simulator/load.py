"""Events by the ten thousand a second, all of them sound: for load, not for likeness.

A pool of ordinary transactions is written once, with gaps for the id and the three times; an event is a copy of one
with the gaps filled (about a microsecond). Times are those of the clock that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas.base import Channel
from schemas.catalogue import SOURCE_TOPIC
from tafol.simulator.arrivals import arrivals, local_days
from tafol.simulator.config import SimulationConfig
from tafol.simulator.disorder import ELIGIBLE, encode
from tafol.simulator.stream import Facts, SimulatedEvent
from tafol.simulator.transactions import Draft, Transactions

POOL_SIZE: Final = 2_000
CLOCK_EVERY: Final = 64
"""Events between two looks at the clock; they share their times."""
_GAPS: Final = ("@@id@@", "@@told@@", "@@started@@", "@@ended@@")


class _Mould(NamedTuple):
    """A transaction with gaps: `text` takes the gaps' values in `order`."""

    text: bytes
    order: tuple[int, ...]
    told_after: timedelta
    length: timedelta
    topic: str
    channel: Channel
    draft: Draft


class Load:
    """Sound events under one configuration; its span serves only to draw the pool from."""

    def __init__(self, config: SimulationConfig, *, pool_size: int = POOL_SIZE) -> None:
        self._run = config.run
        self._transactions = Transactions(config)
        self._pool: list[_Mould] = []
        for day in local_days(config):
            for arrival in arrivals(config, day)[: pool_size - len(self._pool)]:
                self._pool.append(self._mould(self._transactions.draft(arrival)))
        if not self._pool:
            raise ValueError("no transaction arrives in the span that the pool is drawn from")

    def events(self, now: Callable[[], datetime], count: int | None = None) -> Iterator[SimulatedEvent]:
        """`count` events, or without end. Each ended when it is asked for, by `now`."""
        pool, size = self._pool, len(self._pool)
        quality_of = self._transactions.quality.of
        number = 0
        ended = now()
        while count is None or number < count:
            if number % CLOCK_EVERY == 0:
                ended = now().astimezone(UTC)
            mould = pool[number % size]
            started = ended - mould.length
            transaction_id = f"{self._run}-load-{number:09d}"
            key = transaction_id.encode()
            values = (key, _written(started + mould.told_after), _written(started), _written(ended))
            draft = mould.draft
            draft.id, draft.ended_at = transaction_id, ended
            facts = Facts(
                transaction_id, mould.channel, draft.team_id, draft.colleague_id, draft.topic, ended, quality_of(draft)
            )
            value = mould.text % tuple(values[gap] for gap in mould.order)
            yield SimulatedEvent(mould.topic, key, value, ended, ELIGIBLE, facts)
            number += 1

    def _mould(self, draft: Draft) -> _Mould:
        fields: dict[str, Any] = self._transactions.fields(draft)
        customer = fields["monitoring_notice"]["customer"]
        assert draft.told is not None
        fields["id"], customer["at"], fields["started_at"], fields["ended_at"] = _GAPS
        for line in fields.get("chat", ()):
            del line["at"]
        text = encode(fields).replace(b"%", b"%%")
        order = sorted(range(len(_GAPS)), key=lambda gap: text.index(_GAPS[gap].encode()))
        for gap in _GAPS:
            text = text.replace(gap.encode(), b"%b")
        return _Mould(
            text=text,
            order=tuple(order),
            told_after=draft.told.at - draft.started_at,
            length=draft.ended_at - draft.started_at,
            topic=SOURCE_TOPIC[draft.channel],
            channel=draft.channel,
            draft=draft,
        )


def _written(at: datetime) -> bytes:
    return at.isoformat(timespec="milliseconds").encode()
