"""Records as columns, found by the compiled half in the bytes of a fetch, against aiokafka's own reading of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.record_columns import COLUMNS, RecordColumns
from streams.stage import LogRecord, PlainRecord
from streams.transport.inflate import CODEC_BITS, CODECS
from tests.fixtures.native import native, needs_native

pytestmark = pytest.mark.unit

BASE, LENGTH, MAGIC, ATTRIBUTES, COUNT = slice(0, 8), slice(8, 12), slice(16, 17), slice(21, 23), slice(57, 61)
"""Where they stand in a record batch."""
APPEND_TIME, CONTROL, GZIP = 0x08, 0x20, 0x01

TEXTS = st.one_of(st.none(), st.binary(max_size=300))
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)), max_size=3)
RECORDS = st.lists(st.tuples(st.integers(1, 2**41), TEXTS, TEXTS, HEADERS), min_size=1, max_size=6)
BATCHES = st.lists(
    st.tuples(RECORDS, st.integers(0, 1000), st.sampled_from([0, APPEND_TIME, CONTROL])), min_size=1, max_size=4
)


def batch(records: Sequence[Any], base_offset: int = 0, attributes: int = 0) -> bytes:
    """A record batch as a broker keeps it."""
    codec = attributes & CODEC_BITS
    builder = DefaultRecordBatchBuilder(2, codec if codec in CODECS else 0, 0, -1, -1, 0, 1 << 20)
    for nth, (timestamp, key, value, headers) in enumerate(records):
        assert builder.append(nth, timestamp=timestamp, key=key, value=value, headers=headers) is not None
    raw = bytes(builder.build())
    return changed(changed(raw, BASE, base_offset), ATTRIBUTES, int.from_bytes(raw[ATTRIBUTES], "big") | attributes)


def changed(raw: bytes, place: slice, number: int) -> bytes:
    """`raw` with another number in `place`."""
    return raw[: place.start] + number.to_bytes(place.stop - place.start, "big") + raw[place.stop :]


def fetch(batches: Sequence[tuple[Sequence[Any], int, int]]) -> bytes:
    """Batches one after the other, each with a gap of offsets before it."""
    raw, offset = b"", 0
    for records, gap, attributes in batches:
        raw += batch(records, offset + gap, attributes)
        offset += gap + len(records)
    return raw


def as_a_client_reads(fetched: bytes) -> list[PlainRecord]:
    """The records that aiokafka finds."""
    found, batches = [], MemoryRecords(fetched)
    while batches.has_next():
        one: Any = batches.next_batch()
        found += [] if one.is_control_batch else list(one)
    return [plain(record) for record in found]


def plain(record: LogRecord) -> PlainRecord:
    headers = [(name, value) for name, value in record.headers]
    return PlainRecord(record.offset, record.timestamp, record.key, record.value, headers)


@needs_native
@given(BATCHES, st.data())
def test_the_records_of_a_fetch_are_those_that_a_client_reads(batches: Any, data: st.DataObject) -> None:
    whole = fetch(batches)
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))), label="bytes of the fetch")
    found = native().records(whole[:cut])
    assert found is not None
    assert [plain(record) for record in found] == as_a_client_reads(whole[:cut])


CHANGES = st.tuples(
    st.one_of(st.integers(0, 70), st.integers(0, 10_000)),
    st.one_of(st.integers(0, 255), st.sampled_from([0, 127, 255])),
)
"""Where a byte is changed, the header of the first batch above all, and to what."""


@needs_native
@settings(max_examples=1000)
@given(BATCHES, st.lists(CHANGES, min_size=1, max_size=8))
def test_of_damaged_bytes_nothing_is_read_that_lies_outside(batches: Any, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(fetch(batches))
    for at, byte in changes:
        raw[at % len(raw)] = byte
    found = native().records(bytes(raw))
    for start, length in (found.table[2:4], found.table[4:6]) if found is not None else ():
        assert (start >= 0).all()
        assert (start + np.maximum(length, 0) <= len(raw)).all()


@needs_native
@pytest.mark.parametrize("raw", [
    pytest.param(batch([(1, None, b"x" * 100, [])], attributes=GZIP), id="compressed"),
    pytest.param(changed(batch([(1, None, b"x", [])]), MAGIC, 1), id="of an old magic"),
    pytest.param(changed(batch([(1, None, b"x", [])]), LENGTH, 20), id="shorter than its header"),
    pytest.param(changed(batch([(1, None, b"x", [])]), COUNT, 2**31 - 1), id="of more records than it has bytes"),
])  # fmt: skip
def test_what_only_a_client_can_read_is_left_to_it(raw: bytes) -> None:
    assert native().records(raw) is None


@needs_native
def test_a_header_whose_name_is_no_utf_8_is_no_reason_to_stop() -> None:
    raw = batch([(1, None, b"x", [("n\u00e9", b"1")])]).replace("n\u00e9".encode(), b"n\xff\xff")
    found = native().records(raw)
    assert found is not None
    assert (found[0].value, list(found[0].headers)) == (b"x", [("n\ufffd\ufffd", b"1")])


@needs_native
def test_nothing_fetched_is_no_records() -> None:
    found = native().records(b"")
    assert found is not None
    assert (len(found), found.table.shape) == (0, (COLUMNS, 0))


LOG = [
    PlainRecord(3, 10, b"k", b"value", ()), PlainRecord(4, 11, None, b"", ()), PlainRecord(7, 11, b"", None, ()),
    PlainRecord(9, 12, b"key", b"more", ()),
]  # fmt: skip


def test_any_records_can_be_had_as_columns_and_back() -> None:
    columns = RecordColumns.of(LOG)
    assert list(columns) == LOG
    assert [columns[at] for at in range(len(columns))] == LOG
    assert (columns[-1], list(columns[1:3])) == (LOG[-1], LOG[1:3])
    assert columns.offsets.tolist() == [3, 4, 7, 9]
    assert columns.timestamps_ms.tolist() == [10, 11, 11, 12]
    assert RecordColumns.of(columns) is columns
    assert list(RecordColumns.of([])) == []


@pytest.mark.parametrize(("offset", "left"), [(0, LOG), (4, LOG[1:]), (5, LOG[2:]), (10, [])])
def test_records_since_an_offset(offset: int, left: list[PlainRecord]) -> None:
    assert list(RecordColumns.of(LOG).since(offset)) == left
