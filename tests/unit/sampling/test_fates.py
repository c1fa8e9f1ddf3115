"""What becomes of single transactions: each bad input with its reason, large ones, unknown fields, late ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import catalogue
from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DecidedTransaction, read_decided
from schemas.rejected import Rejected, read_rejected
from schemas.transaction import MAX_TRANSACTION_BYTES
from streams.registers import Registers
from streams.sampling import decided
from streams.sampling.counts import MAX_FIELD_NAMES, OTHER_FIELDS, ReadTally
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from tests.fixtures.native import compiled_stage, needs_native
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

STAGE = SampleStage(Pseudonyms(logs.KEY))


@pytest.fixture(
    autouse=True, scope="module", params=["record by record", pytest.param("by columns", marks=needs_native)]
)
def _stage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test twice: on each of the two ways of sampling."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "by columns":
            patch.setattr(f"{__name__}.STAGE", compiled_stage(logs.KEY))
        yield


REGISTERS = logs.registers(logs.frame(duplicate_stretch=1000))
GOOD = logs.value(logs.event("good"))


def step(
    records: Sequence[PlainRecord], registers: Registers = REGISTERS, source: Partition = logs.SOURCE
) -> list[Output]:
    return STAGE.step(STAGE.initial(source), Chunk(source, records), registers)


def values(outputs: Sequence[Output], topic: str) -> list[bytes]:
    return [output.value for output in outputs if output.topic == topic and output.value is not None]


def lines(outputs: Sequence[Output]) -> list[DecidedTransaction]:
    return [line for value in values(outputs, catalogue.DECIDED) for line in read_decided(value)]


def read_count(outputs: Sequence[Output]) -> ReadCount:
    (value,) = values(outputs, catalogue.READ_COUNTS)
    return ReadCount.model_validate_json(value)


def counts(outputs: Sequence[Output]) -> list[PopulationCount]:
    return [PopulationCount.model_validate_json(value) for value in values(outputs, catalogue.POPULATION_COUNTS)]


def rejected(outputs: Sequence[Output]) -> list[Rejected]:
    return [
        read_rejected(output.headers, len(output.value or b""))
        for output in outputs
        if output.topic == catalogue.REJECTED
    ]


def ended(by: timedelta) -> bytes:
    return logs.value(logs.event("bad", logs.NOON + by))


BAD: dict[str, tuple[bytes | None, bytes | None, str, str]] = {
    "no value": (None, None, "undecodable", "no value"),
    "not UTF-8": (b"\xff\xfe", None, "undecodable", "not UTF-8 at byte 0"),
    "not JSON": (b"{", None, "undecodable", "not one JSON value"),
    "two values": (GOOD + GOOD, None, "undecodable", "not one JSON value"),
    "no object": (b"[1]", None, "undecodable", "an array"),
    "wrong type": (logs.value(logs.event(team_id=7)), None, "invalid", "team_id"),
    "unknown channel": (logs.value(logs.event(channel="fax")), None, "invalid", "channel"),
    "time without offset": (logs.value(logs.event(ended_at="2026-03-27T12:00:00")), None, "invalid", "ended_at"),
    "ended before started": (logs.value(logs.event(lasted_s=-1)), None, "invalid", "before started_at"),
    "too large": (b" " * (MAX_TRANSACTION_BYTES + 1), None, "too_large", str(MAX_TRANSACTION_BYTES)),
    "other channel": (logs.value(logs.event(channel="chat")), None, "wrong_channel", "chat"),
    "other key": (GOOD, b"better", "wrong_key", "key"),
    "from the future": (ended(timedelta(seconds=301)), None, "from_the_future", "301 s"),
    "too old": (ended(-timedelta(days=10, seconds=1)), None, "too_old", "10.0 days"),
    "other content": (logs.value(logs.event("before", place="here")), None, "conflicting_repeat", "another content"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_kept_with_its_reason_and_harms_no_neighbour(name: str) -> None:
    raw, key, reason, words = BAD[name]
    records = [
        logs.record(7, logs.value(logs.event("before"))),
        logs.record(8, raw, key=key),
        logs.record(9, logs.value(logs.event("after"))),
    ]
    outputs = step(records)
    (one,) = rejected(outputs)
    assert (one.reason, one.origin.offset, one.bytes, one.appended_at) == (reason, 8, len(raw or b""), logs.NOON)
    assert words in one.message
    assert "C0001" not in one.message
    (output,) = [output for output in outputs if output.topic == catalogue.REJECTED]
    assert (output.value, output.key, output.partition) == (raw, key, logs.SOURCE.partition)
    assert [line.id for line in lines(outputs)] == ["before", "after"]
    count = read_count(outputs)
    assert (count.read, count.rejected, count.eligible) == (3, {reason: 1}, 2)


@pytest.mark.parametrize("by", [timedelta(seconds=300), -timedelta(days=10)])
def test_the_limits_of_future_and_age_are_taken(by: timedelta) -> None:
    assert not rejected(step([logs.record(0, ended(by))]))


def test_a_record_with_its_id_as_key_is_taken() -> None:
    assert [line.id for line in lines(step([logs.record(0, GOOD, key=b"good")]))] == ["good"]


def test_a_chat_of_a_mebibyte_is_taken_and_its_text_goes_nowhere() -> None:
    said = "Dw i eisiau siarad am fy mil. " * 30
    chat = [{"speaker": "customer", "text": said}] * 1200
    told = {"customer": {"notice_id": "banner", "how": "written", "at": logs.NOON.isoformat()}, "colleague": "policy"}
    fields = logs.event("chat-1", lasted_s=0, channel="chat", chat=chat, monitoring_notice=told)
    raw = logs.value(fields)
    assert 1024 * 1024 < len(raw) < MAX_TRANSACTION_BYTES
    outputs = step([logs.record(0, raw)], source=logs.CHAT_SOURCE)
    (line,) = lines(outputs)
    assert (line.chat_lines, line.decision in {"selected", "not_selected"}) == (1200, True)
    assert not any(said.encode() in (output.value or b"") for output in outputs)


def test_no_output_but_the_rejected_holds_the_customer_reference() -> None:
    events = [logs.event(f"t-{n}", customer_ref="C-secret-ref") for n in range(20)]
    bad = logs.event("t-x", customer_ref="C-secret-ref", site="")
    outputs = step(logs.log([*events, bad]))
    assert [output.topic for output in outputs if b"C-secret-ref" in (output.value or b"")] == [catalogue.REJECTED]
    assert not any(b"C-secret-ref" in header for output in outputs for _, header in output.headers)


def test_small_unknown_fields_are_kept_and_all_are_counted_by_name() -> None:
    extra: dict[str, Any] = {"queue_name": "billing", "wait_s": 12.5, "vip": False, "rank": 3, "steps": [1, 2]}
    outputs = step(logs.log([logs.event("t-1", **extra), logs.event("t-2", rank=4), logs.event("t-1", **extra)]))
    first, second = lines(outputs)
    assert first.attributes == {"queue_name": "billing", "wait_s": "12.5", "vip": "false", "rank": "3"}
    assert second.attributes == {"rank": "4"}
    count = read_count(outputs)
    assert count.unknown_fields == {"queue_name": 1, "wait_s": 1, "vip": 1, "rank": 2, "steps": 1}
    assert count.repeats == 1


def test_unknown_field_names_are_bounded_in_number_and_kind() -> None:
    tally = ReadTally()
    for first in range(0, 2 * MAX_FIELD_NAMES, 3):
        tally.name_unknown([f"f{n:04}" for n in range(first, first + 3)])
    tally.name_unknown(["x" * 65, "\ud800", "line\nbreak", "f0001"])
    assert len(tally.unknown_fields) == MAX_FIELD_NAMES + 1
    assert tally.unknown_fields["f0001"] == 2
    assert "f0100" not in tally.unknown_fields
    assert tally.unknown_fields[OTHER_FIELDS] == 67 - 33 + 1


def test_a_late_transaction_of_a_final_day_counts_where_it_was_appended() -> None:
    frame = logs.frame(duplicate_stretch=1000, lateness_s=3600)
    friday_ends = datetime(2026, 3, 28, tzinfo=UTC)
    final_at = friday_ends + timedelta(hours=1, days=2)
    just_before = logs.record(0, logs.value(logs.event("a", final_at - timedelta(seconds=1))), final_at)
    late = logs.record(1, logs.value(logs.event("b", logs.NOON)), final_at)
    reaching = logs.record(2, logs.value(logs.event("c", final_at)), final_at)
    later = logs.record(3, logs.value(logs.event("d", logs.NOON)), final_at)
    by_day = {(one.day.isoformat(), one.after_final): one for one in counts(step([just_before, late, reaching, later],
                                                                                   logs.registers(frame)))}  # fmt: skip
    assert by_day["2026-03-27", False].eligible == 1
    assert by_day["2026-03-30", False].eligible == 2
    assert by_day["2026-03-30", True].eligible == 1


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("Europe/London", "2026-03-28T23:59:59Z", "2026-03-28"),
        ("Europe/London", "2026-03-29T00:00:00Z", "2026-03-29"),
        ("Europe/London", "2026-03-29T22:59:59Z", "2026-03-29"),
        ("Europe/London", "2026-03-29T23:00:00Z", "2026-03-30"),
        ("Europe/London", "2026-10-24T22:59:59Z", "2026-10-24"),
        ("Europe/London", "2026-10-24T23:00:00Z", "2026-10-25"),
        ("Europe/London", "2026-10-25T23:59:59Z", "2026-10-25"),
        ("Europe/London", "2026-10-26T00:00:00Z", "2026-10-26"),
        ("Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-05"),
    ],
)
def test_days_are_local_days_also_when_the_clocks_change(zone: str, instant: str, day: str) -> None:
    when = datetime.fromisoformat(instant)
    outputs = step(
        [logs.record(0, logs.value(logs.event("t", when)), when)], logs.registers(logs.frame(time_zone=zone))
    )
    assert [one.day.isoformat() for one in counts(outputs)] == [day]


def test_counts_are_sent_only_for_cells_that_changed() -> None:
    state = STAGE.initial(logs.SOURCE)
    first = STAGE.step(
        state, Chunk(logs.SOURCE, logs.log([logs.event("a"), logs.event("b", language="cy")])), REGISTERS
    )
    assert {one.stratum for one in counts(first)} == {"rest", "cy"}
    then = STAGE.step(state, Chunk(logs.SOURCE, [logs.record(5, logs.value(logs.event("c")))]), REGISTERS)
    assert [(one.stratum, one.eligible, one.as_of_offset) for one in counts(then)] == [("rest", 2, 5)]
    repeated = STAGE.step(state, Chunk(logs.SOURCE, [logs.record(6, logs.value(logs.event("c")))]), REGISTERS)
    assert counts(repeated) == []
    assert read_count(repeated).repeats == 1


def test_lines_fill_records_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decided, "MAX_LINES_BYTES", 1500)
    events = [logs.event(f"t-{n}", place="Cownter\n" * n) for n in range(20)]
    outputs = step(logs.log(events))
    records = [output for output in outputs if output.topic == catalogue.DECIDED]
    assert len(records) > 5
    assert all(len(output.value or b"") <= 1500 + len(decided.NAMES) for output in records)
    assert [line.id for line in lines(outputs)] == [f"t-{n}" for n in range(20)]
    ids = [dict(output.headers)["ce_id"].decode() for output in records]
    assert ids[0].startswith("transactions.phone/3/0-")
    assert ids[-1].endswith("-19")


def test_the_largest_line_stays_far_below_a_record() -> None:
    attributes: dict[str, Any] = {f"a{n:02}" + "_" * 61: "\x01" * 256 for n in range(32)}
    fields = logs.event("i" * 128, attributes=attributes, place="\x01" * 200, flags=["f" * 128] * 16)
    (value,) = values(step([logs.record(0, logs.value(fields))]), catalogue.DECIDED)
    assert len(value) < decided.MAX_LINES_BYTES / 10
    assert [line.attributes for line in read_decided(value)] == [attributes]
