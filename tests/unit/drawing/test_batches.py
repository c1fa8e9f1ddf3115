"""Records of many candidates: their bytes, how they are cut and sent to partitions, and skipped by the line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue
from schemas.candidate import Candidate, Candidates, read_candidates, unit_key
from schemas.errors import InvalidRecord
from schemas.headers import origin_of
from streams.drawing.candidates import Batch, read, unread
from streams.sampling.candidates import CandidateLine, Homes, candidate_outputs, place_at
from streams.stage import Output, Partition, PlainRecord
from tests.unit.drawing import logs

pytestmark = pytest.mark.unit

SOURCE = Partition("transactions.chat", 2)
STARTED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def line(offset: int = 7, nth: int = 0, unit: str = "colleague/c-1", transaction_id: str = "t-1") -> CandidateLine:
    return CandidateLine(
        offset, nth, "centre:1:cy", "quota", "centre", 1, "cy", unit, 2**64 - 1, True, transaction_id, "c-1", "t-1",
        "bangor", "billing", "cy", STARTED, STARTED + timedelta(seconds=90.5), "0f" * 16, "resolved",
    )  # fmt: skip


@st.composite
def chunks(draw: st.DrawFn) -> list[CandidateLine]:
    """Lines of one chunk: some transactions stand for several draws, some for none."""
    counts = draw(st.lists(st.integers(0, 3), max_size=30))
    start = draw(st.integers(0, 2**40))
    units = st.sampled_from(["all", *(f"colleague/c-{n}" for n in range(9))])
    names = st.text("abc", min_size=1, max_size=60)
    return [line(start + at, nth, draw(units), draw(names)) for at, count in enumerate(counts) for nth in range(count)]


def record(output: Output, offset: int = 0) -> PlainRecord:
    return PlainRecord(offset, 0, output.key, output.value, tuple(output.headers))


def places(value: bytes | None) -> list[tuple[int, int]]:
    found = read_candidates(value or b"")
    assert isinstance(found, Candidates)
    return [(one.offset, one.nth) for one in found.lines]


def test_a_record_is_laid_out_as_is_documented() -> None:
    (output,) = candidate_outputs(SOURCE, [line()], Homes(1))
    assert output.value == (
        b'{"record":"candidates","topic":"transactions.chat","partition":2,"channel":"chat","fields":["offset","nth",'
        b'"draw_id","purpose","frame_id","frame_version","stratum","unit","draw_number","taken","id","colleague_id",'
        b'"team_id","site","topic","language","started_at","ended_at","customer_pseudonym","outcome"]}\n'
        b'[7,0,"centre:1:cy","quota","centre",1,"cy","colleague/c-1",18446744073709551615,true,"t-1","c-1","t-1",'
        b'"bangor","billing","cy","2026-03-02T08:00:00Z","2026-03-02T08:01:30.500000Z",'
        b'"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","resolved"]\n'
    )
    assert (output.topic, output.key, output.partition) == (catalogue.CANDIDATES, None, 0)
    assert {name: value.decode() for name, value in output.headers} == {
        "ce_specversion": "1.0", "ce_type": "tafol.candidate.v2", "ce_source": "/tafol/sample",
        "ce_id": "transactions.chat/2@7/0-7/0", "content-type": "application/x-ndjson",
        "ce_origin": "sample/transactions.chat/2/7/0",
    }  # fmt: skip


def test_the_struct_and_the_model_have_the_same_fields_in_the_same_order() -> None:
    assert CandidateLine.__struct_fields__ == tuple(Candidate.model_fields)


@given(st.lists(st.text("abcä|/-0123", min_size=1, max_size=20), max_size=8), st.integers(1, 40))
def test_a_unit_lives_where_kafkas_own_partitioner_puts_its_key(units: list[str], partitions: int) -> None:
    homes, everywhere = Homes(partitions), list(range(partitions))
    for unit in [*units, *units]:
        key = unit_key("centre:1:cy", unit).encode()
        assert homes.of("centre:1:cy", unit) == DefaultPartitioner()(key, everywhere, everywhere)


@given(chunks(), st.integers(1, 5), st.sampled_from([500, 1200, 900_000]))
def test_any_cut_keeps_every_line_in_order_in_the_partition_of_its_unit(
    chunk: list[CandidateLine], partitions: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.sampling.candidates.MAX_LINES_BYTES", most)
        outputs = list(candidate_outputs(SOURCE, chunk, Homes(partitions)))
    homes = Homes(partitions)
    found: dict[int, list[CandidateLine]] = {}
    for output in outputs:
        assert output.partition is not None
        batch, origin = read(output.value or b""), origin_of(output.headers)
        assert isinstance(batch, Batch)
        assert batch[:3] == (*SOURCE, "chat")
        assert origin is not None
        assert origin.upstream == ("sample", *SOURCE)
        assert origin.place == places(output.value)[-1]
        assert len(output.value or b"") <= most + 400
        found.setdefault(output.partition, []).extend(batch.lines)
    wanted: dict[int, list[CandidateLine]] = {}
    for one in chunk:
        wanted.setdefault(homes.of(one.draw_id, one.unit), []).append(one)
    assert found == wanted


@given(chunks(), st.data())
def test_what_was_read_of_a_record_is_left_out_and_nothing_else(
    chunk: list[CandidateLine], data: st.DataObject
) -> None:
    for output in candidate_outputs(SOURCE, chunk, Homes(1)):
        there = places(output.value)
        seen = data.draw(st.sampled_from(there) | st.tuples(st.integers(0, there[-1][0]), st.integers(0, 4)))
        if seen >= there[-1]:
            continue
        rest = unread(record(output, 5), seen)
        assert places(rest.value) == [place for place in there if place > seen]
        assert (rest.offset, rest.timestamp, rest.key, rest.headers) == (5, 0, None, tuple(output.headers))


def test_markers_and_what_is_none_of_ours_come_back_as_they_are() -> None:
    state = logs.SAMPLE.initial(SOURCE)
    (marker,) = logs.SAMPLE.idle(state, 4, logs.registers())
    for value in (marker.value, None, b"", b"noise", b"{}\nnoise\n", b"{}\n[1,2,3"):
        one = PlainRecord(7, 0, None, value)
        assert unread(one, (0, 0)) is one


def test_a_candidate_in_a_record_of_its_own_is_still_read() -> None:
    value = (
        b'{"record":"candidate","draw_id":"centre:1:cy","purpose":"quota","unit":"colleague/c-1","frame":{"id":"centre",'
        b'"version":1},"stratum":"cy","draw_number":18446744073709551615,"taken":true,"transaction":{"id":"t-1",'
        b'"channel":"chat","colleague_id":"c-1","team_id":"t-1","site":"bangor","topic":"billing","language":"cy",'
        b'"started_at":"2026-03-02T08:00:00Z","ended_at":"2026-03-02T08:01:30.500000Z",'
        b'"customer_pseudonym":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","outcome":"resolved"},'
        b'"origin":{"topic":"transactions.chat","partition":2,"offset":7}}'
    )
    assert read(value) == Batch("transactions.chat", 2, "chat", [line()])
    one = PlainRecord(0, 0, b"centre:1:cy|colleague/c-1", value)
    assert unread(one, (6, 0)) is one


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"noise", "undecodable"),
        (b'{"record":"candidates","topic":"t","partition":0,"channel":"phone","fields":["offset"]}\n[7]\n', "invalid"),
        (b'{"record":"other"}', "undecodable"),
    ],
)
def test_what_another_version_wrote_is_not_guessed_at(value: bytes, said: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        read(value)
    assert refused.value.reason == said


def test_a_line_that_lacks_a_value_is_refused_by_both_readers() -> None:
    (output,) = candidate_outputs(SOURCE, [line()], Homes(1))
    cut = (output.value or b"").replace(b',"resolved"]', b"]")
    for reader in (read, read_candidates):
        with pytest.raises(InvalidRecord):
            reader(cut)


def test_a_place_is_that_of_a_line() -> None:
    assert place_at(b'[12,3,"x"]\n[13,0,"y"]\n', 11) == (13, 0)
    for noise in (b"", b"[", b"[1,", b'["x",1,2]'):
        with pytest.raises(ValueError, match=r"subsection|invalid literal"):
            place_at(noise, 0)
