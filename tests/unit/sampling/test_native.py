"""The compiled functions against the ones that they stand for: hashlib, msgspec, schemas.draw_number, Kafka's hash."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.draw_number import DRAW, OVERLAP, SEED_BYTES, draw_numbers, hashed_before_id
from streams.sampling.columns import instant_of, microseconds
from streams.sampling.native import Field, Kind, Part, Scanned
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.repeats import digests
from tests.fixtures.native import native, needs_native
from tests.unit.sampling import logs

pytestmark = [pytest.mark.unit, needs_native]

IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@/#+-]{0,127}\Z")
INSTANTS = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
PLAIN_TEXTS = st.text(st.characters(exclude_characters='"\\', min_codepoint=32, codec="utf-8"), min_size=1, max_size=60)


def scan(*events: dict[str, Any], separators: tuple[str, str] = (",", ":")) -> Scanned:
    """All of `events`, which must be plainly valid."""
    values = [json.dumps(one, separators=separators, ensure_ascii=False).encode() for one in events]
    found = native().scan(logs.in_columns(values), "phone")
    assert found.plain.all()
    return found


def rows(scanned: Scanned) -> Any:
    return np.arange(len(scanned.plain))


@given(st.lists(IDS, min_size=1, max_size=20), st.binary(min_size=32, max_size=32), st.text(max_size=200))
def test_draw_numbers_are_those_of_the_contract(ids: list[str], seed: bytes, stratum: str) -> None:
    assert len(seed) == SEED_BYTES
    stratum = stratum.encode(errors="ignore").decode()
    found = scan(*(logs.event(one) for one in ids))
    for person in (DRAW, OVERLAP):
        numbers = np.zeros(len(ids), dtype=np.uint64)
        prefix = hashed_before_id("frame", 7, stratum)
        native().draw(found, rows(found), numbers, seed=seed, person=person, prefix=prefix)
        assert numbers.tolist() == [draw_numbers(seed, "frame", 7, stratum, person)(one) for one in ids]


@given(st.lists(PLAIN_TEXTS, min_size=1, max_size=10), st.binary(min_size=32, max_size=100))
def test_pseudonyms_are_those_of_the_key(customers: list[str], key: bytes) -> None:
    pseudonyms = Pseudonyms(key)
    found = scan(*(logs.event(customer_ref=one) for one in customers))
    made = native().pseudonyms(found, pseudonyms.inner_block, pseudonyms.outer_block)
    assert [row.tobytes().decode() for row in made] == [pseudonyms.of(one) for one in customers]


@given(st.lists(IDS, min_size=1, max_size=10))
def test_digests_are_those_that_the_memory_of_repeats_keeps(ids: list[str]) -> None:
    values = [logs.value(logs.event(one)) for one in ids]
    found = native().scan(logs.in_columns(values), "phone")
    assert (found.ids == digests([one.encode() for one in ids])[:, :2]).all()
    assert (found.contents == digests(values)[:, 0]).all()
    assert found.contents[0] == int.from_bytes(hashlib.sha256(values[0]).digest()[:8], "little")


@given(st.lists(IDS, min_size=1, max_size=10), st.text(max_size=100), st.integers(1, 1000))
def test_homes_are_those_of_kafkas_partitioner(colleagues: list[str], draw: str, partitions: int) -> None:
    prefix = f"{draw}|colleague/".encode(errors="ignore")
    found = scan(*(logs.event(colleague_id=one) for one in colleagues))
    homes = np.zeros(len(colleagues), dtype=np.int64)
    native().homes(found, rows(found), homes, prefix=prefix, field=Field.COLLEAGUE, partitions=partitions)
    wanted = [(murmur2(prefix + one.encode()) & 0x7FFFFFFF) % partitions for one in colleagues]
    assert homes.tolist() == wanted
    native().homes(found, rows(found), homes, prefix=prefix, field=None, partitions=partitions)
    assert set(homes.tolist()) == {(murmur2(prefix) & 0x7FFFFFFF) % partitions}


def test_a_key_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="a key of 4000 bytes"):
        native().homes(scan(logs.event()), np.arange(1), np.zeros(1, np.int64), prefix=b"x" * 4000, field=None,
                       partitions=1)  # fmt: skip


@given(INSTANTS, st.integers(-(24 * 60) + 1, 24 * 60 - 1))
def test_times_are_read_and_written_as_they_are(instant: datetime, zone_minutes: int) -> None:
    sign, minutes = "-" if zone_minutes < 0 else "+", abs(zone_minutes)
    local = instant_of(microseconds(instant) + zone_minutes * 60_000_000).replace(tzinfo=None)
    spelt = f"{local.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}"
    found = scan(logs.event(started_at=spelt, ended_at=spelt))
    assert found.times_us[:2, 0].tolist() == [microseconds(instant)] * 2
    written = _lines(found, [Part(Kind.TIME, 0)], columns=[found.times_us[0]])
    assert written == msgspec.json.encode(instant)


ATTRIBUTES = st.dictionaries(
    st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z"),
    st.one_of(PLAIN_TEXTS, st.booleans(), st.integers(-(10**9) + 1, 10**9 - 1), st.sampled_from([0.5, 61.25, -7.125])),
    min_size=1, max_size=32,
)  # fmt: skip


@given(ATTRIBUTES, st.lists(IDS, min_size=1, max_size=16), st.sampled_from([(",", ":"), (" ,\t", "\n: ")]))
def test_lists_and_objects_are_written_without_white_space_and_as_texts(
    attributes: dict[str, Any], flags: list[str], separators: tuple[str, str]
) -> None:
    found = scan(logs.event(attributes=attributes, flags=flags), separators=separators)
    parts = [Part(Kind.LIST, Field.FLAGS), Part(Kind.TEXTS, Field.ATTRIBUTES)]
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in attributes.items()}
    assert _lines(found, parts) == msgspec.json.encode(flags) + msgspec.json.encode(texts)


def test_lines_that_need_more_room_than_there_was_get_it() -> None:
    found = scan(logs.event())
    assert _lines(found, [Part(Kind.CONSTANT, 0)] * 50, constants=[b"x" * 1000]) == b"x" * 50_000


def test_columns_of_numbers_with_and_without_one() -> None:
    found = scan(*(logs.event(f"t-{n}") for n in range(3)))
    numbers = np.array([2**64 - 1, 5, 0], dtype=np.uint64).view(np.int64)
    numbered, signed = np.array([1, 0, 1]), np.array([-(2**63), 0, 7])
    parts = [Part(Kind.UNSIGNED, 0, 1), Part(Kind.CONSTANT, 0), Part(Kind.INTEGER, 2), Part(Kind.CHOICE, 3),
             Part(Kind.BARE, 4)]  # fmt: skip
    columns = [numbers, numbered, signed, np.array([1, 2, 1]), np.array([-1, Field.ID, Field.SITE])]
    written = _lines(found, parts, constants=[b" ", b"\n", b";"], columns=columns)
    assert written == b"18446744073709551615 -9223372036854775808\nnull 0;t-10 7\ncardiff"


def _lines(
    found: Scanned, parts: list[Part], constants: tuple[bytes, ...] | list[bytes] = (), columns: Any = ()
) -> bytes:
    names = np.zeros((len(found.plain), 32), dtype=np.uint8)
    return native().lines(found, names, rows(found), parts=parts, constants=constants, columns=columns)
