"""Which rejected records are shown, and how their content is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from schemas.base import Origin
from schemas.errors import ConfigError
from schemas.headers import Headers
from schemas.rejected import Rejected, RejectReason, rejected_headers
from tafol.rejected import Wanted, parse_origin, payload_text, select

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def record(
    offset: int, reason: RejectReason = "invalid", *, minutes: int = 0, kept_offset: int | None = None
) -> Record:
    rejected = Rejected(
        origin=Origin(topic="transactions.phone", partition=0, offset=offset),
        reason=reason,
        message="what is wrong",
        bytes=3,
        appended_at=NOW + timedelta(minutes=minutes),
    )
    at = offset if kept_offset is None else kept_offset
    return Record("transactions.rejected", 0, at, 0, b"key", b"raw", rejected_headers(rejected))


def offsets(wanted: Wanted, *records: Record) -> list[int]:
    return [one.rejected.origin.offset for one in select(records, wanted, pytest.fail)]


def test_the_newest_are_taken_and_shown_oldest_first() -> None:
    assert offsets(Wanted(newest=2), record(1, minutes=9), record(2, minutes=3), record(3, minutes=5)) == [3, 1]


def test_filters_hold_together() -> None:
    records = (record(1, "too_old"), record(2), record(3, minutes=-5), record(4))
    origins = frozenset({"transactions.phone[0]@1", "transactions.phone[0]@2", "transactions.phone[0]@3"})
    assert offsets(Wanted(origins, frozenset({"invalid"}), NOW), *records) == [2]


def test_a_record_rejected_twice_after_a_crash_is_there_once() -> None:
    assert offsets(Wanted(), record(1, kept_offset=7), record(1, kept_offset=9)) == [1]


def test_values_are_held_only_when_they_are_asked_for() -> None:
    without, with_values = (select([record(1)], Wanted(), pytest.fail, values=asked)[0] for asked in (False, True))
    assert (without.value, with_values.value) == (None, b"raw")
    assert without.rejected.bytes == 3


def test_a_record_that_tafol_did_not_write_is_told_of_and_left_out() -> None:
    told: list[str] = []
    foreign = Record("transactions.rejected", 1, 5, 0, None, b"?", [])
    assert select([foreign, record(1)], Wanted(), told.append) == select([record(1)], Wanted(), pytest.fail)
    assert told[0].startswith("transactions.rejected[1]@5: ")


def test_origins_are_written_as_they_are_shown() -> None:
    origin = Origin(topic="transactions.face-to-face", partition=3, offset=14)
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize("text", ["", "transactions.phone", "transactions.phone[0]", "a[x]@1", "a[1]@-1", "a b[1]@1"])
def test_other_texts_are_no_origins(text: str) -> None:
    with pytest.raises(ConfigError, match="is no origin"):
        parse_origin(text)


def test_content_cannot_steer_a_terminal() -> None:
    assert payload_text(b'{"a": "\x1b[2J"}\nb') == '{"a": "\\x1b[2J"}\nb'
    assert payload_text(b"\xff\xfe") == "\\xff\\xfe"
    assert payload_text("ffrâm".encode()) == "ffrâm"
    assert payload_text(None) == ""
