"""The chain of the audit trail: any change to any entry shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.audit import START, Entry, next_hash, verify_entries

pytestmark = pytest.mark.unit
WORDS = st.text(max_size=8)
ENTRIES = st.lists(st.tuples(st.integers(0, 2**52), WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=8)


def chained(parts: list[tuple[int, str, str, str, str]]) -> list[tuple[Entry, str]]:
    before, chain = START, []
    for seq, part in enumerate(parts, 1):
        entry = Entry(seq, *part)
        before = next_hash(before, entry)
        chain.append((entry, before.hex()))
    return chain


@given(ENTRIES, st.data())
def test_a_changed_field_shows_at_its_entry(parts: list[tuple[int, str, str, str, str]], data: st.DataObject) -> None:
    chain = chained(parts)
    assert verify_entries(chain).intact
    at = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(Entry._fields[1:]))
    entry, hash_hex = chain[at]
    other: Any = data.draw(
        (st.integers() if name == "at_us" else WORDS).filter(lambda one: one != getattr(entry, name))
    )
    changed: dict[str, Any] = {name: other}
    chain[at] = entry._replace(**changed), hash_hex
    assert verify_entries(chain).first_bad_seq == at + 1


@given(ENTRIES, st.data())
def test_an_entry_taken_out_or_made_anew_with_its_hash_shows(
    parts: list[tuple[int, str, str, str, str]], data: st.DataObject
) -> None:
    chain = chained([*parts, (0, "", "", "", "")])
    at = data.draw(st.integers(0, len(chain) - 2))
    assert not verify_entries(chain[:at] + chain[at + 1 :]).intact
    entry = chain[at][0]._replace(subject=chain[at][0].subject + "!")
    before = START if at == 0 else bytes.fromhex(chain[at - 1][1])
    forged = [*chain[:at], (entry, next_hash(before, entry).hex()), *chain[at + 1 :]]
    assert verify_entries(forged).first_bad_seq == at + 2


def test_parts_do_not_run_into_each_other() -> None:
    one, other = (Entry(1, 0, *parts, "{}") for parts in (("a", "bc", "d"), ("ab", "c", "d")))
    assert next_hash(START, one) != next_hash(START, other)
