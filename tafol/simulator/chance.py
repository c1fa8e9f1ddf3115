"""Randomness as a function: the same seed and name give the same stream of chance, in any process and any order.

Every random thing has a stream of its own, named by what it is for, so that a change in one (a longer chat, another
day) moves nothing else.
"""

from __future__ import annotations

import hashlib
from random import Random
from statistics import NormalDist
from typing import Final

_STANDARD_NORMAL: Final = NormalDist()
_UNIT_BITS: Final = 53
_UNIT: Final = 0.5**_UNIT_BITS


def stream(seed: int, *name: object) -> Random:
    """A generator of its own for `name`."""
    return Random(_number(seed, name))  # noqa: S311 - a simulation, not a secret


def unit(seed: int, *name: object) -> float:
    """One number in (0, 1) for `name`."""
    return ((_number(seed, name) >> (64 - _UNIT_BITS)) + 0.5) * _UNIT


def normal(seed: int, *name: object) -> float:
    """One standard normal number for `name`."""
    return _STANDARD_NORMAL.inv_cdf(unit(seed, *name))


def _number(seed: int, name: tuple[object, ...]) -> int:
    text = "\x1f".join((str(seed), *map(str, name)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
