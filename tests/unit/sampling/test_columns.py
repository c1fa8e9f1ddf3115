"""What the compiled half takes as plainly valid is what the model takes, with the same values, and nothing else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidRecord
from streams.sampling.columns import microseconds
from streams.sampling.decode import Event, read_event
from streams.sampling.native import RECORDING, TOLD, TRANSCRIPT, Field, Scanned
from tests.fixtures.native import native, needs_native
from tests.fuzz.malformed import KINDS
from tests.unit.sampling import logs
from tests.unit.sampling.test_decode import FULL, TEXTS, changed

pytestmark = [pytest.mark.unit, needs_native]

PLAIN: dict[str, Any] = copy.deepcopy(FULL) | {"attributes": {"till": 3, "vip": True, "score": 0.5, "note": "ŵ"}}
PLAIN["chat"][0]["text"] = 'said "x"\n'


def text(found: Scanned, row: int, field: Field) -> str:
    start, length = found.spans[row, field].tolist()
    return found.data[start : start + length].decode()


def check(found: Scanned, row: int, event: Event) -> None:
    """Every value that was found is the event's."""
    told, policy = event.monitoring_notice.customer, event.monitoring_notice.colleague
    bits = int(found.bits[row])
    assert [text(found, row, field) for field in list(Field)[: Field.NOTICE]] == [
        event.id, event.colleague_id, event.team_id, event.site, event.topic, event.language, event.customer_ref,
        event.outcome,
    ]  # fmt: skip
    times = [event.started_at, event.ended_at]
    assert found.times_us[:2, row].tolist() == [microseconds(one) for one in times]
    assert bool(bits & TOLD) == (told is not None)
    if told is not None:
        assert (text(found, row, Field.NOTICE), text(found, row, Field.HOW)) == (told.notice_id, told.how)
        assert found.times_us[2, row] == microseconds(told.at)
    assert text(found, row, Field.POLICY) == (policy or "")
    assert text(found, row, Field.PLACE) == (event.place or "")
    assert bool(bits & RECORDING) == (event.recording_ref is not None)
    assert bool(bits & TRANSCRIPT) == (event.transcript_ref is not None)
    assert found.chat_lines[row] == len(event.chat)
    assert json.loads(text(found, row, Field.FLAGS) or "[]") == list(event.flags)
    assert json.loads(text(found, row, Field.ATTRIBUTES) or "{}") == event.attributes
    for field, score in ((Field.CSAT, event.csat_0_100), (Field.AUTO_SCORE, event.auto_score_0_100)):
        assert json.loads(text(found, row, field) or "null") == score


def judged(raw: bytes) -> bool:
    """Scan one value; whether it is plain. If so, the model must agree."""
    found = native().scan(logs.in_columns([b"{", raw, b"}"]), "phone")
    assert not found.plain[0]
    assert not found.plain[2]
    if found.plain[1]:
        event, unknown = read_event(raw)
        assert unknown == ()
        check(found, 1, event)
    return bool(found.plain[1])


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), ("\n,", "\t:\r\n")])
@pytest.mark.parametrize("event", [logs.event(), PLAIN])
def test_what_sources_usually_send_is_plain(event: dict[str, Any], separators: tuple[str, str]) -> None:
    assert judged(json.dumps(event, separators=separators, ensure_ascii=False).encode())


def test_the_order_of_fields_may_change_from_record_to_record() -> None:
    events = [logs.event("t-1"), dict(reversed(logs.event("t-2").items())), logs.event("t-3", place="x")]
    found = native().scan(logs.in_columns([logs.value(one) for one in events]), "phone")
    assert found.plain.all()
    for row, one in enumerate(events):
        check(found, row, read_event(logs.value(one))[0])


@settings(max_examples=400)
@given(changed(), st.booleans())
@example(PLAIN | {"csat_0_100": -0.0}, False)
@example(PLAIN | {"csat_0_100": 100.00000000000001}, False)
@example(PLAIN | {"attributes": {"a": 1e16, "b": 10**15}}, False)
@example(PLAIN | {"chat": None}, False)
def test_whatever_it_takes_the_model_takes_with_the_same_values(fields: Any, escaped: bool) -> None:
    judged(json.dumps(fields, ensure_ascii=escaped).encode(errors="surrogatepass"))


@settings(max_examples=300)
@given(st.sampled_from([json.dumps(PLAIN).encode(), logs.value(logs.event())]), st.data())
def test_bytes_that_were_changed_are_judged_as_the_model_judges_them(raw: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(
                st.binary(max_size=2), st.sampled_from([b'"', b"\\", b"{", b"}", b",", b":", b"0", b"-", b"null"])
            )
        )
    judged(bytes(spoilt))


@given(TEXTS, TEXTS)
def test_fields_that_come_twice_are_left_to_the_model(name: str, other: str) -> None:
    raw = logs.value(logs.event())
    twice = raw[:-1] + b"," + json.dumps({"id": name})[1:].encode()
    assert not judged(twice)
    assert not judged(raw[:-1] + b"," + json.dumps({name or "x": other})[1:].encode())


@pytest.mark.parametrize("kind", KINDS)
def test_malformed_records_are_never_plain(kind: str) -> None:
    luck = random.Random(kind)
    for n in range(100):
        raw = KINDS[kind](luck, logs.event(f"t-{n}"))
        try:
            read_event(raw)
        except InvalidRecord:
            assert not judged(raw)
        else:
            judged(raw)


def test_a_key_must_be_the_id() -> None:
    raw = logs.value(logs.event("t-1"))
    found = native().scan(logs.in_columns([raw] * 4, [None, b"t-1", b"t-2", b""]), "phone")
    assert found.plain.tolist() == [True, True, False, False]
    assert not native().scan(logs.in_columns([raw]), "chat").plain.any()
