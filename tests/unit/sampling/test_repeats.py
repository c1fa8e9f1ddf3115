"""The memory of repeats against a plain dictionary, its side records, and its room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SnapshotUnusable
from streams.sampling import repeats as module
from streams.sampling import taken_ids
from streams.sampling.repeats import Repeats, Taken, Window
from streams.stage import Partition

pytestmark = pytest.mark.unit

SOURCE = Partition("transactions.phone", 3)

Arrivals = list[tuple[int, bytes, bytes]]


@st.composite
def arrivals(draw: st.DrawFn) -> Arrivals:
    """(offset, id, value) in the order of the log: few ids, so that they come again, near and far."""
    offset = draw(st.integers(0, 2**40))
    made: Arrivals = []
    for _ in range(draw(st.integers(1, 120))):
        offset += draw(st.sampled_from([1, 1, 1, 3, 30]))
        made.append((offset, b"t-%d" % draw(st.integers(0, 25)), draw(st.sampled_from([b"one", b"one", b"two"]))))
    return made


def plain(records: Arrivals, stretch: int) -> dict[int, bool]:
    taken: dict[bytes, list[tuple[int, bytes]]] = {}
    found: dict[int, bool] = {}
    for offset, name, value in records:
        within = [one for one in taken.get(name, []) if one[0] >= offset - stretch]
        if within:
            found[offset] = within[-1][1] == value
        else:
            taken.setdefault(name, []).append((offset, value))
    return found


def take(memory: Repeats, part: Arrivals, stretch: int) -> tuple[dict[int, bool], Taken]:
    memory.reach(stretch, part[0][0])
    offsets, names, values = zip(*part, strict=True)
    found, taken = memory.take(offsets, names, values, [Window(0, stretch, memory.base)])
    memory.forget(offsets[-1] + 1)
    return {offsets[position]: same for position, same in found.items()}, taken


@settings(max_examples=300)
@given(arrivals(), st.sampled_from([0, 1, 3, 20, 1000]), st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_repeats_are_those_of_a_plain_dictionary_for_any_chunks(
    records: Arrivals, stretch: int, lengths: Sequence[int]
) -> None:
    memory, at, turn = Repeats(), 0, 0
    found: dict[int, bool] = {}
    while at < len(records):
        length = lengths[turn % len(lengths)]
        found |= take(memory, records[at : at + length], stretch)[0]
        at, turn = at + length, turn + 1
    assert found == plain(records, stretch)


@settings(max_examples=200)
@given(arrivals(), st.data())
def test_a_memory_recalled_from_any_side_records_equals_the_lived_one(records: Arrivals, data: st.DataObject) -> None:
    stretch = data.draw(st.sampled_from([3, 20, 1000]))
    cut = data.draw(st.integers(0, len(records) - 1))
    values: list[bytes] = []
    for length in (7, 4):  # two workers with other chunks; the second reads on beyond the cut
        lived = Repeats()
        for at in range(0, len(records), length):
            values += taken_ids.encode(SOURCE, take(lived, records[at : at + length], stretch)[1])
    next_offset = records[cut][0]
    recalled = Repeats(stretch=stretch)
    for value in data.draw(st.permutations(values * 2)):
        taken = taken_ids.decode(SOURCE, value)
        assert taken is not None
        recalled.recall(taken, next_offset)
    tail = plain(records, stretch)
    assert take(recalled, records[cut:], stretch)[0] == {at: same for at, same in tail.items() if at >= next_offset}


def test_ids_that_share_half_a_digest_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def digests(texts: Sequence[bytes]) -> module.Words:
        return np.array([[7, len(text), 0, 0] for text in texts], dtype=np.uint64)

    monkeypatch.setattr(module, "digests", digests)
    memory = Repeats()
    assert take(memory, [(0, b"a", b"x"), (1, b"bb", b"x"), (2, b"a", b"x")], 10)[0] == {2: True}
    assert take(memory, [(3, b"ccc", b"x"), (4, b"bb", b"x")], 10)[0] == {4: True}


def test_a_stretch_that_grows_reaches_back_only_to_what_was_kept() -> None:
    short, long = 10, 1000
    memory = Repeats()
    take(memory, [(offset, b"t-%d" % offset, b"x") for offset in range(100)], short)
    memory.reach(long, 100)
    assert memory.base == 90
    assert memory.needed_from(100) == 90
    again = [(100, b"t-95", b"x"), (101, b"t-80", b"x"), (102, b"t-90", b"x")]
    assert take(memory, again, long)[0] == {100: True, 102: True}
    assert memory.needed_from(5000) == 4000


def test_a_segment_out_of_reach_is_freed_and_segments_stay_few() -> None:
    stretch, chunk = 40_000, 1000
    memory = Repeats()
    for first in range(0, 200_000, chunk):
        take(memory, [(offset, b"%d" % offset, b"x") for offset in range(first, first + chunk)], stretch)
        assert len(memory.segments) <= 4 + 4 * module.SEGMENTS_A_STRETCH
    assert stretch <= len(memory) <= stretch + 2 * stretch // module.SEGMENTS_A_STRETCH


def test_nothing_at_all_is_no_trouble() -> None:
    memory = Repeats()
    found, taken = memory.take([], [], [], [])
    assert (found, len(taken.offsets), len(memory)) == ({}, 0, 0)
    assert list(taken_ids.encode(SOURCE, taken)) == []


def test_a_side_record_of_another_source_is_passed_over() -> None:
    _, taken = take(Repeats(), [(5, b"t-1", b"x")], 10)
    (value,) = taken_ids.encode(SOURCE, taken)
    assert taken_ids.decode(Partition("transactions.chat", 3), value) is None


def test_many_or_far_entries_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken_ids, "MAX_ENTRIES", 2)
    _, taken = take(Repeats(), [(at, b"%d" % at, b"x") for at in (1, 2, 3, 2**33, 2**33 + 1)], 10)
    parts = [taken_ids.decode(SOURCE, value) for value in taken_ids.encode(SOURCE, taken)]
    assert [part.offsets.tolist() for part in parts if part is not None] == [[1, 2], [3], [2**33, 2**33 + 1]]


@pytest.mark.parametrize("broken", [b"", b"TID1", b"nonsense that is long enough to have a head"])
def test_a_side_record_that_cannot_be_read_stops_the_worker(broken: bytes) -> None:
    with pytest.raises(SnapshotUnusable):
        taken_ids.decode(SOURCE, broken)


def test_a_side_record_that_was_cut_stops_the_worker() -> None:
    _, taken = take(Repeats(), [(5, b"t-1", b"x")], 10)
    (value,) = taken_ids.encode(SOURCE, taken)
    with pytest.raises(SnapshotUnusable):
        taken_ids.decode(SOURCE, value[:-1])
