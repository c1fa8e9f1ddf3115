"""Headers of rejected records: what is written is what is read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Origin
from schemas.errors import InvalidRecord
from schemas.rejected import MESSAGE_HEADER, ORIGIN_HEADER, REASON_HEADER, Rejected, read_rejected, rejected_headers

pytestmark = pytest.mark.unit


def rejected(message: str = "not one JSON value", offset: int = 7) -> Rejected:
    return Rejected(
        origin=Origin(topic="transactions.face-to-face", partition=3, offset=offset),
        reason="undecodable",
        message=message,
        bytes=12,
        appended_at=datetime(2026, 3, 2, 10, 0, 0, 123_000, tzinfo=UTC),
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=500), st.integers(0, 2**63 - 1))
def test_what_is_written_is_what_is_read(message: str, offset: int) -> None:
    record = rejected(message, offset)

    assert read_rejected(rejected_headers(record), size=12) == record


def test_other_headers_do_not_disturb() -> None:
    headers = [("ce_id", b"\xff"), *rejected_headers(rejected()), ("trace", b"")]

    assert read_rejected(headers, size=12) == rejected()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param(MESSAGE_HEADER, None, MESSAGE_HEADER, id="absent"),
        pytest.param(ORIGIN_HEADER, b"transactions.chat/1", "cannot be read", id="origin without offset"),
        pytest.param(MESSAGE_HEADER, b"\xff", "cannot be read", id="no text"),
        pytest.param(REASON_HEADER, b"because", "reason", id="unknown reason"),
    ],
)
def test_headers_that_tafol_did_not_write_are_refused(name: str, value: bytes | None, said: str) -> None:
    headers = {**dict(rejected_headers(rejected())), name: value}

    with pytest.raises(InvalidRecord, match=said):
        read_rejected([(one, raw) for one, raw in headers.items() if raw is not None], size=12)
