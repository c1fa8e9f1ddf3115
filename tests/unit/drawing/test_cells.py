"""Kept candidates as bytes: they compare as candidates do, and come back as they went in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streams.drawing.cells import Cell, Kept, head, id_of, number_of, packed, unpacked
from streams.selection_lines import OriginPart, TransactionPart

NUMBERS = st.integers(0, 2**64 - 1) | st.integers(0, 3)
IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@/#+-]{0,20}\Z") | st.sampled_from(["a", "a-", "aa", "a.b"])
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@st.composite
def kept(draw: st.DrawFn) -> Kept:
    started = draw(TIMES)
    transaction = TransactionPart(
        draw(IDS), draw(st.sampled_from(["phone", "chat", "face_to_face"])), "c-1", "team", "site", "topic", "cy",
        started, started + timedelta(milliseconds=draw(st.integers(0, 10**7))), "f" * 32, "resolved",
    )  # fmt: skip
    return Kept(draw(NUMBERS), "centre", 1, "phone/en", transaction, OriginPart("transactions.phone", 1, draw(NUMBERS)))


@given(kept())
def test_what_is_packed_comes_back(one: Kept) -> None:
    assert unpacked(packed(one)) == one
    assert (number_of(packed(one)), id_of(packed(one))) == (one.number, one.transaction.id)
    assert packed(one).startswith(head(one.number, one.transaction.id))


@given(kept(), kept())
def test_bytes_compare_as_draw_numbers_and_then_ids(one: Kept, other: Kept) -> None:
    first, second = (one.number, one.transaction.id), (other.number, other.transaction.id)
    if first != second:
        assert (packed(one) < packed(other)) == (first < second)


@given(st.lists(st.tuples(NUMBERS, IDS), unique=True), st.integers(1, 5))
def test_a_cell_keeps_the_smallest_and_never_refuses_one_of_them(items: list[tuple[int, str]], most: int) -> None:
    cell = Cell()
    for number, name in items:
        if cell.may_keep(number, most):
            cell.keep(head(number, name), most)
    assert [(number_of(one), id_of(one)) for one in cell.kept] == sorted(items)[:most]
