"""The fast decoder takes what the pydantic model takes, with the same values, and words what it refuses alike."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, StringConstraints, field_validator

from schemas.errors import InvalidRecord
from schemas.transaction import MAX_NESTING, MAX_TRANSACTION_BYTES, Transaction, read_transaction
from streams.sampling import decode
from streams.sampling.derive import Derivation
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

FULL: dict[str, Any] = {
    **logs.event(),
    "flags": ["vip", "repeat-caller"],
    "csat_0_100": 80,
    "auto_score_0_100": 61.25,
    "recording_ref": "rec/1.wav",
    "transcript_ref": None,
    "chat": [
        {"speaker": "customer", "text": "Helô, ŵyr o?", "at": "2026-03-27T11:56:00Z"},
        {"speaker": "system", "text": ""},
    ],
    "place": "Counter 4",
    "attributes": {"till": 3, "vip": True, "score": 0.5, "note": "x", "_a.b-c": -(2**53)},
}

TIMES = st.one_of(
    st.integers(883_612_800, 4_165_516_800).map(lambda epoch_s: datetime.fromtimestamp(epoch_s, UTC).isoformat()),
    st.sampled_from(
        [
            "2026-03-27T11:56:00.9999999Z", "2026-03-27T11:56:00.123456789Z", "2026-03-27T11:56:00.1234564Z",
            "2026-03-27 11:56:00Z", "2026-03-27t11:56:00z", "2026-03-27_11:56:00Z", "2026-03-27T11:56Z",
            "2026-03-27T11:56:60Z", "2026-03-27T24:00:00Z", "2026-03-27T11:56:00", "2026-03-27T11:56:00+0100",
            "2026-03-27T11:56:00-00:00", "2026-03-27T11:56:00+23:59", "2026-03-27T11:56:00+24:00",
            "2026-02-29T00:00:00Z",
            "2000-01-01T00:30:00+01:00", "1999-12-31T23:30:00-01:00", "2099-12-31T23:30:00-01:00", "1774612560",
            "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59.9999999-23:00", "2026-03-27T11:56:00,5Z", "2026-03-27",
        ]
    ),
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0, 100, 100.0, -0.0, 100.00000000000001, 2**53, 2**53 + 1, -(2**53) - 1, 1e16, 5e-324]),
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "a" * 128, "a" * 129, "a\n", "en\n", "cy-GB", "en-gb", "a|b", "ŵ", "\ud800", "\x00", "phone"]),
    st.sampled_from(["x" * 256, "x" * 257, "ŵ" * 256, "🦉" * 256]),
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, TIMES),
    lambda inner: st.one_of(st.lists(inner, max_size=20), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value inside a JSON value."""
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [place for key, one in value.items() for place in places(one, (*path, key))]
    elif isinstance(value, list):
        inner = [place for at, one in enumerate(value) for place in places(one, (*path, at))]
    return [path, *inner]


TIME_PLACES = [place for place in places(FULL) if place and place[-1] in {"started_at", "ended_at", "at"}]


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A whole event with one to three values changed, taken away or put in beside others."""
    fields = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.one_of(st.sampled_from(TIME_PLACES), st.sampled_from(places(fields))))
        if not place:
            continue
        holder = fields
        try:
            for step in place[:-1]:
                holder = holder[step]
            kind = draw(st.sampled_from(["other", "other", "gone", "beside"]))
            if kind == "gone":
                del holder[place[-1]]
            elif kind == "beside" and isinstance(holder, dict):
                holder[draw(TEXTS)] = draw(ANYTHING)
            else:
                holder[place[-1]] = draw(TIMES if place in TIME_PLACES else ANYTHING)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took that place away
    return fields


def verdict(raw: bytes, fast: bool) -> Any:
    """What a reader makes of one value, comparable: the event and unknown names, or the reason and its wording."""
    try:
        if fast:
            return decode.read_event(raw)
        transaction, unknown = read_transaction(raw)
        return decode.event_of(transaction), unknown
    except InvalidRecord as invalid:
        return invalid.reason, invalid.message


def agree(raw: bytes) -> None:
    fast = verdict(raw, fast=True)
    assert fast == verdict(raw, fast=False)
    if not isinstance(fast[0], str):
        event = fast[0]
        assert repr(event) == repr(verdict(raw, fast=False)[0])
        assert event.started_at.tzinfo is UTC
        assert event.ended_at.tzinfo is UTC


@settings(max_examples=1500)
@given(changed(), st.booleans())
def test_events_with_changed_values_get_the_same_verdict(fields: Any, ascii_only: bool) -> None:
    agree(json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@settings(max_examples=1000)
@given(st.data())
def test_events_with_changed_bytes_get_the_same_verdict(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(FULL, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        put = data.draw(
            st.one_of(
                st.binary(max_size=2),
                st.sampled_from([b'"', b"\\", b"\\u0031", b"\\u002e", b"}", b",", b" ", b"\xff", b"\xed\xa0\x80"]),
                st.sampled_from([b"0", b"-", b"e5", b".", b".0000001", b'"id":"x",', b'"site":7,', b"\n", b"NaN"]),
            )
        )
        raw[at : at + data.draw(st.integers(0, 2))] = put
    agree(bytes(raw))


@pytest.mark.parametrize("place", [place for place in places(FULL) if place])
@pytest.mark.parametrize("ending", ["\n", "|", "\x00", "x" * 300])
def test_texts_with_another_ending_get_the_same_verdict(place: tuple[Any, ...], ending: str) -> None:
    fields = copy.deepcopy(FULL)
    holder: Any = fields
    for step in place[:-1]:
        holder = holder[step]
    if isinstance(holder[place[-1]], str):
        holder[place[-1]] += ending
    else:
        holder[f"{place[-1]}{ending}" if isinstance(holder, dict) else 0] = "x"
    agree(json.dumps(fields).encode())


@given(TIMES, TIMES, TIMES)
def test_times_get_the_same_verdict(started: str, ended: str, told: str) -> None:
    fields = copy.deepcopy(FULL) | {"started_at": started, "ended_at": ended}
    fields["monitoring_notice"]["customer"]["at"] = told
    agree(json.dumps(fields).encode())


@given(st.lists(st.tuples(st.sampled_from(sorted(FULL)), ANYTHING), max_size=3))
def test_the_last_of_two_equal_fields_counts_for_both(again: list[tuple[str, Any]]) -> None:
    twice = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in again)
    agree(json.dumps(FULL)[:-1].encode() + twice.encode() + b"}")


@pytest.mark.parametrize("extra", ['"\\ud800"', '"\x01"', "1e999", "01", "NaN", "[" * 300 + "]" * 300, '"\xff"'])
def test_nonsense_in_unknown_fields_gets_the_same_verdict(extra: str) -> None:
    raw = json.dumps(FULL)
    agree((raw[:-1] + f',"extra":{extra}}}').encode("latin-1"))
    agree(raw.replace('"speaker"', f'"extra":{extra},"speaker"', 1).encode("latin-1"))
    agree(raw.replace('"how"', f'"extra":{extra},"how"', 1).encode("latin-1"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ended_at": FULL["started_at"], "started_at": FULL["ended_at"]}, "record: ended_at is before started_at"),
        ({"attributes": {"Mary Jones, 07700 900123": 1}}, "attributes.(a name).[key]: "),
        ({"attributes": {"till": [1]}}, "attributes.till."),
        ({"chat": [{"speaker": "nurse", "text": "Mary"}]}, "chat.0.speaker: "),
    ],
)
def test_a_reason_names_the_place_in_plain_words_and_quotes_nothing(changes: dict[str, Any], said: str) -> None:
    reason, message = verdict(json.dumps(FULL | changes).encode(), fast=True)
    assert (reason, message[: len(said)]) == ("invalid", said)
    assert "Mary" not in message


@pytest.mark.parametrize("depth", [MAX_NESTING, 990, 5000, 200_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"]":', "}")])
def test_deep_nests_are_refused_alike_wherever_the_caller_stands(depth: int, opens: str, closes: str) -> None:
    raw = json.dumps(FULL)[:-1] + f',"extra":{opens * depth}0{closes * depth}}}'

    def deeper(calls: int) -> Any:
        return deeper(calls - 1) if calls else verdict(raw.encode(), fast=True)

    assert deeper(0) == deeper(500) == ("undecodable", f"nested more than {MAX_NESTING} levels deep")


def test_nests_within_bounds_are_taken_and_brackets_in_texts_are_none() -> None:
    nest = "[" * (MAX_NESTING - 1) + "]" * (MAX_NESTING - 1)
    _, unknown = decode.read_event((json.dumps(FULL)[:-1] + f',"extra":{nest}}}').encode())
    assert unknown == ("extra",)
    chat = [{"speaker": "system", "text": '[{"\\'}] * (MAX_NESTING + 1)
    event, _ = decode.read_event(json.dumps(FULL | {"chat": chat, "extra": 1}).encode())
    assert len(event.chat) == len(chat)


@pytest.mark.parametrize(
    "lasted", [timedelta(0), timedelta(days=7), timedelta(days=7, microseconds=1), timedelta(microseconds=-1)]
)
def test_the_order_of_times_and_the_longest_duration_get_the_same_verdict(lasted: timedelta) -> None:
    fields = FULL | {"started_at": (logs.NOON - lasted).isoformat(), "ended_at": logs.NOON.isoformat()}
    agree(json.dumps(fields).encode())


def test_a_valid_event_takes_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "read_transaction", lambda raw: pytest.fail("went the slow way"))
    event, unknown = decode.read_event(json.dumps(FULL).encode())
    assert (event.id, event.ended_at, unknown) == ("t-1", logs.NOON, ())
    assert event.attributes == FULL["attributes"]


def test_more_identifiers_than_are_remembered_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "KNOWN_IDENTIFIERS_LIMIT", 20)
    monkeypatch.setattr(decode, "KNOWN_LANGUAGES_LIMIT", 2)
    for n in range(60):
        language = f"{chr(97 + n % 26)}y"
        agree(json.dumps(FULL | {"colleague_id": f"c-{n}", "site": f"s-{n % 3}", "language": language}).encode())
        agree(json.dumps(FULL | {"colleague_id": f"c {n}"}).encode())


def test_the_largest_value_is_taken_and_one_byte_more_is_not() -> None:
    raw = json.dumps(FULL).encode()
    whole = raw + b" " * (MAX_TRANSACTION_BYTES - len(raw))
    agree(whole)
    agree(whole + b" ")
    with pytest.raises(InvalidRecord) as refused:
        decode.read_event(whole + b" ")
    assert refused.value.reason == "too_large"


def test_every_rule_of_the_model_is_either_in_the_struct_or_checked_by_hand() -> None:
    derivation = Derivation(by_hand=frozenset(decode.PATTERNS_BY_HAND))
    derivation.struct(Transaction)
    assert derivation.patterns.keys() == decode.PATTERNS_BY_HAND.keys()
    assert derivation.instants == decode.INSTANTS_BY_HAND
    assert derivation.rules == decode.RULES_BY_HAND


class WithValidator(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        return name[:3]


class WithUnknownBound(BaseModel):
    size: Annotated[int, Field(multiple_of=3)]


class WithStripping(BaseModel):
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)]


class WithUnknownType(BaseModel):
    names: set[str]


@pytest.mark.parametrize("model", [WithValidator, WithUnknownBound, WithStripping, WithUnknownType])
def test_a_rule_that_the_derivation_does_not_know_stops_it(model: type[BaseModel]) -> None:
    with pytest.raises(TypeError):
        Derivation(by_hand=frozenset()).struct(model)
