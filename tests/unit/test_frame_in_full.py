"""What a frame can say: conditions, windows, strata of a kind, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.conditions import Condition, asker
from schemas.frame import SamplingFrame
from streams.drawing.windows import Windows, begins_window, next_beginning
from streams.sampling.decode import read_event
from tests.reference.drawing import part_of
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

LONDON = ZoneInfo("Europe/London")


class Case(NamedTuple):
    when: dict[str, Any]
    holds: bool


EVENT = logs.event(
    "t-1", logs.NOON, 300, flags=["vip", "callback"], place="Counter 3", csat_0_100=80,
    attributes={"queue": "a7", "score": 7, "rate": 0.5, "repeat": True, "text": "7.0"}, recording_ref="r-1",
)  # fmt: skip
CASES = [
    Case({}, True),
    Case({"team_id": "t-1", "language": ["cy", "en"]}, True),
    Case({"team_id": {"none_of": ["t-1"]}}, False),
    Case({"team_id": {"none_of": "t-2"}}, True),
    Case({"colleague_id": "c-1", "outcome": {"one_of": ["resolved"]}}, True),
    Case({"flags": "vip"}, True),
    Case({"flags": ["gold", "callback"]}, True),
    Case({"flags": {"none_of": ["vip"]}}, False),
    Case({"flags": {"present": False}}, False),
    Case({"place": "Counter 3"}, True),
    Case({"place": {"one_of": ["Counter 4"]}}, False),
    Case({"csat_0_100": {"at_most": 80}}, True),
    Case({"csat_0_100": {"at_least": 80.5}}, False),
    Case({"auto_score_0_100": {"at_least": 0}}, False),
    Case({"auto_score_0_100": {"present": False}}, True),
    Case({"duration_s": {"at_least": 300, "at_most": 300}}, True),
    Case({"chat_lines": {"at_least": 1}}, False),
    Case({"has_recording": True, "has_transcript": False}, True),
    Case({"has_transcript": True}, False),
    Case({"attributes": {"queue": "a7"}}, True),
    Case({"attributes": {"queue": ["a1", "a2"]}}, False),
    Case({"attributes": {"score": 7}}, True),
    Case({"attributes": {"score": "7.0"}}, True),
    Case({"attributes": {"text": 7}}, True),
    Case({"attributes": {"score": {"at_least": 7, "at_most": 7.5}}}, True),
    Case({"attributes": {"queue": {"at_least": 0}}}, False),
    Case({"attributes": {"repeat": True}}, True),
    Case({"attributes": {"repeat": "true"}}, True),
    Case({"attributes": {"absent": {"present": False}}}, True),
    Case({"attributes": {"absent": {"none_of": ["x"]}}}, True),
    Case({"attributes": {"absent": "x"}}, False),
    Case({"attributes": {"queue": {"present": True}, "rate": {"at_most": 0.4}}}, False),
]


@pytest.mark.parametrize("case", CASES, ids=[str(one.when) for one in CASES])
def test_conditions(case: Case) -> None:
    event, _ = read_event(logs.value(EVENT))
    condition = Condition.model_validate(case.when)
    assert condition.holds(event) is case.holds
    asks = asker(condition, without=())
    assert (asks is None) == condition.always
    assert asks is None or asks(event) is case.holds
    assert Condition.model_validate_json(condition.model_dump_json()) == condition


@pytest.mark.parametrize(
    "when",
    [
        {"team_id": {}}, {"team_id": {"at_least": 1}}, {"csat_0_100": {"one_of": ["1"]}}, {"attributes": {}},
        {"team_id": []}, {"channel": "fax"}, {"unknown": "x"}, {"duration_s": {}},
    ],
)  # fmt: skip
def test_conditions_that_ask_nothing_or_nonsense_are_refused(when: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(when)


RANDOM = {"method": "random", "rate": 0.1}
QUOTA = {"method": "quota", "n": 5, "per": "colleague", "window": "week"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "parts of a day": ({"strata": [{"name": "a", "draw": QUOTA | {"window": "day", "parts": 2}}]}, "a day has no more"),
    "parts": ({"strata": [{"name": "a", "draw": QUOTA | {"parts": 6}}]}, "5 a week cannot be spread over 6"),
    "cap of a quota": (
        {"strata": [{"name": "a", "draw": QUOTA, "cap": {"n": 1, "window": "day"}}]}, "this one is quota",
    ),
    "no rest": ({"strata": [{"name": "a", "when": {"site": "x"}, "draw": RANDOM}]}, "or say 'catch_all: refused'"),
    "rest refused": ({"strata": [{"name": "a", "draw": RANDOM}], "catch_all": "refused"}, "catch_all is refused, but"),
    "a name inside": (
        {
            "strata": [
                {"name": "a", "when": {"site": "x"}, "by": "team_id", "draw": RANDOM},
                {"name": "a/b", "draw": RANDOM},
            ]
        },
        "made by value",
    ),
    "by twice": ({"strata": [{"name": "a", "by": ["site", "site"], "draw": RANDOM}]}, "names a field twice"),
    "exclusion of all": ({"eligibility": {"exclusions": [{"reason": "x", "when": {}}]}}, "an exclusion of everything"),
    "a reason of ours": (
        {"eligibility": {"exclusions": [{"reason": "too_short", "when": {"site": "x"}}]}}, "choose another",
    ),
    "ends before": ({"holds_until": "2025-01-01T00:00:00Z"}, "holds_until is before"),
    "overlays alike": ({"overlays": [{"name": "a", "when": {}}] * 2}, "two overlays"),
    "a route by attribute": (
        {"routes": [{"when": {"flags": "vip"}, "queue": "q", "scorecard": "c"}, {"queue": "q", "scorecard": "c"}]},
        "a route cannot look at flags",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_frames_that_would_not_do_what_they_say_are_refused(name: str) -> None:
    changes, said = WRONG[name]
    with pytest.raises(ValidationError, match=said):
        logs.frame(**changes)


def test_a_frame_of_before_is_read_as_before() -> None:
    held = logs.frame()
    assert (held.longest_window, held.holds_until, held.signature) == (None, None, None)
    assert SamplingFrame.model_validate_json(held.model_dump_json()) == held


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    st.sampled_from([("day", 1), ("week", 1), ("week", 2), ("week", 3), ("week", 7), ("month", 1), ("month", 4)]),
    st.integers(7, 30),
)
def test_every_instant_lies_in_one_part_of_its_window(instant: datetime, kind: tuple[Any, int], n: int) -> None:
    window, parts = kind
    windows = Windows(LONDON, window, parts, n)
    part = windows.at(instant)
    assert part.starts <= instant < part.ends
    assert tuple(part) == part_of(instant, logs.frame(), window, parts, n)
    assert windows.at(part.starts) == part
    assert windows.at(part.ends - timedelta(microseconds=1)) == part
    assert windows.at(part.ends).starts == part.ends
    whole, at = 0, _beginning(instant, window)
    ends = next_beginning(instant, window, LONDON)
    while at < ends:
        one = windows.at(at)
        whole, at = whole + one.n, one.ends
    assert (whole, at) == (n, ends)


def _beginning(instant: datetime, window: Any) -> datetime:
    before = next_beginning(instant - timedelta(days=32), window, LONDON)
    while (later := next_beginning(before, window, LONDON)) <= instant:
        before = later
    assert begins_window(before, window, LONDON)
    return before


def test_the_week_in_which_the_clocks_change_is_an_hour_shorter() -> None:
    part = Windows(LONDON, "week", 1, 1).at(datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert part.ends - part.starts == timedelta(days=7, hours=-1)
