"""The route stage: what a selection becomes, and how a further one joins it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue
from schemas.base import Versioned
from schemas.errors import SnapshotUnusable, StageStopped, UnknownVersion
from schemas.headers import StageOrigin, origin_of
from schemas.selection import Purpose, ReviewTask, Selection
from streams.registers import Registers
from streams.routing.stage import KEEP_OPEN_MS, RouteStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from tests.reference import routing as reference
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.routing.records import (
    APPENDED_MS,
    HOUR_MS,
    MONDAY,
    frame,
    in_log,
    registers,
    scorecard,
    selection,
    transaction_fields,
)

pytestmark = pytest.mark.unit

SOURCE = Partition(catalogue.SELECTIONS, 3)
STAGE = RouteStage()
OVERLAPPING = frame(overlap={"share": 0.3, "copies": 3})


def tasks_sent(outputs: list[Output]) -> list[ReviewTask]:
    return [ReviewTask.model_validate_json(output.value or b"") for output in outputs]


def test_a_selection_becomes_one_task() -> None:
    [output] = run(STAGE, SOURCE, in_log(selection(), first_offset=40), registers(frame()))

    [task] = tasks_sent([output])
    assert (output.topic, output.key, output.partition) == (catalogue.REVIEW_TASKS, b"t-1", SOURCE.partition)
    assert dict(output.headers)["ce_type"] == b"tafol.review-task.v1"
    assert dict(output.headers)["ce_id"] == b"t-1|chat|1"
    assert origin_of(output.headers) == StageOrigin("route", "selections", 3, 40, 0)
    assert (task.task_id, task.copy_number, task.copies) == ("t-1|chat|1", 1, 1)
    assert (task.purposes, task.stratum, task.inclusion_probability) == (("random",), "all", 0.1)
    assert (task.queue, task.priority, task.scorecard) == ("rest", 5, Versioned(id="chat", version=1))
    assert task.drawn_at == MONDAY
    assert task.due_at == datetime(2026, 3, 4, 10, tzinfo=UTC)  # 16 working hours from Monday at 10
    assert task.transaction == selection().transaction
    assert task.origin == selection().origin


def test_what_asks_have_in_common_is_held_once_after_a_snapshot_too() -> None:
    state = STAGE.initial(SOURCE)
    records = in_log(*(selection(transaction=transaction_fields(id=f"t-{n}")) for n in range(3)))
    STAGE.step(state, Chunk(SOURCE, records), registers(frame()))
    for held in (state, STAGE.load(SOURCE, STAGE.dump(state))):
        assert held == state
        first, *others = [held.get(f"t-{n}|chat") for n in range(3)]
        assert first is not None
        for other in others:
            assert other is not None
            for name in ("purposes", "frame_id", "stratum", "inclusion_probability", "queue", "skills"):
                assert getattr(other, name) is getattr(first, name)


def test_the_first_route_that_holds_takes_it() -> None:
    welsh = selection(transaction=transaction_fields(language="cy"))

    [task] = tasks_sent(run(STAGE, SOURCE, in_log(welsh), registers(frame())))

    assert (task.queue, task.priority) == ("welsh", 2)


def test_the_frame_is_the_one_the_selection_names() -> None:
    later = frame(version=2, holds_from="2026-02-01T00:00:00Z", routes=[{"queue": "new", "scorecard": "chat"}])

    [task] = tasks_sent(run(STAGE, SOURCE, in_log(selection()), registers(frame(), later)))

    assert task.queue == "rest"


def test_the_scorecard_is_the_one_that_holds_when_the_transaction_ended() -> None:
    second = scorecard(version=2, holds_from=MONDAY)
    known = registers(frame(), scorecards=(scorecard(), second))
    before = selection("t-0", transaction=transaction_fields("t-0", ended_at=MONDAY - timedelta(seconds=1)))

    tasks = tasks_sent(run(STAGE, SOURCE, in_log(before, selection("t-1")), known))

    assert [task.scorecard.version for task in tasks] == [1, 2]


def test_overlap_gives_copies_to_its_share() -> None:
    selections = [selection(f"t-{n}") for n in range(2000)]

    outputs = run(STAGE, SOURCE, in_log(*selections), registers(OVERLAPPING), Course(chunk_lengths=(500,)))

    tasks = tasks_sent(outputs)
    in_three = {task.transaction.id for task in tasks if task.copies == 3}
    assert 500 < len(in_three) < 700  # 0.3 of 2000, give or take 5 standard deviations of 20
    assert len(tasks) == 2000 + 2 * len(in_three)
    copies_of_one = [task.task_id for task in tasks if task.transaction.id == min(in_three)]
    assert copies_of_one == [f"{min(in_three)}|chat|{copy}" for copy in (1, 2, 3)]


def test_a_selection_that_comes_again_makes_nothing() -> None:
    once, again = in_log(selection(), selection())

    assert len(run(STAGE, SOURCE, [once, again], registers(frame()))) == 1


def test_a_probability_draw_takes_over_a_spot_check() -> None:
    spot = selection(purpose="spot", stratum="all", drawn_at=MONDAY - timedelta(hours=1))

    first, joined = tasks_sent(run(STAGE, SOURCE, in_log(spot, selection()), registers(frame())))

    assert (first.purposes, first.inclusion_probability) == (("spot",), None)
    assert (joined.task_id, joined.purposes) == (first.task_id, ("random", "spot"))
    assert (joined.inclusion_probability, joined.drawn_at) == (0.1, MONDAY)
    assert joined.due_at == first.due_at  # the earlier of both


def test_a_spot_check_leaves_the_probability_draw_as_it_is() -> None:
    spot = selection(purpose="spot", drawn_at=MONDAY + timedelta(hours=1))

    first, joined = tasks_sent(run(STAGE, SOURCE, in_log(selection(), spot), registers(frame())))

    assert joined == first.model_copy(update={"purposes": ("random", "spot")})


@pytest.mark.parametrize(("pause_ms", "purposes"), [(KEEP_OPEN_MS, ("random", "spot")), (KEEP_OPEN_MS + 1, ("spot",))])
def test_a_task_can_be_joined_for_a_stated_span_of_log_time(pause_ms: int, purposes: tuple[Purpose, ...]) -> None:
    [first] = in_log(selection())
    [late] = in_log(selection(purpose="spot"), appended_ms=APPENDED_MS + pause_ms, first_offset=1)

    tasks = tasks_sent(run(STAGE, SOURCE, [first, late], registers(frame())))

    assert tasks[-1].purposes == purposes


def test_state_is_freed_as_log_time_passes() -> None:
    state = STAGE.initial(SOURCE)
    old = in_log(*(selection(f"old-{n}") for n in range(50)))
    new = in_log(selection("new"), appended_ms=APPENDED_MS + KEEP_OPEN_MS + 48 * HOUR_MS, first_offset=50)

    STAGE.step(state, Chunk(SOURCE, [*old, *new]), registers(frame()))

    assert list(state.items) == ["new|chat"]


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        pytest.param({"value": b"{"}, "Invalid JSON", id="no JSON"),
        pytest.param({"value": b'{"purpose": "random"}'}, "selection_id: Field required", id="no selection"),
        pytest.param({"value": None}, "no value", id="no value"),
        pytest.param({"key": b"t-2"}, "key", id="another key"),
    ],
)
def test_a_record_that_is_no_selection_stops_the_stage_and_says_where(spoilt: dict[str, Any], said: str) -> None:
    [record] = in_log(selection(), first_offset=77)

    with pytest.raises(StageStopped) as stopped:
        run(STAGE, SOURCE, [record._replace(**spoilt)], registers(frame()))

    assert "selections[3]@77" in stopped.value.message
    assert said in stopped.value.message


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(registers(frame(version=2)), id="frame"),
        pytest.param(registers(frame(), scorecards=(scorecard("phone"),)), id="scorecard"),
    ],
)
def test_an_unknown_version_stops_the_stage_and_says_where(known: Registers) -> None:
    with pytest.raises(UnknownVersion, match=r"selections\[3\]@0"):
        run(STAGE, SOURCE, in_log(selection()), known)


def test_waits_for_a_frame_and_its_scorecards() -> None:
    assert "sampling frame" in (STAGE.ready(Registers()) or "")
    assert "'chat'" in (STAGE.ready(registers(frame(), scorecards=(scorecard("phone"),))) or "")
    assert STAGE.ready(registers(frame())) is None


def test_does_not_wait_for_what_a_later_frame_routes_to() -> None:
    routes = [{"queue": "new", "scorecard": "chat-2"}]
    later = frame(version=2, holds_from="2026-09-01T00:00:00Z", routes=routes)

    assert STAGE.ready(registers(frame(), later)) is None


def test_a_snapshot_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SnapshotUnusable, match=r"selections\[3\]"):
        STAGE.load(SOURCE, b"\xc1 no msgpack")


def any_selection(n: int, purpose: Purpose, minutes: int) -> Selection:
    transaction = transaction_fields(f"t-{n}", language="cy" if n % 2 else "en")
    return selection(f"t-{n}", purpose, drawn_at=MONDAY + timedelta(minutes=minutes), transaction=transaction)


purposes: st.SearchStrategy[Purpose] = st.sampled_from(["random", "systematic", "spot", "planned", "targeted"])
selections = st.builds(any_selection, st.integers(0, 4), purposes, st.integers(0, 24 * 60))


def essentials(task: ReviewTask) -> dict[str, Any]:
    names = ["copies", "stratum", "inclusion_probability", "drawn_at", "queue", "priority", "due_at"]
    return {name: getattr(task, name) for name in names} | {"purposes": set(task.purposes)}


@given(st.lists(selections, max_size=20), COURSES)
def test_any_chunks_and_crashes_give_the_tasks_of_the_reference(drawn: list[Selection], course: Course) -> None:
    outputs = run(STAGE, SOURCE, in_log(*drawn), registers(OVERLAPPING), course)

    last = {task.task_id: essentials(task) for task in tasks_sent(outputs)}
    assert last == reference.tasks(drawn, OVERLAPPING)


@given(st.lists(selections, max_size=20), COURSES)
def test_what_is_sent_twice_after_a_crash_is_the_same_record(drawn: list[Selection], course: Course) -> None:
    log = in_log(*drawn)
    plain = run(STAGE, SOURCE, log, registers(OVERLAPPING))

    sent = run(STAGE, SOURCE, log, registers(OVERLAPPING), course)

    by_origin = {origin_of(output.headers): output for output in sent}
    assert by_origin == {origin_of(output.headers): output for output in plain}


@given(st.lists(selections, max_size=20), st.integers(0, 2**32))
def test_estimates_do_not_depend_on_the_order_of_the_selections(drawn: list[Selection], shuffle: int) -> None:
    """As long as one probability draw takes a transaction, which frames see to."""
    by_chance: dict[str, Selection] = {}
    kept = [
        one
        for one in drawn
        if one.inclusion_probability is None or by_chance.setdefault(one.transaction.id, one) is one
    ]
    shuffled = kept.copy()
    random.Random(shuffle).shuffle(shuffled)

    def speaks(log: list[PlainRecord]) -> dict[str, tuple[Any, ...]]:
        tasks = tasks_sent(run(STAGE, SOURCE, log, registers(OVERLAPPING)))
        return {one.task_id: (one.purposes, one.copies, one.inclusion_probability, one.due_at) for one in tasks}

    assert speaks(in_log(*kept)) == speaks(in_log(*shuffled))
