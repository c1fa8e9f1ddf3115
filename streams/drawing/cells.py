"""What is kept of an open window: for each unit how many there are, and those with the smallest draw numbers.

A unit keeps no more than the window gives it, whatever comes. Each candidate that is kept is one string of bytes that
begins with its draw number and id, so that bytes compare as candidates do, and nothing is kept as an object of its own:
about 280 + 220 n bytes a unit (`make bench-draw`), shared out over the partitions of `candidates`.
"""

from __future__ import annotations

from bisect import insort
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from schemas.base import Channel
from schemas.selection import Purpose
from streams.selection_lines import OriginPart, TransactionPart

NUMBER_BYTES: Final = 8
END_OF_ID: Final = b"\0"
"""No id holds it, and it is less than all that ids hold: so an id comes before those that it begins."""


class Kept(NamedTuple):
    """One candidate that may be selected."""

    number: int
    frame_id: str
    frame_version: int
    stratum: str
    transaction: TransactionPart
    origin: OriginPart


class _Rest(msgspec.Struct, array_like=True, gc=False):
    """Of a kept candidate what its order does not rest on, without the names of the fields."""

    frame_id: str
    frame_version: int
    stratum: str
    channel: Channel
    colleague_id: str
    team_id: str
    site: str
    topic: str
    language: str
    started_at: datetime
    ended_at: datetime
    customer_pseudonym: str
    outcome: str
    source_topic: str
    source_partition: int
    source_offset: int


def head(number: int, transaction_id: str) -> bytes:
    """What a kept candidate begins with: in order of draw number, ties by id."""
    return b"".join((number.to_bytes(NUMBER_BYTES, "big"), transaction_id.encode(), END_OF_ID))


def packed(kept: Kept) -> bytes:
    """One string of bytes, which begins with its `head`."""
    of, origin = kept.transaction, kept.origin
    rest = _Rest(
        kept.frame_id, kept.frame_version, kept.stratum, of.channel, of.colleague_id, of.team_id, of.site, of.topic,
        of.language, of.started_at, of.ended_at, of.customer_pseudonym, of.outcome, origin.topic, origin.partition,
        origin.offset,
    )  # fmt: skip
    return head(kept.number, of.id) + _encode(rest)


def number_of(raw: bytes) -> int:
    """The draw number of a packed candidate, or of a head alone."""
    return int.from_bytes(raw[:NUMBER_BYTES], "big")


def id_of(raw: bytes) -> str:
    """The transaction id of a packed candidate, or of a head alone."""
    return raw[NUMBER_BYTES : raw.index(END_OF_ID, NUMBER_BYTES)].decode()


def unpacked(raw: bytes) -> Kept:
    """The candidate that `packed` made `raw` of."""
    transaction_id = id_of(raw)
    rest = _decode(raw[len(head(0, transaction_id)) :])
    transaction = TransactionPart(
        transaction_id, rest.channel, rest.colleague_id, rest.team_id, rest.site, rest.topic, rest.language,
        rest.started_at, rest.ended_at, rest.customer_pseudonym, rest.outcome,
    )  # fmt: skip
    origin = OriginPart(rest.source_topic, rest.source_partition, rest.source_offset)
    return Kept(number_of(raw), rest.frame_id, rest.frame_version, rest.stratum, transaction, origin)


class Cell(msgspec.Struct, array_like=True):
    """One unit in one window part. `kept`: packed candidates, in order."""

    eligible: int = 0
    taken: int = 0
    given_out: int = 0
    """Taken as they came, by a request for the next ones."""
    kept: list[bytes] = []

    def may_keep(self, number: int, most: int) -> bool:
        """Whether a candidate of this draw number may be among the `most` smallest so far."""
        return len(self.kept) < most or number <= number_of(self.kept[-1])

    def keep(self, raw: bytes, most: int) -> None:
        """Keep a candidate if it is among the `most` smallest so far."""
        if len(self.kept) < most:
            insort(self.kept, raw)
        elif raw < self.kept[-1]:
            self.kept.pop()
            insort(self.kept, raw)


class OpenWindow(msgspec.Struct, array_like=True):
    """One draw in one window part [starts, ends), by unit. Closes when time has reached `closes`."""

    draw_id: str
    purpose: Purpose
    frame_id: str
    frame_version: int
    stratum: str
    starts: datetime
    ends: datetime
    closes: datetime
    n: int
    rate: float
    cells: dict[str, Cell] = {}
    eligible_by_channel: dict[str, int] = {}


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Rest).decode
