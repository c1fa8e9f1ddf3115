"""Spot checks: what can be asked for, when it begins, and how it stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from desk.errors import Invalid
from desk.rules.checks import LEAD, LONGEST, begins_at, spot_check, state
from schemas.request import CheckRequest
from streams.registers import REQUEST_LEAD, Appended, Requests
from tests.fixtures.desk import MONDAY

pytestmark = pytest.mark.unit
CHECK_ID = "spot-" + "0a" * 16


def asked(**fields: Any) -> CheckRequest:
    known: dict[str, Any] = {
        "about": {"colleague_id": "c-1"},
        "n": 2,
        "within": timedelta(hours=4),
        "pick": "next",
        "asked_by": "p-1",
        "reason": "",
        "now": MONDAY,
    }
    return spot_check(**{"check_id": CHECK_ID, **known, **fields})


def test_a_check_that_leaves_at_once_holds_for_every_worker() -> None:
    request = asked()
    assert LEAD == REQUEST_LEAD
    assert Requests.of([Appended(request, MONDAY + timedelta(seconds=59))]).by_id == {CHECK_ID: request}
    assert Requests.of([Appended(request, MONDAY + timedelta(seconds=61))]).void == (request,)


def test_it_names_what_it_is_about_and_nothing_else() -> None:
    assert asked().when.named == {"colleague_id": ("c-1",)}
    named = asked(about={"colleague_id": " ", "team_id": "team-1", "channel": "chat"}).when.named
    assert named == {"team_id": ("team-1",), "channel": ("chat",)}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"about": {}}, "colleague_id"),
        ({"about": {"colleague_id": "", "team_id": "  "}}, "colleague_id"),
        ({"about": {"colleague_id": "c|1"}}, "colleague_id"),
        ({"about": {"team_id": "x" * 129}}, "team_id"),
        ({"about": {"channel": "telex"}}, "channel"),
        ({"n": 0}, "n"),
        ({"n": 101}, "n"),
        ({"within": timedelta(0)}, "within"),
        ({"within": LONGEST + timedelta(minutes=1)}, "within"),
        ({"reason": "x" * 501}, "reason"),
        ({"check_id": "frame-1"}, "check_id"),
    ],
)
def test_what_does_not_fit_is_named(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(**fields)
    assert [one.field for one in refused.value.problems] == [wrong]


def test_how_it_stands_follows_from_the_log_and_the_clock() -> None:
    request = asked()
    begins = begins_at(MONDAY)
    assert state(request, None, begins + timedelta(hours=9)) == "on_its_way"
    in_time = begins - LEAD
    assert state(request, in_time + timedelta(microseconds=1), begins) == "void"
    assert state(request, in_time, begins - timedelta(seconds=1)) == "to_come"
    assert state(request, in_time, begins) == "running"
    assert state(request, in_time, request.holds_until) == "over"
