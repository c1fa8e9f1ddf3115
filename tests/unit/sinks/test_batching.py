"""When a batch is full, what it remembers of positions, and how it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.batching import Batch, BatchLimits, Piece, Rows, block, halves
from tests.unit.sinks.records import at

pytestmark = pytest.mark.unit
LIMITS = BatchLimits(rows=10, bytes=1000, age_s=2.0)


def rows(first: int, count: int, topic: str = "selections", partition: int = 0, table: str = "selections") -> Rows:
    place = at(topic, partition)
    pieces = [Piece(place, offset, b'{"n":%d}\n' % offset, 1) for offset in range(first, first + count)]
    return Rows(place, first, first + count, {table: pieces})


def test_an_empty_batch_is_never_full() -> None:
    assert not Batch().full(LIMITS, now_s=1e9)
    assert Batch().due_in_s(LIMITS, now_s=1e9) == 2.0


def test_a_batch_is_full_by_rows_by_bytes_or_by_age() -> None:
    by_rows, by_bytes, by_age = Batch(), Batch(), Batch()
    by_rows.add(rows(0, 10), now_s=5.0)
    by_bytes.add(Rows(at("x"), 0, 1, {"t": [Piece(at("x"), 0, b"x" * 1000, 1)]}), now_s=5.0)
    by_age.add(rows(0, 1), now_s=5.0)
    assert by_rows.full(LIMITS, now_s=5.0)
    assert by_bytes.full(LIMITS, now_s=5.0)
    assert [by_age.full(LIMITS, now_s=now_s) for now_s in (5.0, 6.9, 7.0)] == [False, False, True]


def test_age_counts_from_the_first_chunk() -> None:
    batch = Batch()
    batch.add(rows(0, 1), now_s=5.0)
    batch.add(rows(1, 1), now_s=6.5)
    assert batch.due_in_s(LIMITS, now_s=6.5) == 0.5


def test_positions_are_kept_for_every_partition() -> None:
    batch = Batch()
    batch.add(rows(0, 3), now_s=0)
    batch.add(rows(0, 2, partition=1), now_s=0)
    batch.add(rows(7, 1), now_s=0)
    assert batch.next_offsets == {at("selections", 0): 8, at("selections", 1): 2}
    assert batch.rows == 6


def test_a_chunk_that_makes_no_row_moves_the_position() -> None:
    batch = Batch()
    batch.add(Rows(at("reviews"), 4, 5, {}), now_s=0)
    assert batch.next_offsets == {at("reviews"): 5}
    assert batch.full(LIMITS, now_s=2.0)


def test_a_chunk_that_goes_back_is_an_error_of_the_caller() -> None:
    batch = Batch()
    batch.add(rows(0, 3), now_s=0)
    with pytest.raises(ValueError, match=r"selections\[0\]: a chunk from 2"):
        batch.add(rows(2, 1), now_s=0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_halving_to_the_end_gives_every_line_once_and_in_order(sizes: list[int]) -> None:
    pieces = [
        Piece(at("x"), offset, b"".join(b'{"n":"%d.%d"}\n' % (offset, n) for n in range(size)), size)
        for offset, size in enumerate(sizes)
    ]

    def single(pieces: list[Piece]) -> list[Piece]:
        parts = halves(pieces)
        return pieces if parts is None else [one for part in parts for one in single(part)]

    singles = single(pieces)
    assert block(singles) == block(pieces)
    assert [piece.rows for piece in singles] == [1] * sum(sizes)
