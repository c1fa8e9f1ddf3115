"""The sample stage against the plain single pass: any chunks, any crashes, the same fate for every transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue
from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DecidedTransaction, read_decided
from schemas.headers import StageOrigin, origin_of
from schemas.rejected import read_rejected
from schemas.selection import Selection
from schemas.transaction import Transaction
from streams.registers import Registers
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, PlainRecord, instant
from streams.topics import SAMPLE_IDS
from tests.fixtures.native import compiled_stage, needs_native
from tests.reference import sampling as reference
from tests.reference.stage_runs import COURSES, Course
from tests.unit.sampling import logs
from tests.unit.sampling.courses import run

pytestmark = pytest.mark.unit

STAGE = SampleStage(Pseudonyms(logs.KEY))
WAYS = pytest.mark.parametrize(
    "stage", [STAGE, pytest.param(compiled_stage(logs.KEY), marks=needs_native)], ids=["record by record", "by columns"]
)
LATER_FRAME = logs.frame(
    2,
    holds_from="2026-03-28T23:30:00Z",
    seed="ff" * 32,
    duplicate_stretch=12,
    lateness_s=0,
    future_limit_s=0,
    time_zone="America/New_York",
    eligibility={"minimum_length_s": 300, "customer_told_within_s": 30},
    strata=logs.STRATA[::2],
)
LATER_NOTICES = logs.notices(2, holds_from="2026-03-28T00:00:00Z")
REGISTERS = logs.registers(logs.frame(), LATER_FRAME, told=(logs.notices(), LATER_NOTICES))


@WAYS
@settings(max_examples=200)
@given(logs.logs(), COURSES)
def test_any_chunks_and_crashes_give_what_one_plain_pass_gives(
    stage: SampleStage, records: list[PlainRecord], course: Course
) -> None:
    sent = run(stage, logs.SOURCE, records, REGISTERS, course)
    _same(sent, records, REGISTERS)


@settings(max_examples=50)
@given(logs.logs())
def test_registers_that_are_read_anew_before_every_chunk_change_nothing(records: list[PlainRecord]) -> None:
    stage = SampleStage(Pseudonyms(logs.KEY))
    state = stage.initial(logs.SOURCE)
    sent: list[Output] = []
    for one in records:
        fresh = Registers(frames=replace(REGISTERS.frames), notices=replace(REGISTERS.notices))
        sent += stage.step(state, Chunk(logs.SOURCE, [one]), fresh)
    _same(sent, records, REGISTERS)


@WAYS
@settings(max_examples=100)
@given(logs.logs(), COURSES)
def test_origins_never_go_down_in_a_partition(stage: SampleStage, records: list[PlainRecord], course: Course) -> None:
    alive = Course(course.chunk_lengths, (False,))
    last: dict[str, tuple[int, int]] = {}
    for output in run(stage, logs.SOURCE, records, REGISTERS, alive):
        origin = origin_of(output.headers)
        assert origin is not None
        assert origin.upstream == ("sample", *logs.SOURCE)
        assert origin.place > last.get(output.topic, (-1, -1))
        last[output.topic] = origin.place


@settings(max_examples=100)
@given(logs.logs(), st.integers(1, 40))
def test_a_loaded_state_goes_on_as_the_dumped_one(records: list[PlainRecord], cut: int) -> None:
    head, tail = records[:cut], records[cut:]
    state = STAGE.initial(logs.SOURCE)
    sent = STAGE.step(state, Chunk(logs.SOURCE, head), REGISTERS)
    dumped, next_offset = STAGE.dump(state), head[-1].offset + 1
    loaded = STAGE.load(logs.SOURCE, dumped)
    assert STAGE.dump(loaded) == dumped
    assert STAGE.remembers_from(loaded, next_offset) == STAGE.remembers_from(state, next_offset)
    for output in sent:
        if output.topic == SAMPLE_IDS:
            assert output.value is not None
            STAGE.recall(loaded, output.value, next_offset)
    if tail:
        again = STAGE.step(loaded, Chunk(logs.SOURCE, tail), REGISTERS)
        assert again == STAGE.step(state, Chunk(logs.SOURCE, tail), REGISTERS)


def test_the_stage_waits_for_a_frame_and_for_notices() -> None:
    assert STAGE.ready(REGISTERS) is None
    assert "frame" in (STAGE.ready(Registers(notices=REGISTERS.notices)) or "")
    assert "notices" in (STAGE.ready(Registers(frames=REGISTERS.frames)) or "")


def _same(sent: Sequence[Output], records: Sequence[PlainRecord], registers: Registers) -> None:
    wanted = reference.sample(logs.SOURCE, records, registers)
    _same_decisions(sent, records, wanted)
    _same_selections(sent, wanted)
    _same_rejected(sent, records, wanted)
    _same_counts(sent, records, wanted)


def _same_decisions(sent: Sequence[Output], records: Sequence[PlainRecord], wanted: reference.Outcome) -> None:
    decided: dict[int, DecidedTransaction] = {}
    appended = {one.offset: instant(one.timestamp) for one in records}
    for output in sent:
        if output.topic == catalogue.DECIDED:
            assert output.value is not None
            lines = read_decided(output.value)
            for line in lines:
                assert decided.setdefault(line.source_offset, line) == line
            assert _origin(output).offset == lines[-1].source_offset
    assert decided.keys() == wanted.decided.keys()
    for offset, line in decided.items():
        fate, transaction = wanted.decided[offset], wanted.transactions[offset]
        assert line == _line(transaction, fate, offset, appended[offset])


def _line(transaction: Transaction, fate: reference.Fate, offset: int, appended: Any) -> DecidedTransaction:
    same = {name: getattr(transaction, name) for name in DecidedTransaction.model_fields if hasattr(transaction, name)}
    frame_id, version = fate.frame.split(":")
    attributes = {
        name: one if isinstance(one, str) else json.dumps(one) for name, one in transaction.attributes.items()
    }
    return DecidedTransaction.model_validate(
        {
            **same,
            "customer_pseudonym": reference.pseudonym(logs.KEY, transaction.customer_ref),
            "pseudonym_key": STAGE._pseudonyms.key_id,
            "chat_lines": len(transaction.chat),
            "has_recording": transaction.recording_ref is not None,
            "has_transcript": transaction.transcript_ref is not None,
            "place": transaction.place or "",
            "attributes": attributes,
            "source_topic": logs.SOURCE.topic,
            "source_partition": logs.SOURCE.partition,
            "source_offset": offset,
            "appended_at": appended,
            "frame_id": frame_id,
            "frame_version": int(version),
            "stratum": fate.stratum,
            "decision": fate.decision,
            "reason": fate.reason,
            "draw_method": fate.method,
            "draw_number": fate.draw_number,
            "inclusion_probability": fate.probability,
        }
    )


def _same_selections(sent: Sequence[Output], wanted: reference.Outcome) -> None:
    found: dict[int, Output] = {}
    for output in sent:
        if output.topic != catalogue.SELECTIONS:
            continue
        assert output.value is not None
        selection = Selection.model_validate_json(output.value)
        assert found.setdefault(selection.origin.offset, output) == output
        fate = wanted.decided[selection.origin.offset]
        assert wanted.selections[selection.origin.offset] == selection.selection_id
        assert output.key == selection.transaction.id.encode()
        assert f"{selection.draw_id}|{fate.id}" == selection.selection_id
        assert (selection.frame.key, selection.stratum, selection.purpose) == (fate.frame, fate.stratum, fate.method)
        assert (selection.draw_number, selection.inclusion_probability) == (fate.draw_number, fate.probability)
        transaction = wanted.transactions[selection.origin.offset].model_dump()
        fields = selection.transaction.model_dump(exclude={"customer_pseudonym"})
        assert fields.items() <= transaction.items()
        pseudonym = reference.pseudonym(logs.KEY, transaction["customer_ref"])
        assert selection.transaction.customer_pseudonym == pseudonym
    assert found.keys() == wanted.selections.keys()


def _same_rejected(sent: Sequence[Output], records: Sequence[PlainRecord], wanted: reference.Outcome) -> None:
    by_offset = {one.offset: one for one in records}
    found: dict[int, str] = {}
    for output in sent:
        if output.topic == catalogue.REJECTED:
            rejected = read_rejected(output.headers, len(output.value or b""))
            came = by_offset[rejected.origin.offset]
            assert (output.key, output.value, output.partition) == (came.key, came.value, logs.SOURCE.partition)
            assert rejected.appended_at == instant(came.timestamp)
            assert rejected.message
            found[came.offset] = rejected.reason
    assert found == wanted.rejected


def _same_counts(sent: Sequence[Output], records: Sequence[PlainRecord], wanted: reference.Outcome) -> None:
    cells: dict[reference.CellKey, PopulationCount] = {}
    read: ReadCount | None = None
    for output in sent:
        if output.topic == catalogue.POPULATION_COUNTS:
            assert output.value is not None
            count = PopulationCount.model_validate_json(output.value)
            cell = reference.CellKey(count.day, count.after_final, count.frame.key, count.stratum)
            if cell not in cells or count.as_of_offset >= cells[cell].as_of_offset:
                cells[cell] = count
            assert (count.topic, count.partition, count.channel) == (*logs.SOURCE, "phone")
        elif output.topic == catalogue.READ_COUNTS:
            assert output.value is not None
            latest = ReadCount.model_validate_json(output.value)
            read = latest if read is None or latest.as_of_offset >= read.as_of_offset else read
    assert {cell: count.eligible for cell, count in cells.items()} == dict(wanted.eligible)
    assert {cell: count.selected for cell, count in cells.items()} == dict(wanted.selected)
    assert read is not None
    fates = list(wanted.decided.values())
    tally = {decision: sum(one.decision == decision for one in fates) for decision in ("selected", "not_selected")}
    assert read.as_of_offset == records[-1].offset
    assert (read.read, read.repeats) == (len(records), len(wanted.repeats))
    assert (read.selected, read.not_selected, read.pending) == (tally["selected"], tally["not_selected"], 0)
    assert read.eligible == sum(wanted.eligible.values())
    assert read.rejected == _counted(list(wanted.rejected.values()))
    assert read.excluded == _counted([one.reason for one in fates if one.reason])
    assert read.unknown_fields == dict(wanted.unknown_fields)
    assert read.read == read.repeats + sum(read.rejected.values()) + sum(read.excluded.values()) + read.eligible


def _counted(reasons: Sequence[str]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in set(reasons)}


def _origin(output: Output) -> StageOrigin:
    origin = origin_of(output.headers)
    assert origin is not None
    return origin
