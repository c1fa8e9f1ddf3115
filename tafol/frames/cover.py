"""What conditions leave for others: whether a condition can hold at all, and whether others take all that it could.

Each field's possible values fall into classes that no condition of the frame tells apart; one value stands for each
class. A condition is then a box: for each field that it names, the set of classes that pass. What some boxes leave of
another is found by cutting it along them. Pure, and exact for all fields, up to two bounds: the tests of `flags` are
taken as independent when more than MAX_FLAGS are named, and after MAX_CUTS cuts the answer is that something is left.
Both err on the side of not complaining.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain, combinations, pairwise
from typing import Any, Final

from schemas.base import CHANNELS, IDENTIFIER_PATTERN, LANGUAGE_PATTERN
from schemas.conditions import GROUPABLE, AttributeTest, Condition, NumberTest, TextTest, holds_for, plain
from schemas.transaction import MAX_DURATION_S

MAX_FLAGS: Final = 6
MAX_CUTS: Final = 20_000
MOST_CHAT_LINES: Final = 10_000
Box = dict[str, frozenset[int]]
"""Passing classes by field; a field that is not named lets every class pass."""

_OTHER: Final = "\N{WHITE MEDIUM STAR}"
"""A value that nobody can name: it is not well formed."""
_RANGES: Final = {
    "csat_0_100": (0.0, 100.0),
    "auto_score_0_100": (0.0, 100.0),
    "duration_s": (0.0, float(MAX_DURATION_S)),
}
_MAY_BE_ABSENT: Final = frozenset({"csat_0_100", "auto_score_0_100"})
_ATTRIBUTE: Final = "attribute "


class Space:
    """The classes of values that a set of conditions tells apart. Ask it about these conditions alone."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._tests: dict[str, list[Any]] = {}
        for when in conditions:
            for name, wanted in _fields(when):
                self._tests.setdefault(name, []).append(wanted)
        self._values = {name: _classes(name, tests) for name, tests in self._tests.items()}
        self._flags_apart = "flags" in self._values and not self._values["flags"]
        self._every: Box = {name: frozenset(range(len(values))) for name, values in self._values.items()}

    def box(self, when: Condition) -> Box | None:
        """The box of a condition; None when no transaction can pass."""
        found: Box = {}
        for name, wanted in _fields(when):
            if name == "flags" and self._flags_apart:
                apart = f"flags {wanted!r}"
                self._every[apart] = frozenset((0, 1))
                found[apart] = frozenset((1,))
                continue
            passing = frozenset(n for n, value in enumerate(self._values[name]) if _passes(name, wanted, value))
            if not passing:
                return None
            found[name] = passing
        return found

    def left(self, box: Box, others: Sequence[Box]) -> Box | None:
        """A part of `box` that none of `others` takes; None when they take all of it."""
        todo: list[tuple[Box, int]] = [(box, 0)]
        cuts = 0
        while todo:
            rest, at = todo.pop()
            at = next((n for n in range(at, len(others)) if self._meet(rest, others[n])), len(others))
            if at == len(others) or cuts > MAX_CUTS:
                return rest
            for name, allowed in others[at].items():
                own = rest.get(name, self._every[name])
                if own - allowed:
                    todo.append(({**rest, name: own - allowed}, at + 1))
                    cuts += 1
                rest = {**rest, name: own & allowed}
        return None

    def _meet(self, one: Box, other: Box) -> bool:
        return all(one.get(name, self._every[name]) & allowed for name, allowed in other.items())


def _fields(when: Condition) -> Iterable[tuple[str, Any]]:
    """The tests of a condition, those of each attribute apart."""
    for name, wanted in when.named.items():
        if name == "attributes":
            yield from ((f"{_ATTRIBUTE}{key}", test) for key, test in wanted.items())
        else:
            yield name, wanted


def _passes(name: str, wanted: Any, value: Any) -> bool:
    if name.startswith(_ATTRIBUTE):
        return holds_for({name: wanted}, {} if value is None else {name: value})
    return holds_for(wanted, value)


def _classes(name: str, tests: Sequence[Any]) -> list[Any]:
    """One value for each class of values, as `schemas.conditions.READ` gives them."""
    if name.startswith(_ATTRIBUTE):
        words = {plain(word) for test in tests for word in _words(test)}
        numbers = [float(word) for word in words if _is_number(word)]
        between = [plain(number) for number in _numbers([*_bounds(tests), *numbers], -(2.0**54), 2.0**54)]
        return [None, _OTHER, *sorted(words | set(between))]
    if name == "chat_lines":
        near = [int(one) + step for one in (0.0, MOST_CHAT_LINES, *_bounds(tests)) for step in (-1, 0, 1)]
        return sorted({one for one in near if 0 <= one <= MOST_CHAT_LINES})
    return _number_classes(name, tests) if name in _RANGES else _text_classes(name, tests)


def _number_classes(name: str, tests: Sequence[Any]) -> list[float | None]:
    lowest, highest = _RANGES[name]
    found = [one for one in _numbers(_bounds(tests), lowest, highest) if lowest <= one <= highest]
    return [*([None] if name in _MAY_BE_ABSENT else []), *found]


def _text_classes(name: str, tests: Sequence[Any]) -> list[Any]:
    if name in ("has_recording", "has_transcript"):
        return [True, False]
    named = sorted({word for test in tests for word in _words(test) if _possible(name, word)})
    if name == "channel":
        return [(channel,) for channel in CHANNELS]
    if name == "flags":
        return _flag_sets(named)
    return [*([()] if name not in GROUPABLE else []), (_OTHER,), *((word,) for word in named)]


def _flag_sets(named: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of the named flags, with and without others; nothing where there are too many."""
    if len(named) > MAX_FLAGS:
        return []
    sets = list(chain.from_iterable(combinations(named, size) for size in range(len(named) + 1)))
    return [*sets, *((*one, _OTHER) for one in sets)]


def _words(test: Any) -> Iterable[str]:
    if isinstance(test, tuple):
        return test
    if isinstance(test, TextTest | AttributeTest):
        return (*(test.one_of or ()), *(test.none_of or ()))
    return ()


def _bounds(tests: Sequence[Any]) -> list[float]:
    bounded = [test for test in tests if isinstance(test, NumberTest | AttributeTest)]
    return [bound for test in bounded for bound in (test.at_least, test.at_most) if bound is not None]


def _numbers(points: Sequence[float], lowest: float, highest: float) -> list[float]:
    """Every point, and a number between any two, below the first and above the last."""
    ordered = sorted({lowest, highest, *points})
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    return sorted({*ordered, *between})


def _is_number(word: str) -> bool:
    """Whether a word, as `plain` gives it, is a number."""
    try:
        return math.isfinite(float(word)) and plain(float(word)) == word
    except ValueError:
        return False


def _possible(name: str, word: str) -> bool:
    """Whether a field can have this value at all."""
    if name == "place":
        return True
    pattern = LANGUAGE_PATTERN if name == "language" else IDENTIFIER_PATTERN
    return re.fullmatch(pattern.removesuffix("$").removeprefix("^"), word) is not None


def every_box(space: Space, conditions: Iterable[Condition]) -> list[Box]:
    """The boxes of those conditions that can hold."""
    return [box for box in map(space.box, conditions) if box is not None]
