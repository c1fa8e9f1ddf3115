"""The draw stage against one plain pass over the candidates log, for any chunks, crashes and doubling."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue
from schemas.drawn import DrawCell, DrawCount
from schemas.errors import StageStopped, UnknownVersion
from schemas.headers import origin_of
from schemas.selection import Selection
from streams.drawing.stage import DrawStage
from streams.registers import Registers
from streams.stage import Chunk, Output, PlainRecord, instant
from tests.reference import drawing as reference
from tests.reference.runner_runs import played
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.drawing import logs
from tests.unit.sampling import logs as sampling

pytestmark = pytest.mark.unit

STAGE = DrawStage()
REGISTERS = logs.registers()


def candidates(records: Sequence[PlainRecord], chunk: int = 5, registers: Registers = REGISTERS) -> list[PlainRecord]:
    """With all sources idle two weeks after the last call, so that every window of up to a week is closed."""
    idle_at = instant(records[-1].timestamp) + timedelta(days=14) if records else None
    return logs.candidates_log(logs.sources(records), registers, chunk=chunk, idle_at=idle_at)


@settings(max_examples=60)
@given(logs.phone_logs(), COURSES, st.integers(1, 9), st.booleans())
def test_any_chunks_and_crashes_give_what_one_plain_pass_gives(
    records: list[PlainRecord], course: Course, chunk: int, closes: bool
) -> None:
    log = candidates(records, chunk) if closes else logs.candidates_log(logs.sources(records), REGISTERS, chunk=chunk)
    sent = run(STAGE, logs.HOME, log, REGISTERS, course)
    _same(sent, log)


@settings(max_examples=60, deadline=None)
@given(
    logs.phone_logs(),
    COURSES,
    st.lists(st.integers(0, 40), max_size=3),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from([500, 900_000]),
    st.sampled_from([0.0, 3.0]),
)
def test_records_that_overlap_after_a_crash_are_drawn_from_once(  # noqa: PLR0917 - hypothesis gives them by name
    records: list[PlainRecord], course: Course, deaths: list[int], sizes: list[int], most: int, every_s: float
) -> None:
    """Workers of sample die and send again, cut otherwise; so do those of draw, with the runner between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.sampling.candidates.MAX_LINES_BYTES", most)
        there = logs.disturbed_logs(records, REGISTERS, course, partitions=2)
    sent = asyncio.run(played(STAGE, there, REGISTERS, deaths, sizes, every_s))
    for source, log in there.items():
        own = [one for one in sent if (origin := origin_of(one.headers)) and origin.partition == source.partition]
        _same(own, reference.once(log))


@settings(max_examples=25)
@given(logs.phone_logs(), st.integers(1, 200))
def test_a_loaded_state_goes_on_as_the_dumped_one(records: list[PlainRecord], cut: int) -> None:
    log = candidates(records)
    head, tail = log[:cut], log[cut:]
    state = STAGE.initial(logs.HOME)
    STAGE.step(state, Chunk(logs.HOME, head), REGISTERS)
    dumped = STAGE.dump(state)
    loaded = STAGE.load(logs.HOME, dumped)
    assert STAGE.dump(loaded) == dumped
    if tail:
        again = STAGE.step(loaded, Chunk(logs.HOME, tail), REGISTERS)
        assert again == STAGE.step(state, Chunk(logs.HOME, tail), REGISTERS)


@settings(max_examples=25)
@given(logs.phone_logs())
def test_origins_never_go_down_in_a_topic(records: list[PlainRecord]) -> None:
    last: dict[str, tuple[int, int]] = {}
    for output in run(STAGE, logs.HOME, candidates(records), REGISTERS, Course((3,))):
        origin = origin_of(output.headers)
        assert origin is not None
        assert origin.upstream == ("draw", *logs.HOME)
        assert origin.place > last.get(output.topic, (-1, -1))
        last[output.topic] = origin.place


@settings(max_examples=25)
@given(logs.phone_logs(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_quota_when_nothing_is_late(records: list[PlainRecord], random: object) -> None:
    """The same calls, all within the lateness of the frame, in another order: the same selections by quota."""
    patient = logs.registers(logs.frame(lateness_s=7 * 86_400), requests=())
    records = [one for one in records if one.timestamp - records[0].timestamp <= 3 * 86_400_000]
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    stamp = max((one.timestamp for one in records), default=0)
    orders = [[PlainRecord(n, stamp, None, one.value) for n, one in enumerate(order)] for order in (records, shuffled)]
    drawn = []
    for order in orders:
        sent = run(STAGE, logs.HOME, candidates(order, 4, patient), patient)
        found = [Selection.model_validate_json(one.value or b"") for one in sent if one.topic == catalogue.SELECTIONS]
        drawn.append({(one.selection_id, one.inclusion_probability) for one in found if one.purpose == "quota"})
    assert drawn[0] == drawn[1]


def test_a_quota_takes_exactly_the_smaller_of_n_and_all() -> None:
    calls = [
        sampling.event(f"t-{n}", sampling.NOON + timedelta(minutes=n), language="cy", colleague_id=f"c-{n % 7 % 4}")
        for n in range(60)
    ]
    log = candidates(logs.phone_calls(calls))
    sent = run(STAGE, logs.HOME, log, REGISTERS, Course((7,)))
    cells = [DrawCell.model_validate_json(one.value or b"") for one in sent if one.topic == catalogue.DRAW_CELLS]
    assert len(cells) == 4
    for cell in cells:
        assert cell.selected == min(2, cell.eligible)
        assert cell.inclusion_probability == cell.selected / cell.eligible
    assert sum(cell.eligible for cell in cells) == 60


def test_idle_sources_close_windows_by_the_append_time_of_the_marker_alone() -> None:
    calls = logs.phone_calls([sampling.event("t-1", sampling.NOON, language="cy", colleague_id="c-9")])
    ends = sampling.NOON.replace(day=30, hour=0) - timedelta(hours=1)  # the local week, clocks gone forward
    just_before = ends + timedelta(hours=1, minutes=15, seconds=-1)
    for at, closed in ((just_before, 0), (just_before + timedelta(seconds=1), 1)):
        log = logs.candidates_log(logs.sources(calls), REGISTERS, idle_at=at)
        sent = run(STAGE, logs.HOME, log, REGISTERS)
        assert sum(one.topic == catalogue.DRAW_CELLS for one in sent) == closed


def test_no_window_closes_before_every_source_was_heard() -> None:
    calls = [sampling.event(f"t-{n}", sampling.NOON + timedelta(days=n), language="cy") for n in range(20)]
    log = candidates(logs.phone_calls(calls))
    chat = b'"topic":"transactions.chat"'
    deaf = [one for one in log if chat not in (one.value or b"")]
    assert len(deaf) < len(log)
    sent = run(STAGE, logs.HOME, deaf, REGISTERS)
    assert not [one for one in sent if one.topic == catalogue.DRAW_CELLS]


def test_an_overtaken_idle_marker_changes_nothing() -> None:
    """A worker that wakes up late says of a source that it is idle; another has read on."""
    calls = [sampling.event(f"t-{n}", sampling.NOON + timedelta(minutes=n), language="cy") for n in range(20)]
    held = logs.registers(requests=())
    state = logs.SAMPLE.initial(sampling.SOURCE._replace(partition=0))
    late_words = logs.SAMPLE.idle(state, 0, held)
    log = logs.candidates_log(logs.sources(logs.phone_calls(calls)), held)
    stamp = int((sampling.NOON + timedelta(days=30)).timestamp() * 1000)
    log += [PlainRecord(len(log) + n, stamp, None, one.value, one.headers) for n, one in enumerate(late_words)]
    sent = run(STAGE, logs.HOME, log, held)
    assert not [one for one in sent if one.topic == catalogue.DRAW_CELLS]


def test_a_record_that_is_neither_candidate_nor_marker_stops_the_stage() -> None:
    for value in (None, b"{}", b"noise"):
        with pytest.raises(StageStopped, match=r"candidates\[0\]@7"):
            STAGE.step(STAGE.initial(logs.HOME), Chunk(logs.HOME, [PlainRecord(7, 0, None, value)]), REGISTERS)


def test_a_frame_that_is_not_known_yet_is_asked_for() -> None:
    log = candidates(logs.phone_calls([sampling.event(language="cy")]))
    other = logs.registers(logs.frame(id="another"))
    with pytest.raises(UnknownVersion, match="centre:1"):
        run(STAGE, logs.HOME, log, other)


def _same(sent: Sequence[Output], log: Sequence[PlainRecord]) -> None:
    wanted = reference.draw(log, REGISTERS)
    by_offset = {one.offset: instant(one.timestamp) for one in log}
    selections: dict[str, Output] = {}
    for output in sent:
        if output.topic == catalogue.SELECTIONS:
            selection = Selection.model_validate_json(output.value or b"")
            assert selections.setdefault(selection.selection_id, output) == output
            probability, drawn_at = wanted.selected[selection.selection_id]
            assert selection.inclusion_probability == pytest.approx(probability)
            origin = origin_of(output.headers)
            assert origin is not None
            assert selection.drawn_at == (drawn_at or by_offset[origin.offset])
            assert output.key == selection.transaction.id.encode()
            assert selection.stratum == REGISTERS.frames.entries[0].stratum(selection.stratum).name or (
                selection.stratum.startswith("rest/")
            )
    assert selections.keys() == wanted.selected.keys()
    cells = [DrawCell.model_validate_json(one.value or b"") for one in sent if one.topic == catalogue.DRAW_CELLS]
    found = {(one.draw_id, one.starts, one.unit): (one.eligible, one.taken, one.selected) for one in cells}
    assert found == wanted.cells
    counts: dict[tuple[str, str], DrawCount] = {}
    for output in sent:
        if output.topic == catalogue.DRAW_COUNTS:
            count = DrawCount.model_validate_json(output.value or b"")
            key = count.channel, count.stratum
            if key not in counts or counts[key].as_of_offset <= count.as_of_offset:
                counts[key] = count
    assert {stratum: one.candidates for (_, stratum), one in counts.items()} == +wanted.candidates
    assert {stratum: one.late for (_, stratum), one in counts.items() if one.late} == +wanted.late
    assert {stratum: one.eligible for (_, stratum), one in counts.items() if one.eligible} == +wanted.closed
