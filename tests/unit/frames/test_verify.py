"""Decisions made again from rows: exactly what the stages decided, for every kind of draw; every change is found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.frame import SamplingFrame
from sinks.queries.log_of_decisions import Period
from sinks.queries.story import story
from streams.sampling.decided import DecidedLine
from tafol.frames.explain import explain
from tafol.frames.verify import Candidate, Findings, bottom, verify
from tests.unit.frames.rows import STARTS, WEEK, Played, Tables, week_of
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

DRAWS: Final[dict[str, dict[str, Any]]] = {
    "random": {"draw": {"method": "random", "rate": 0.3}},
    "systematic": {"draw": {"method": "systematic", "every": 4}},
    "none": {"draw": {"method": "none"}},
    "quota of colleagues": {"draw": {"method": "quota", "n": 5, "window": "day", "per": "colleague"}},
    "quota of teams in parts": {"draw": {"method": "quota", "n": 30, "window": "week", "parts": 7, "per": "team"}},
    "quota of the stratum": {"draw": {"method": "quota", "n": 40, "window": "week", "per": "stratum"}},
    "capped random": {"draw": {"method": "random", "rate": 0.5}, "cap": {"n": 3, "window": "week"}},
    "capped systematic": {"draw": {"method": "systematic", "every": 2}, "cap": {"n": 7, "window": "week", "parts": 7}},
    "nested": {"draw": {"method": "random", "rate": 0.4}, "by": ["team_id", "language"]},
}
ELIGIBILITY: Final[dict[str, Any]] = {
    "minimum_length_s": 30, "exclusions": [{"reason": "staff_call", "when": {"flags": ["staff"]}}],
}  # fmt: skip


def frame(**changes: Any) -> SamplingFrame:
    """Every kind of draw at once; weeks begin with it, on a Monday."""
    strata = [{"name": "valuable", "when": {"attributes": {"value": {"at_least": 9}}}, **DRAWS["capped random"]}]
    strata += [{"name": "cy", "when": {"language": "cy"}, **DRAWS["systematic"]}]
    strata += [{"name": "chat", "when": {"channel": "chat"}, **DRAWS["nested"]}]
    strata += [{"name": "complaint", "when": {"topic": "complaint"}, **DRAWS["quota of colleagues"]}]
    strata += [{"name": "rest", **DRAWS["random"]}]
    fields = {"strata": strata, "eligibility": ELIGIBILITY, "time_zone": "UTC", "duplicate_stretch": 100}
    return logs.frame(**{**fields, **changes})


def checked(found: Played, **changes: Any) -> Findings:
    tables = Tables(found)
    for name, value in changes.items():
        setattr(tables, name, value)
    return verify(tables, found.registers, WEEK)


@pytest.mark.parametrize("kind", DRAWS)
def test_what_the_stages_decided_is_decided_again(kind: str) -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS[kind]}]))
    findings = checked(found)
    assert findings.disagreements == []
    assert findings.checked == len(found.lines) > 400
    assert kind == "none" or found.selections
    assert bool(findings.windows) == any(line.decision == "pending" for line in found.lines)


def test_all_kinds_of_draws_side_by_side_and_a_change_of_frames_in_mid_week() -> None:
    second = frame(version=2, holds_from=(STARTS + timedelta(days=3, hours=7)).isoformat())
    found = week_of(frame(), second)
    assert {line.frame_version for line in found.lines} == {1, 2}
    assert checked(found).disagree == 0


def test_a_period_that_cuts_windows_says_so() -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS["quota of the stratum"]}]))
    findings = verify(Tables(found), found.registers, Period(STARTS, STARTS + timedelta(days=2)))
    assert findings.disagree == 0
    assert findings.windows == 0
    assert findings.untold["in a window that the period cuts"] > 0


def test_an_open_window_is_not_taken_as_wrong() -> None:
    findings = checked(week_of(frame(strata=[{"name": "all", **DRAWS["quota of the stratum"]}]), close=False))
    assert findings.disagree == 0
    assert findings.untold["in a window that is still open"] > 0


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("draw number", {"draw_number": 7}),
        ("stratum", {"stratum": "other"}),
        ("decision", {"decision": "not_selected"}),
        ("frame", {"frame_version": 9}),
        ("reason", {"decision": "excluded", "reason": "too_short", "stratum": ""}),
        ("inclusion probability", {"inclusion_probability": 0.9}),
        ("draw method", {"draw_method": "quota"}),
    ],
)
def test_a_row_that_was_changed_is_found(what: str, changed: dict[str, Any]) -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS["random"]}]))
    at = next(n for n, line in enumerate(found.lines) if line.decision == "selected")
    found.lines[at] = _changed(found.lines[at], changed)
    findings = checked(found)
    assert [one.what for one in findings.disagreements if one.transaction_id == found.lines[at].id][:1] == [what]


@pytest.mark.parametrize("kind", ["random", "systematic", "quota of colleagues", "capped random"])
def test_a_selection_that_is_gone_or_was_put_in_is_found(kind: str) -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS[kind]}]))
    selection = found.selections[len(found.selections) // 2]
    others = [one for one in found.selections if one is not selection]
    gone = checked(found, selections=others)
    assert gone.disagree >= 1
    assert selection["transaction"]["id"] in {one.transaction_id for one in gone.disagreements}
    drawn = {one["transaction"]["id"] for one in found.selections}
    stranger = next(line.id for line in found.lines if line.id not in drawn and line.decision != "excluded")
    put_in = {**selection, "transaction": {**selection["transaction"], "id": stranger}}
    assert checked(found, selections=[*found.selections, put_in]).disagree >= 1


def test_a_row_that_is_missing_moves_the_ordinals_after_it() -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS["systematic"]}]))
    lost = next(n for n, line in enumerate(found.lines) if line.decision != "excluded")
    del found.lines[lost]
    assert checked(found).disagree > 0


def test_one_that_came_too_late_may_be_outside_and_one_in_time_may_not() -> None:
    takes_all = {"method": "quota", "n": 5000, "window": "week", "per": "stratum"}
    found = week_of(frame(strata=[{"name": "all", "draw": takes_all}]))
    selection = found.selections[0]
    gone = [one for one in found.selections if one is not selection]
    assert checked(found, selections=gone).disagree == 1
    line = next(one for one in found.lines if one.id == selection["transaction"]["id"])
    tables = Tables(found)
    tables.selections = gone
    tables.lines[line.id] |= {"appended_at": line.appended_at + timedelta(days=6)}
    (cell,) = tables.cells
    cell["eligible"] -= 1
    findings = verify(tables, found.registers, WEEK)
    assert findings.disagree == 0
    assert findings.untold["in a window that some came too late for"] > 0


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), min_size=1, max_size=7),
    st.integers(0, 4),
    st.data(),
)
def test_a_window_is_right_when_some_choice_of_late_ones_explains_it(
    made: list[tuple[int, bool, bool]], n: int, data: st.DataObject
) -> None:
    candidates = [Candidate(number, f"t{i}", taken, late) for i, (number, taken, late) in enumerate(made)]
    selected = frozenset(data.draw(st.sets(st.sampled_from([one.id for one in candidates]))))
    late = [one for one in candidates if one.late]
    explained = any(
        frozenset(one.id for one in sorted(c for c in candidates if c.taken and c not in missed)[:n]) == selected
        for missed in ({late[k] for k in range(len(late)) if mask >> k & 1} for mask in range(2 ** len(late)))
    )
    assert (not bottom(candidates, selected, n)) is explained


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("with_record", [True, False])
def test_every_kind_of_decision_is_explained_and_agrees(kind: str, with_record: bool) -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS[kind]}]))
    tables = Tables(found)
    for line in _one_of_each(found):
        told = story(tables, line.id)
        assert told is not None
        explained = explain(
            tables, found.registers, told,
            lambda origin: found.events[origin.topic, origin.partition, origin.offset] if with_record else None,
        )  # fmt: skip
        assert explained.agrees, [step for step in explained.steps if step.agrees is False]
        names = [step.name for step in explained.steps]
        assert ("notices" in names) is with_record
        assert ("stratum" in names) == (line.decision != "excluded")
        assert ("systematic" in names) == (line.draw_method == "systematic")
        assert ("window" in names) == (line.decision == "pending")


def test_a_decision_that_was_changed_is_explained_and_does_not_agree() -> None:
    found = week_of(frame(strata=[{"name": "all", **DRAWS["random"]}]))
    line = next(one for one in found.lines if one.decision == "selected")
    tables = Tables(found)
    tables.lines[line.id] |= {"decision": "not_selected"}
    told = story(tables, line.id)
    assert told is not None
    assert not explain(tables, found.registers, told, lambda _: None).agrees


def test_a_notice_that_was_made_up_is_found_while_the_record_is_there() -> None:
    found = week_of(frame())
    line = next(one for one in found.lines if one.reason == "customer_not_told")
    tables = Tables(found)
    tables.lines[line.id] |= {"reason": "colleague_not_told"}
    told = story(tables, line.id)
    assert told is not None
    by_row = explain(tables, found.registers, told, lambda _: None)
    by_record = explain(
        tables, found.registers, told, lambda at: found.events[at.topic, at.partition, at.offset]
    )  # fmt: skip
    assert (by_row.agrees, by_record.agrees) == (True, False)


def _one_of_each(found: Played) -> list[DecidedLine]:
    """A transaction of each decision, reason and day kind, selected by its draw or not."""
    drawn = {one["transaction"]["id"] for one in found.selections}
    kinds: dict[object, DecidedLine] = {}
    for line in found.lines:
        late = line.appended_at - line.ended_at > timedelta(days=4)
        kinds[line.decision, line.reason, late, line.id in drawn] = line
    return list(kinds.values())


def _changed(line: DecidedLine, changes: dict[str, Any]) -> DecidedLine:
    fields = {name: getattr(line, name) for name in line.__struct_fields__}
    return DecidedLine(**fields | changes)
