"""Draw numbers: the keyed hash that makes every draw a function of the frame and the transaction.

A draw number is BLAKE2b, 8 bytes, keyed with the frame's 32-byte seed, over frame id, version, stratum and transaction
id, each as UTF-8 with a 4-byte big-endian length before it; read as a big-endian integer in [0, 2^64). A random draw
at rate p selects when the number is below floor(p * 2^64). Source: contracts, "Draw number"; statistics, "Drawing".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from typing import Final, NamedTuple

SEED_BYTES: Final = 32
SPACE: Final = 2**64

DRAW: Final = b"tafol-draw"
OVERLAP: Final = b"tafol-ovlp"
SYSTEMATIC_START: Final = b"tafol-syst"


def threshold(probability: float) -> int:
    """floor(probability * 2^64), exact: the float is taken as the binary fraction that it is."""
    return int(Fraction(probability) * SPACE)


def draw_numbers(seed: bytes, frame_id: str, version: int, stratum: str, purpose: bytes = DRAW) -> Callable[[str], int]:
    """The draw function of one stratum: transaction id -> integer in [0, 2^64).

    The hash state over everything but the transaction id is made once and copied (0.5 microseconds a number).
    """
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    base = hashlib.blake2b(digest_size=8, key=seed, person=purpose)
    base.update(hashed_before_id(frame_id, version, stratum))
    copy, from_bytes = base.copy, int.from_bytes

    def number(transaction_id: str) -> int:
        raw = transaction_id.encode()
        state = copy()
        state.update(len(raw).to_bytes(4, "big") + raw)
        return from_bytes(state.digest(), "big")

    return number


def hashed_before_id(frame_id: str, version: int, stratum: str) -> bytes:
    """What the hash of a draw number takes before the transaction id: the same for all of a stratum."""
    return b"".join(map(_with_length, (frame_id, str(version), stratum)))


def systematic_start(seed: bytes, frame_id: str, version: int, stratum: str, *, segment: str, every: int) -> int:
    """Random start in [0, every) of a systematic draw for one segment (source topic, partition and period)."""
    number = draw_numbers(seed, frame_id, version, stratum, SYSTEMATIC_START)(segment)
    return number * every // SPACE


def _with_length(part: str) -> bytes:
    raw = part.encode()
    return len(raw).to_bytes(4, "big") + raw


class TestVector(NamedTuple):
    """One published example, for anyone who writes the draw in another language."""

    seed_hex: str
    frame_id: str
    version: int
    stratum: str
    transaction_id: str
    number: int


TEST_VECTORS: Final = (
    TestVector("00" * 32, "frame", 1, "all", "t-1", 10086250111421468440),
    TestVector(
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "contact-centre",
        7,
        "chat/cy",
        "chat-000001",
        7821571367895987474,
    ),
    TestVector("ff" * 32, "ffrâm", 2147483647, "haen", "trafodiad-ŵ", 12209449405112474216),
)
