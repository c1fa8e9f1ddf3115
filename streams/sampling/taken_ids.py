"""The side records of the sample stage on `sample-ids`: what was taken, as digests, so that a new owner remembers it.

Layout, little-endian: magic, length of the source's name, number of entries, base offset; the name `topic/partition`;
then offsets less the base (4 bytes each), id digests (16) and content digests (8). 28 bytes an entry.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np

from schemas.errors import SnapshotUnusable
from streams.sampling.repeats import CONTENT_BYTES, ID_BYTES, Taken
from streams.stage import Partition

MAX_ENTRIES: Final = 100_000
"""Entries in one record: 2.8 MB of the 4 MiB that a record may have."""

_HEAD: Final = struct.Struct("<4sHIq")
_MAGIC: Final = b"TID1"
_OFFSET_BYTES: Final = 4
_ENTRY_BYTES: Final = _OFFSET_BYTES + ID_BYTES + CONTENT_BYTES


def source_name(source: Partition) -> str:
    """`topic/partition`: key of the side records of one partition, and part of other keys."""
    return f"{source.topic}/{source.partition}"


def encode(source: Partition, taken: Taken) -> Iterator[bytes]:
    """The values of the side records that hold `taken`; nearly always one."""
    name = source_name(source).encode()
    start, total = 0, len(taken.offsets)
    while start < total:
        base = int(taken.offsets[start])
        within = int(np.searchsorted(taken.offsets, base + 2**32))
        stop = min(start + MAX_ENTRIES, within)
        part = slice(start, stop)
        yield b"".join(
            (
                _HEAD.pack(_MAGIC, len(name), stop - start, base),
                name,
                (taken.offsets[part] - base).astype("<u4").tobytes(),
                taken.ids[part].astype("<u8").tobytes(),
                taken.contents[part].astype("<u8").tobytes(),
            )
        )
        start = stop


def decode(source: Partition, value: bytes) -> Taken | None:
    """What a side record holds; None when it belongs to another source. Raises SnapshotUnusable."""
    if len(value) < _HEAD.size or not value.startswith(_MAGIC):
        raise _unusable(source)
    _, name_length, count, base = _HEAD.unpack_from(value)
    at = _HEAD.size + name_length
    if len(value) != at + count * _ENTRY_BYTES:
        raise _unusable(source)
    if value[_HEAD.size : at] != source_name(source).encode():
        return None
    offsets = np.frombuffer(value, dtype="<u4", count=count, offset=at).astype(np.int64) + base
    at += count * _OFFSET_BYTES
    ids = np.frombuffer(value, dtype="<u8", count=count * 2, offset=at).reshape(count, 2)
    at += count * ID_BYTES
    return Taken(offsets, ids, np.frombuffer(value, dtype="<u8", count=count, offset=at))


def _unusable(source: Partition) -> SnapshotUnusable:
    return SnapshotUnusable(
        f"a record of sample-ids for {source} cannot be read",
        hint="It was not written by this version of Tafol, or the topic is used by another installation.",
    )
