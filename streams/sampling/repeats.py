"""The memory of repeats: which transactions were taken within a stretch of the log, and with what content.

The rule. A valid record at offset o repeats when a record with the same id was taken at an offset in [o - stretch, o);
the latest such record counts. With the same content it is dropped and counted, with another it is a conflict. Only
what does not repeat is taken, so a repeat never refreshes the memory. Content is the raw value, byte for byte. Ids are
compared by 16-byte digests, contents by 8-byte digests.

Where frames differ in their stretch, everything that the longest stretch so far can reach is kept; when a longer one
begins, it grows with the log from what was kept (`base`), so that the memory is a function of the partition's records
and not of the moment at which a worker came to know the frame.

Entries are 32 bytes in packed arrays: segments of contiguous offset ranges, each sorted by the first half of the id
digest, merged with their neighbour while they are small.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

ID_BYTES: Final = 16
CONTENT_BYTES: Final = 8

SEGMENTS_A_STRETCH: Final = 4
"""Segments grow to this part of the stretch: few to search, and a forgotten one frees its memory soon."""
SMALLEST_LIMIT: Final = 4096

Words: TypeAlias = npt.NDArray[np.uint64]
Offsets: TypeAlias = npt.NDArray[np.int64]


def digests(texts: Iterable[bytes]) -> Words:
    """SHA-256 of each text as little-endian words, shape (n, 4); an id keeps the first two, a content the first."""
    return np.frombuffer(b"".join([sha256(text).digest() for text in texts]), dtype="<u8").reshape(-1, 4)


class Window(NamedTuple):
    """From the record at `position` on, a record may repeat another within `stretch`, but none below `base`."""

    position: int
    stretch: int
    base: int


class Taken(NamedTuple):
    """Taken records in order of their offsets: parallel arrays of offsets, id digests (n, 2) and content digests."""

    offsets: Offsets
    ids: Words
    contents: Words


def taken_together(parts: Sequence[Taken]) -> Taken:
    """All of `parts`, which follow each other."""
    if len(parts) == 1:
        return parts[0]
    return Taken(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries of one offset range, sorted by `high`, the first half of the id digest."""

    first: int
    last: int
    high: Words
    low: Words
    contents: Words
    offsets: Offsets

    @classmethod
    def of(cls, taken: Taken, order: Offsets | None = None) -> Segment:
        """`order`: that of the first halves of the id digests, where it is known."""
        if order is None:
            order = _ascending(taken.ids)
        high, low = taken.ids[order, 0], taken.ids[order, 1]
        first, last = int(taken.offsets[0]), int(taken.offsets[-1])
        return cls(first, last, high, low, taken.contents[order], taken.offsets[order])

    @classmethod
    def union(cls, parts: Sequence[Segment]) -> Segment:
        """One segment of several; an offset that stands in two of them (the same entry then) is taken once."""
        offsets, which = np.unique(np.concatenate([part.offsets for part in parts]), return_index=True)
        high = np.concatenate([part.high for part in parts])[which]
        low = np.concatenate([part.low for part in parts])[which]
        contents = np.concatenate([part.contents for part in parts])[which]
        return cls.of(Taken(offsets, np.stack((high, low), axis=1), contents))

    def followed_by(self, later: Segment) -> Segment:
        """One segment of two whose ranges do not overlap. The stable sort merges two sorted runs in linear time."""
        high = np.concatenate((self.high, later.high))
        order = np.argsort(high, kind="stable")
        return Segment(
            self.first,
            later.last,
            high[order],
            np.concatenate((self.low, later.low))[order],
            np.concatenate((self.contents, later.contents))[order],
            np.concatenate((self.offsets, later.offsets))[order],
        )

    def holding(self, wanted: Words) -> npt.NDArray[np.bool_]:
        """Which of the sorted words `wanted` stand in `high`."""
        at = np.searchsorted(self.high, wanted)
        at[at == len(self.high)] = 0
        found: npt.NDArray[np.bool_] = self.high[at] == wanted
        return found

    def latest(self, high: int, low: int) -> tuple[int, int] | None:
        """Offset and content of the latest entry of one id."""
        start = int(np.searchsorted(self.high, np.uint64(high)))
        stop = int(np.searchsorted(self.high, np.uint64(high), side="right"))
        same = np.flatnonzero(self.low[start:stop] == np.uint64(low)) + start
        if not len(same):
            return None
        at = same[np.argmax(self.offsets[same])]
        return int(self.offsets[at]), int(self.contents[at])

    def __len__(self) -> int:
        return len(self.high)


@dataclass(slots=True)
class Repeats:
    """Memory of one partition. `stretch`: the longest so far; `base`: offsets below it may have been forgotten."""

    stretch: int = 0
    base: int = 0
    segments: list[Segment] = field(default_factory=list)

    def reach(self, stretch: int, offset: int) -> None:
        """A frame with this stretch judges the record at `offset`."""
        if stretch > self.stretch:
            if self.stretch:
                self.base = max(self.base, offset - self.stretch)
            self.stretch = stretch

    def needed_from(self, next_offset: int) -> int:
        """Lowest offset that a record at `next_offset` or later can repeat."""
        return max(next_offset - self.stretch, self.base, 0)

    def take(
        self, offsets: Sequence[int], ids: Sequence[bytes], values: Sequence[bytes], windows: Sequence[Window]
    ) -> tuple[dict[int, bool], Taken]:
        """Take consecutive valid records of the partition: their offsets, ids in UTF-8 and raw values.

        Returns the repeats, by position in the sequences (True: same content, False: a conflict), and what was taken.
        """
        records = Taken(np.array(offsets, dtype=np.int64), digests(ids)[:, :2], digests(values)[:, 0])
        return self.take_digests(records, windows)

    def take_digests(self, taken: Taken, windows: Sequence[Window]) -> tuple[dict[int, bool], Taken]:
        """`take` of records whose digests are known."""
        repeats: dict[int, bool] = {}
        taken_now: dict[bytes, tuple[int, int]] = {}
        order = _ascending(taken.ids)
        for position in self._suspects(taken.ids[order, 0], order):
            offset, content = int(taken.offsets[position]), int(taken.contents[position])
            name = taken.ids[position].tobytes()
            window = windows[bisect_right(windows, position, key=_position) - 1]
            lowest = max(offset - window.stretch, window.base)
            earlier = taken_now.get(name) or self._latest(taken.ids[position])
            if earlier is not None and earlier[0] >= lowest:
                repeats[position] = earlier[1] == content
            else:
                taken_now[name] = offset, content
        if repeats:
            kept = np.ones(len(taken.offsets), dtype=np.bool_)
            kept[list(repeats)] = False
            taken = Taken(taken.offsets[kept], taken.ids[kept], taken.contents[kept])
            order = _ascending(taken.ids)
        if len(taken.offsets):
            self.segments.append(Segment.of(taken, order))
            self._settle()
        return repeats, taken

    def recall(self, taken: Taken, next_offset: int) -> None:
        """Take back what was taken below `next_offset`, in any order, with overlaps and repetitions."""
        wanted = (taken.offsets >= self.needed_from(next_offset)) & (taken.offsets < next_offset)
        if not wanted.any():
            return
        added = Segment.of(Taken(taken.offsets[wanted], taken.ids[wanted], taken.contents[wanted]))
        apart = [one for one in self.segments if one.last < added.first or one.first > added.last]
        overlapping = [one for one in self.segments if one.last >= added.first and one.first <= added.last]
        if overlapping:
            added = Segment.union([*overlapping, added])
        self.segments = sorted([*apart, added], key=lambda one: one.first)
        self._settle()

    def forget(self, next_offset: int) -> None:
        """Free what no record at `next_offset` or later can repeat."""
        needed = self.needed_from(next_offset)
        while self.segments and self.segments[0].last < needed:
            del self.segments[0]

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    def _suspects(self, ordered: Words, order: Offsets) -> list[int]:
        """Positions, in order, whose first word stands in the memory or twice among them; hardly ever by chance.

        `ordered`: the first words from low to high; `order`: the position of each.
        """
        found = np.zeros(len(ordered), dtype=np.bool_)
        twice = ordered[1:] == ordered[:-1]
        found[1:] |= twice
        found[:-1] |= twice
        for segment in self.segments:
            found |= segment.holding(ordered)
        return sorted(order[found].tolist())

    def _latest(self, words: Words) -> tuple[int, int] | None:
        high, low = int(words[0]), int(words[1])
        for segment in reversed(self.segments):
            latest = segment.latest(high, low)
            if latest is not None:
                return latest
        return None

    def _settle(self) -> None:
        limit = max(self.stretch // SEGMENTS_A_STRETCH, SMALLEST_LIMIT)
        segments = self.segments
        while len(segments) > 1 and len(segments[-2]) < 2 * len(segments[-1]):
            if len(segments[-2]) + len(segments[-1]) > limit:
                break
            later = segments.pop()
            segments[-1] = segments[-1].followed_by(later)


def _ascending(ids: Words) -> Offsets:
    """Positions of id digests, by their first halves from low to high; those of equal ones in any order."""
    order: Offsets = np.argsort(np.ascontiguousarray(ids[:, 0]))
    return order


_position: Final = attrgetter("position")
