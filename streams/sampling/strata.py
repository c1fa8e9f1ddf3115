"""The strata of one frame as the stage uses them: which stratum takes an event, and how that stratum is drawn.

The first stratum whose condition holds takes the event. Of the fields that a condition compares with lists of values,
each has, for every value that a condition names, the set of strata that accept it, as the bits of an integer; what is
common to all fields are the strata that may take it. Answers are remembered by the values of those fields, up to a
bound. What else conditions ask (numbers, flags, attributes) is asked of those strata in their order. A nested stratum
stands for one stratum for each value of the fields that it is made by.

Draws (statistics, "Drawing"). Random: by the draw number alone. Systematic: every k-th of a segment, from a random
start of that segment. A segment is one stratum of one local day of event time in one source partition; its text, which
`schemas.draw_number.systematic_start` turns into the start, is `topic/partition/YYYY-MM-DD`, and for the transactions
that came when their day was final `topic/partition/YYYY-MM-DD/after-final` with the day on which they were appended.
The ordinal in a segment is the number of eligible transactions that the population count of the same cell had before.
Quotas, and what is left of the two under a cap, are decided by the draw stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, Literal, NamedTuple, assert_never

from schemas.base import Channel
from schemas.conditions import GROUPABLE, Condition, asker, holds_for
from schemas.draw_number import draw_numbers, hashed_before_id, systematic_start, threshold
from schemas.frame import NoDraw, QuotaDraw, RandomDraw, SamplingFrame, Stratum, SystematicDraw
from streams.sampling.decode import Event

REMEMBERED_LIMIT: Final = 50_000
"""Combinations of condition values whose strata are remembered; then the memory starts again."""

CONDITION_FIELDS: Final = tuple(name for name in GROUPABLE if name != "channel")
"""Fields that are looked up by their values; the channel is that of the source topic."""


class StratumDraw:
    """One stratum, ready to be drawn from. `name`: of a nested one with the values."""

    __slots__ = (
        "draw_id", "every", "hashed_before_id", "method", "name", "number", "probability", "seed", "start", "threshold",
        "unit", "unit_kind",
    )  # fmt: skip

    def __init__(self, frame: SamplingFrame, stratum: Stratum, name: str) -> None:
        self.name = name
        self.draw_id = f"{frame.id}:{frame.version}:{name}"
        self.seed = frame.seed_bytes
        self.hashed_before_id = hashed_before_id(frame.id, frame.version, name)
        """What draw numbers of this stratum are hashes of, but for the transaction id."""
        self.method: Literal["random", "systematic", "quota", "none"] = "none"
        self.probability: float | None = None
        """Inclusion probability of the design; None where nothing is drawn, or the draw stage decides."""
        self.threshold = 0
        self.number: Callable[[str], int] | None = None
        """The draw number of a transaction; None where the draw does not rest on one."""
        self.every = 0
        self.start: Callable[[str], int] | None = None
        """Systematic draws: the start of a segment."""
        self.unit: Callable[[Event], str] | None = None
        """The unit that a candidate belongs to; None where this stage decides."""
        self.unit_kind = ""
        """Key of `unit` in UNITS; empty where this stage decides."""
        seed, draw = self.seed, stratum.draw
        if isinstance(draw, QuotaDraw):
            self.method = draw.method
            self.number = draw_numbers(seed, frame.id, frame.version, name)
            self.unit_kind = draw.per
        elif isinstance(draw, RandomDraw):
            self.method = draw.method
            self.probability = draw.rate
            self.threshold = threshold(draw.rate)
            self.number = draw_numbers(seed, frame.id, frame.version, name)
        elif isinstance(draw, SystematicDraw):
            every, self.method = draw.every, draw.method
            self.probability = 1 / every
            self.every = every
            self.start = lambda segment: systematic_start(
                seed, frame.id, frame.version, name, segment=segment, every=every
            )
        elif not isinstance(draw, NoDraw):
            assert_never(draw)
        if stratum.cap is not None:
            self.probability = None
            self.number = draw_numbers(seed, frame.id, frame.version, name)
            self.unit_kind = "colleague"
        if self.unit_kind:
            self.unit = UNITS[self.unit_kind]


UNITS: Final[dict[str, Callable[[Event], str]]] = {
    "colleague": lambda event: f"colleague/{event.colleague_id}",
    "team": lambda event: f"team/{event.team_id}",
    "stratum": lambda _: "all",
    "all": lambda _: "all",
}
"""Name of the unit that an event belongs to, by what there is a quota or a cap for."""


class _Entry(NamedTuple):
    """One stratum that may take an event. `asks`: what its values alone do not say; None when nothing is left."""

    asks: Callable[[Event], bool] | None
    stratum: _Declared


class Strata:
    """The strata of a frame that can take events of one channel."""

    def __init__(self, frame: SamplingFrame, channel: Channel) -> None:
        fitting = [one for one in frame.strata if _may_take(one.when, channel)]
        conditions = [stratum.when for stratum in fitting]
        self._entries = [_Entry(asker(one.when, without=_listed(one.when)), _Declared(frame, one)) for one in fitting]
        used = [name for name in CONDITION_FIELDS if any(name in _listed(when) for when in conditions)]
        self._values = attrgetter(*(used or ["channel"]))
        self._masks = [_Masks(name, conditions) for name in used]
        self._remembered: dict[object, StratumDraw | tuple[_Entry, ...]] = {}

    def of(self, event: Event) -> StratumDraw | None:
        """The stratum that takes `event`; None where none does and the frame refuses a stratum of the rest."""
        values = self._values(event)
        found = self._remembered.get(values)
        if found is None:
            found = self._may_hold(event)
            if len(self._remembered) >= REMEMBERED_LIMIT:
                self._remembered.clear()
            self._remembered[values] = found
        if isinstance(found, StratumDraw):
            return found
        for asks, stratum in found:
            if asks is None or asks(event):
                return stratum.of(event)
        return None

    def _may_hold(self, event: Event) -> StratumDraw | tuple[_Entry, ...]:
        """The strata that take events of these values, as far as one that surely does."""
        holding = (1 << len(self._entries)) - 1
        for masks in self._masks:
            holding &= masks.of(event)
        chain: list[_Entry] = []
        while holding:
            lowest = holding & -holding
            entry = self._entries[lowest.bit_length() - 1]
            chain.append(entry)
            if entry.asks is None:
                break
            holding ^= lowest
        only = chain[0] if len(chain) == 1 else None
        return only.stratum.alone if only and only.asks is None and only.stratum.alone else tuple(chain)


class _Declared:
    """A stratum as the frame declares it. `alone`: the one it is; None when it stands for one a value."""

    def __init__(self, frame: SamplingFrame, stratum: Stratum) -> None:
        self._frame = frame
        self._stratum = stratum
        self.alone = None if stratum.by else StratumDraw(frame, stratum, stratum.name)
        self._values = attrgetter(*stratum.by) if stratum.by else None
        self._nested: dict[object, StratumDraw] = {}

    def of(self, event: Event) -> StratumDraw:
        """The stratum of this event."""
        if self.alone is not None or self._values is None:
            assert self.alone is not None
            return self.alone
        values = self._values(event)
        found = self._nested.get(values)
        if found is None:
            named = (values,) if len(self._stratum.by) == 1 else values
            if len(self._nested) >= REMEMBERED_LIMIT:
                self._nested.clear()
            found = StratumDraw(self._frame, self._stratum, "/".join((self._stratum.name, *named)))
            self._nested[values] = found
        return found


def _may_take(when: Condition, channel: Channel) -> bool:
    return "channel" not in when.named or holds_for(when.named["channel"], (channel,))


def _listed(when: Condition) -> frozenset[str]:
    """The fields of a condition that are looked up; the channel is as good as looked up."""
    looked_up = {name for name, wanted in when.named.items() if name in CONDITION_FIELDS and isinstance(wanted, tuple)}
    return frozenset(looked_up | {"channel"})


class _Masks:
    """For one condition field: the strata that accept a value, bit n for the n-th."""

    def __init__(self, name: str, conditions: Sequence[Condition]) -> None:
        self._value = attrgetter(name)
        self._of_any = 0
        named: dict[str, int] = {}
        for n, when in enumerate(conditions):
            wanted = when.named.get(name)
            if isinstance(wanted, tuple):
                for value in set(wanted):
                    named[value] = named.get(value, 0) | 1 << n
            else:
                self._of_any |= 1 << n
        self._named = {value: mask | self._of_any for value, mask in named.items()}

    def of(self, event: Event) -> int:
        return self._named.get(self._value(event), self._of_any)
