"""Snapshots: the state of one partition together with the offset that it was reached at.

A snapshot is written to a compacted topic of the stage, to the partition of the same number, in one or more parts of
at most PART_BYTES under one id; it is valid only if every part is there. Its key is

    source topic / source partition / generation / worker / slot / part

so that a worker that wakes up late can't displace another's record, and two slots in turn, so that a worker killed in
the middle of writing leaves its last whole snapshot standing. Any valid snapshot is true for its own offset: a stale
one costs reading again, never truth. Readers take the one with the highest next offset and never compare generations.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from schemas.headers import Headers
from streams.stage import LogRecord, Output, Partition

PART_BYTES: Final = 900_000
"""Below the 1 MB that a broker takes by default."""
HEADER: Final = "tafol_snapshot"
SLOTS: Final = 2


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Highest origin that was read of one upstream partition."""

    stage: str
    topic: str
    partition: int
    offset: int
    nth: int


class Snapshot(msgspec.Struct, frozen=True):
    """State of one partition at `next_offset`.

    topic_id: the broker's id of the source topic: a topic made anew under the old name has another one.
    side_from: offset in the stage's side topic from which on the side records of this state stand; -1 for none.
    """

    topic: str
    partition: int
    topic_id: str
    logic_version: int
    next_offset: int
    state: bytes
    origins: tuple[Place, ...] = ()
    side_from: int = -1

    @property
    def source(self) -> Partition:
        return Partition(self.topic, self.partition)


class Writer(NamedTuple):
    """Who writes a snapshot. `worker`: unique for each start of a process."""

    generation: int
    worker: str


class Found(NamedTuple):
    """What a snapshot partition holds of one source partition. `snapshot` None: no whole one is there."""

    snapshot: Snapshot | None
    keys: frozenset[bytes]


def encode(topic: str, snapshot: Snapshot, writer: Writer, count: int) -> list[Output]:
    """The records of the writer's `count`-th snapshot of this source, for `topic`."""
    blob = zlib.compress(msgspec.msgpack.encode(snapshot), level=1)
    parts = [blob[at : at + PART_BYTES] for at in range(0, len(blob), PART_BYTES)]
    name = f"{writer.worker}-{writer.generation}-{snapshot.next_offset}-{count}"
    return [
        Output(
            topic=topic,
            key=_key(snapshot.source, writer, count % SLOTS, number),
            value=part,
            headers=[(HEADER, f"{name}/{number}/{len(parts)}".encode())],
            partition=snapshot.partition,
        )
        for number, part in enumerate(parts)
    ]


def tombstones(topic: str, source: Partition, keys: Iterable[bytes], writer: Writer) -> list[Output]:
    """Records that let compaction forget the snapshots of earlier owners; those of `writer` itself stay."""
    own = f"{source.topic}/{source.partition}/{writer.generation}/{writer.worker}/".encode()
    headers: Headers = []
    return [Output(topic, key, None, headers, source.partition) for key in sorted(keys) if not key.startswith(own)]


def find(records: Iterable[LogRecord], sources: Iterable[Partition]) -> dict[Partition, Found]:
    """The best whole snapshot of each of `sources` in the records of snapshot partitions, in the order of the log."""
    parts: dict[Partition, dict[bytes, dict[int, bytes]]] = {source: {} for source in sources}
    wanted: dict[bytes, int] = {}
    keys: dict[Partition, set[bytes]] = {source: set() for source in parts}
    for record in records:
        source = _source_of(record.key)
        if source not in parts or record.key is None:
            continue
        if record.value is None:
            keys[source].discard(record.key)
            continue
        keys[source].add(record.key)
        header = dict(record.headers).get(HEADER)
        if header is None:
            continue
        name, number, of = header.rsplit(b"/", 2)
        wanted[name] = int(of)
        parts[source].setdefault(name, {})[int(number)] = record.value
    return {source: Found(_best(held, wanted), frozenset(keys[source])) for source, held in parts.items()}


def _best(held: dict[bytes, dict[int, bytes]], wanted: dict[bytes, int]) -> Snapshot | None:
    whole = [name for name, numbered in held.items() if len(numbered) == wanted[name]]
    if not whole:
        return None
    best = max(whole, key=lambda name: int(name.rsplit(b"-", 2)[1]))
    blob = b"".join(held[best][number] for number in range(wanted[best]))
    return msgspec.msgpack.decode(zlib.decompress(blob), type=Snapshot)


def _key(source: Partition, writer: Writer, slot: int, part: int) -> bytes:
    return f"{source.topic}/{source.partition}/{writer.generation}/{writer.worker}/{slot}/{part}".encode()


def _source_of(key: bytes | None) -> Partition | None:
    pieces = (key or b"").decode("utf-8", "replace").split("/")
    if len(pieces) != 6 or not pieces[1].isdigit():
        return None
    return Partition(pieces[0], int(pieces[1]))
