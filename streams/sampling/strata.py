"""The strata of one frame as the stage uses them: which stratum takes an event, and how that stratum is drawn.

The first stratum whose condition holds takes the event. Each condition field has, for every value that a condition
names, the set of strata that accept it, as the bits of an integer; the lowest bit common to all fields is the answer.
Answers are remembered by the values of the condition fields, up to a bound.

Draws (statistics, "Drawing"). Random: by the draw number alone. Systematic: every k-th of a segment, from a random
start of that segment. A segment is one stratum of one local day of event time in one source partition; its text, which
`schemas.draw_number.systematic_start` turns into the start, is `topic/partition/YYYY-MM-DD`, and for the transactions
that came when their day was final `topic/partition/YYYY-MM-DD/after-final` with the day on which they were appended.
The ordinal in a segment is the number of eligible transactions that the population count of the same cell had before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, Literal

from schemas.base import Channel
from schemas.conditions import Condition
from schemas.draw_number import draw_numbers, systematic_start, threshold
from schemas.errors import StageStopped
from schemas.frame import RandomDraw, SamplingFrame, Stratum, SystematicDraw
from streams.sampling.decode import Event

REMEMBERED_LIMIT: Final = 50_000
"""Combinations of condition values whose stratum is remembered; then the memory starts again."""

CONDITION_FIELDS: Final = ("team_id", "site", "topic", "language")
"""Beside the channel, which is that of the source topic."""


class StratumDraw:
    """One stratum, ready to be drawn from."""

    __slots__ = ("draw_id", "every", "method", "name", "number", "probability", "start", "threshold")

    def __init__(self, frame: SamplingFrame, stratum: Stratum) -> None:
        self.name = stratum.name
        self.draw_id = f"{frame.id}:{frame.version}:{stratum.name}"
        self.method: Literal["random", "systematic", "none"] = "none"
        self.probability: float | None = None
        """Inclusion probability of the design; None where nothing is drawn."""
        self.threshold = 0
        self.number: Callable[[str], int] | None = None
        """The draw number of a transaction; None where the draw does not rest on one."""
        self.every = 0
        self.start: Callable[[str], int] | None = None
        """Systematic draws: the start of a segment."""
        seed, draw = frame.seed_bytes, stratum.draw
        if isinstance(draw, RandomDraw):
            self.method = draw.method
            self.probability = draw.rate
            self.threshold = threshold(draw.rate)
            self.number = draw_numbers(seed, frame.id, frame.version, stratum.name)
        elif isinstance(draw, SystematicDraw):
            every, self.method = draw.every, draw.method
            self.probability = 1 / every
            self.every = every
            self.start = lambda segment: systematic_start(
                seed, frame.id, frame.version, stratum.name, segment=segment, every=every
            )


class Strata:
    """The strata of a frame that can take events of one channel."""

    def __init__(self, frame: SamplingFrame, channel: Channel) -> None:
        fitting = [one for one in frame.strata if _may_take(one.when, channel)]
        self._draws = [StratumDraw(frame, stratum) for stratum in fitting]
        conditions = [stratum.when for stratum in fitting]
        used = [name for name in CONDITION_FIELDS if any(name in when.named for when in conditions)]
        self._values = attrgetter(*(used or ["channel"]))
        self._masks = [_Masks(name, conditions) for name in used]
        self._remembered: dict[object, StratumDraw] = {}

    def of(self, event: Event) -> StratumDraw:
        """The stratum that takes `event`; the last stratum of a frame takes all that is left."""
        values = self._values(event)
        found = self._remembered.get(values)
        if found is None:
            found = self._first_that_holds(event)
            if len(self._remembered) >= REMEMBERED_LIMIT:
                self._remembered.clear()
            self._remembered[values] = found
        return found

    def _first_that_holds(self, event: Event) -> StratumDraw:
        holding = (1 << len(self._draws)) - 1
        for masks in self._masks:
            holding &= masks.of(event)
        return self._draws[(holding & -holding).bit_length() - 1]


def _may_take(when: Condition, channel: Channel) -> bool:
    return when.channel is None or channel in named_values(when, "channel")


def named_values(when: Condition, name: str) -> tuple[str, ...]:
    """The values of which a condition wants one. Raises StageStopped for a test of another kind."""
    wanted = when.named[name]
    if not isinstance(wanted, tuple):
        raise StageStopped(f"a stratum tests {name} otherwise than by a list of values; the sample stage cannot")
    return wanted


class _Masks:
    """For one condition field: the strata that accept a value, bit n for the n-th."""

    def __init__(self, name: str, conditions: Sequence[Condition]) -> None:
        self._value = attrgetter(name)
        self._of_any = 0
        named: dict[str, int] = {}
        for n, when in enumerate(conditions):
            if name not in when.named:
                self._of_any |= 1 << n
            else:
                for value in set(named_values(when, name)):
                    named[value] = named.get(value, 0) | 1 << n
        self._named = {value: mask | self._of_any for value, mask in named.items()}

    def of(self, event: Event) -> int:
        return self._named.get(self._value(event), self._of_any)
