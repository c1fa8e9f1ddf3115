"""Compressed record batches laid flat: the same records to a Kafka client and to the compiled half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.transport.inflate import CODECS, inflated
from tests.fixtures.native import native, needs_native
from tests.unit.streams.test_record_columns import (
    APPEND_TIME,
    CONTROL,
    LENGTH,
    MAGIC,
    RECORDS,
    as_a_client_reads,
    batch,
    changed,
    fetch,
    plain,
)

pytestmark = pytest.mark.unit

ATTRIBUTES = st.builds(int.__or__, st.sampled_from([0, *CODECS]), st.sampled_from([0, APPEND_TIME, CONTROL]))
BATCHES = st.lists(st.tuples(RECORDS, st.integers(0, 1000), ATTRIBUTES), min_size=1, max_size=4)
CHECKSUM = slice(17, 21)
LONG: Sequence[Any] = [(1, b"key", b"x" * 1000, [("name", b"value")])]


@given(BATCHES, st.data())
def test_laid_flat_a_fetch_has_the_same_records(batches: Any, data: st.DataObject) -> None:
    whole = fetch(batches)
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))), label="bytes of the fetch")
    assert as_a_client_reads(inflated(whole[:cut])) == as_a_client_reads(whole[:cut])


@needs_native
@given(BATCHES)
def test_the_compiled_half_reads_all_of_it(batches: Any) -> None:
    whole = fetch(batches)
    found = native().records(inflated(whole))
    assert found is not None
    assert [plain(record) for record in found] == as_a_client_reads(whole)


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_laid_flat_is_the_one_that_was_never_compressed_but_for_its_checksum(codec: int) -> None:
    raw = batch(LONG, attributes=codec)
    assert len(raw) < 200
    assert changed(inflated(raw), CHECKSUM, 0) == changed(batch(LONG), CHECKSUM, 0)


@pytest.mark.parametrize("raw", [
    pytest.param(b"", id="nothing"),
    pytest.param(batch(LONG), id="not compressed"),
    pytest.param(batch(LONG, attributes=3)[:-1], id="cut off"),
    pytest.param(changed(batch(LONG, attributes=3), MAGIC, 1), id="of an old magic"),
    pytest.param(changed(batch(LONG, attributes=3), LENGTH, 20), id="shorter than its header"),
    pytest.param(changed(batch(LONG, attributes=3), LENGTH, 2**32 - 1), id="of negative length"),
    pytest.param(batch(LONG, attributes=5), id="of a codec of later days"),
])  # fmt: skip
def test_what_it_does_not_know_it_leaves(raw: bytes) -> None:
    assert inflated(raw) is raw
