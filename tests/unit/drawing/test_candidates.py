"""What sample hands on to draw: one candidate for each draw that a transaction takes part in, then markers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from schemas import catalogue
from schemas.candidate import Candidate, Candidates, read_candidates
from schemas.counts import ReadCount
from schemas.decided import DecidedTransaction, read_decided
from schemas.marker import Marker
from schemas.selection import Selection
from streams.registers import Registers
from streams.stage import Chunk, Output, PlainRecord
from tests.reference.stage_runs import COURSES, Course
from tests.unit.drawing import logs
from tests.unit.sampling import logs as sampling
from tests.unit.sampling.courses import run

pytestmark = pytest.mark.unit

REGISTERS = logs.registers()


def on_candidates(sent: Sequence[Output]) -> list[tuple[Output, Candidates | Marker]]:
    return [(one, read_candidates(one.value or b"")) for one in sent if one.topic == catalogue.CANDIDATES]


def lines(sent: Sequence[Output]) -> list[Candidate]:
    return [line for _, one in on_candidates(sent) if isinstance(one, Candidates) for line in one.lines]


def decided(sent: Sequence[Output]) -> dict[str, DecidedTransaction]:
    values = [one.value or b"" for one in sent if one.topic == catalogue.DECIDED]
    return {line.id: line for value in values for line in read_decided(value)}


@settings(max_examples=60)
@given(logs.phone_logs(), COURSES)
def test_each_transaction_stands_once_for_each_draw_it_takes_part_in(
    records: list[PlainRecord], course: Course
) -> None:
    sent = run(logs.SAMPLE, sampling.SOURCE, records, REGISTERS, course)
    found: dict[tuple[str, str], Candidate] = {}
    for one in lines(sent):
        assert found.setdefault((one.draw_id, one.id), one) == one
    wanted: set[tuple[str, str]] = set()
    for line in decided(sent).values():
        if line.decision == "excluded":
            continue
        assert line.decision == "pending"
        assert line.inclusion_probability is None
        own = found[f"centre:1:{line.stratum}", line.id]
        assert (own.draw_number, own.purpose, own.stratum) == (line.draw_number, line.draw_method, line.stratum)
        wanted.add((own.draw_id, line.id))
        if line.attributes.get("vip") == "true":
            wanted.add(("centre:1:targeted/vip", line.id))
            assert found["centre:1:targeted/vip", line.id].unit == f"team/{line.team_id}"
        period = sampling.NOON, sampling.NOON + timedelta(days=2)
        if line.colleague_id == "c-1" and period[0] <= line.ended_at < period[1]:
            wanted |= {("check:next", line.id), ("check:any", line.id)}
    assert found.keys() == wanted
    targeted = {
        (one.transaction.id, one.draw_id, one.inclusion_probability)
        for one in (Selection.model_validate_json(o.value or b"") for o in sent if o.topic == catalogue.SELECTIONS)
    }
    complaints = {one.id for one in decided(sent).values() if one.decision == "pending" and one.topic == "complaint"}
    assert targeted == {(name, "centre:1:targeted/all-complaints", None) for name in complaints}


@settings(max_examples=60)
@given(logs.phone_logs(), COURSES)
def test_a_marker_stands_behind_every_candidate_it_speaks_of(records: list[PlainRecord], course: Course) -> None:
    sent = run(logs.SAMPLE, sampling.SOURCE, records, REGISTERS, Course(course.chunk_lengths))
    highest, water = -1, datetime(1, 1, 1, tzinfo=UTC)
    for _, one in on_candidates(sent):
        if isinstance(one, Candidates):
            assert min(line.offset for line in one.lines) >= highest
            water = max(water, *(line.ended_at for line in one.lines))
        else:
            highest = one.next_offset
            assert one.high_water is not None
            assert one.high_water >= water
            assert (one.topic, one.partition, one.partitions, one.idle) == (*sampling.SOURCE, 1, False)


def test_markers_go_to_every_partition() -> None:
    stage = type(logs.SAMPLE)(logs.SAMPLE._pseudonyms, partitions=3)
    state = stage.initial(sampling.SOURCE)
    sent = stage.step(state, Chunk(sampling.SOURCE, sampling.log([sampling.event()])), REGISTERS)
    sent += stage.idle(state, 1, REGISTERS)
    markers = [(output.partition, one.idle) for output, one in on_candidates(sent) if isinstance(one, Marker)]
    assert markers == [(0, False), (1, False), (2, False), (0, True), (1, True), (2, True)]


def test_a_frame_without_windows_and_without_requests_needs_no_markers() -> None:
    held = sampling.registers()
    state = logs.SAMPLE.initial(sampling.SOURCE)
    sent = logs.SAMPLE.step(state, Chunk(sampling.SOURCE, sampling.log([sampling.event()])), held)
    assert on_candidates(sent + logs.SAMPLE.idle(state, 1, held)) == []


def fates(events: list[dict[str, Any]], held: Registers) -> dict[str, tuple[str, str, str]]:
    """Decision, reason and stratum by id."""
    state = logs.SAMPLE.initial(sampling.SOURCE)
    sent = logs.SAMPLE.step(state, Chunk(sampling.SOURCE, sampling.log(events)), held)
    (read,) = [ReadCount.model_validate_json(one.value or b"") for one in sent if one.topic == catalogue.READ_COUNTS]
    assert read.read == read.repeats + sum(read.rejected.values()) + sum(read.excluded.values()) + read.eligible
    assert read.eligible == read.selected + read.not_selected + read.pending
    return {name: (one.decision, one.reason, one.stratum) for name, one in decided(sent).items()}


def test_rules_by_channel_exclusions_and_what_no_stratum_takes() -> None:
    held = logs.frame(
        strata=[{"name": "cy", "when": {"language": "cy"}, "by": "team_id", "draw": {"method": "none"}}],
        catch_all="refused",
        eligibility={
            "minimum_length_s": 10,
            "by_channel": {
                "phone": {"minimum_length_s": 200, "customer_told_how": ["recorded_message"]},
                "chat": {"minimum_length_s": 1000},
            },
            "exclusions": [
                {"reason": "training", "when": {"flags": "training"}},
                {"reason": "staff_line", "when": {"channel": "phone", "attributes": {"line": {"at_least": 900}}}},
                {"reason": "chat_only", "when": {"channel": "chat", "language": "cy"}},
            ],
        },
    )
    spoken = sampling.event("spoken", language="cy")
    spoken["monitoring_notice"]["customer"]["how"] = "spoken"
    found = fates(
        [
            sampling.event("taken", language="cy", team_id="t-7"),
            sampling.event("short", lasted_s=199, language="cy", flags=["training"]),
            sampling.event("training", language="cy", flags=["training"], attributes={"line": 901}),
            sampling.event("staff", language="cy", attributes={"line": 901}),
            sampling.event("public", language="cy", attributes={"line": 899}),
            sampling.event("english"),
            spoken,
        ],
        logs.registers(held, ()),
    )
    assert found == {
        "taken": ("not_selected", "", "cy/t-7"),
        "short": ("excluded", "too_short", ""),
        "training": ("excluded", "training", ""),
        "staff": ("excluded", "staff_line", ""),
        "public": ("not_selected", "", "cy/t-1"),
        "english": ("excluded", "no_stratum", ""),
        "spoken": ("excluded", "customer_told_otherwise", ""),
    }


def test_nothing_is_drawn_under_a_frame_that_has_ended_and_the_next_takes_over() -> None:
    ends = sampling.NOON
    strata = [{"name": "all", "draw": {"method": "random", "rate": 1}}]
    first = logs.frame(strata=strata, overlays=[], holds_until=ends.isoformat())
    second = logs.frame(strata=strata, overlays=[], version=2, holds_from=(ends + timedelta(hours=2)).isoformat())
    held = sampling.registers(first, second)
    times = {"before": -1, "at": 0, "between": 3600, "after": 7200}
    events = [sampling.event(name, ends + timedelta(seconds=s)) | {"customer_ref": name} for name, s in times.items()]
    records = [sampling.record(n, sampling.value(one), ends + timedelta(hours=3)) for n, one in enumerate(events)]
    state = logs.SAMPLE.initial(sampling.SOURCE)
    sent = logs.SAMPLE.step(state, Chunk(sampling.SOURCE, records), held)
    found = {name: (one.decision, one.reason, one.frame_version) for name, one in decided(sent).items()}
    assert found == {
        "before": ("selected", "", 1),
        "at": ("excluded", "frame_retired", 1),
        "between": ("excluded", "frame_retired", 1),
        "after": ("selected", "", 2),
    }


def test_an_event_from_the_near_future_takes_no_part_in_check_requests() -> None:
    """It may be decided before a worker has read a request that was published in time."""
    held = logs.registers(logs.frame(future_limit_s=600))
    for ahead_s, taken in ((300, True), (301, False)):
        ends = sampling.NOON + timedelta(hours=1)
        one = sampling.record(0, sampling.value(sampling.event("t-1", ends)), ends - timedelta(seconds=ahead_s))
        sent = logs.SAMPLE.step(logs.SAMPLE.initial(sampling.SOURCE), Chunk(sampling.SOURCE, [one]), held)
        asked = [line for line in lines(sent) if line.purpose == "spot"]
        assert bool(asked) is taken
