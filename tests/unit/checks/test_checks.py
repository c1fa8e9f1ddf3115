"""Check requests: when they hold, calendars over changes of the clock, the commands' words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.check_plan import CheckCalendar
from schemas.errors import ConfigError
from schemas.notice import NoticeRegister
from streams.registers import REQUEST_LEAD, Appended, Requests, Timeline
from tafol import checks, examples
from tafol.documents import DocumentInvalid, read_check_calendar
from tests.unit.drawing.logs import request

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 24, 12, 0, 0, 500_000, tzinfo=UTC)


def calendar(**changes: Any) -> CheckCalendar:
    plan = {"id": "weekly", "when": {"colleague_id": "c-1"}, "starts": "2026-01-06T09:00", "rule": "FREQ=DAILY"}
    return CheckCalendar.model_validate({"asked_by": "manager", "plans": [{**plan, **changes}]})


def spot(**changes: Any) -> Any:
    given: dict[str, Any] = {
        "n": 2, "within": timedelta(hours=4), "pick": "next", "channel": None, "asked_by": "supervisor", "reason": "",
        "now": NOW, "name": "spot-1",
    }  # fmt: skip
    colleague = changes.pop("colleague", "c-1")
    return checks.spot_check(colleague, **{**given, **changes})


def test_a_spot_check_holds_when_it_is_published_at_once_and_for_as_long_as_asked() -> None:
    asked = spot()
    held = Requests.of([Appended(asked, NOW + timedelta(seconds=20))])
    assert held.by_id == {"spot-1": asked}
    assert asked.holds_until - asked.holds_from == timedelta(hours=4)
    assert asked.holds_from - NOW < timedelta(minutes=7)
    assert held.between(asked.holds_until, asked.holds_until + timedelta(days=1)) == ()
    assert held.between(asked.holds_from, asked.holds_from + timedelta(seconds=1)) == (asked,)


@given(st.timedeltas(timedelta(minutes=-20), timedelta(minutes=20)))
def test_a_request_that_comes_too_late_is_void_also_when_it_is_the_first(before: timedelta) -> None:
    asked = request("one")
    held = Requests.of([Appended(asked, asked.holds_from - before)])
    assert (asked in held.void) == (before < REQUEST_LEAD)
    assert (asked in held.by_id.values()) != (asked in held.void)


def test_of_two_requests_with_one_id_the_first_in_the_log_stands() -> None:
    first, second = request("one"), request("one", n=9)
    early = first.holds_from - timedelta(hours=1)
    assert Requests.of([Appended(first, early), Appended(second, early)]).by_id["one"] == first


def test_occurrences_keep_their_local_time_when_the_clocks_go_forward() -> None:
    requests = checks.planned(calendar(), NOW, timedelta(days=7))
    assert requests[0].id == "weekly/2026-03-25T09:00"
    begins = {one.holds_from.isoformat() for one in requests}
    assert {"2026-03-28T09:00:00+00:00", "2026-03-29T08:00:00+00:00"} <= begins
    assert {(one.purpose, one.plan, one.version) for one in requests} == {("planned", "weekly", 1)}


def test_the_calendar_applied_again_later_asks_under_the_same_ids() -> None:
    first = {one.id: one for one in checks.planned(calendar(), NOW, timedelta(days=7))}
    later = {one.id: one for one in checks.planned(calendar(), NOW + timedelta(days=2), timedelta(days=7))}
    both = first.keys() & later.keys()
    assert len(both) == 5
    assert all(first[name] == later[name] for name in both)


def test_an_occurrence_that_could_not_be_asked_for_in_time_is_left_out() -> None:
    soon = calendar(starts="2026-03-24T12:05", rule="FREQ=MINUTELY;COUNT=4")
    assert [one.id[-5:] for one in checks.planned(soon, NOW, timedelta(hours=1))] == ["12:07", "12:08"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colleague": "c 1"}, "--colleague 'c 1'"),
        ({"asked_by": ""}, "--by"),
        ({"within": timedelta(days=32)}, "--within"),
        ({"n": 0}, "n: "),
    ],
)
def test_what_cannot_be_asked_for_is_said_by_the_option(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spot(**changes)


@pytest.mark.parametrize("text", ["", "4", "h", "0h", "-1h", "4x", "1.5h"])
def test_a_span_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="90m, 4h, 28d or 2w"):
        checks.span_of(text, "--within")


def test_spans() -> None:
    assert [checks.span_of(text, "") for text in ("90m", "4h", "28d", "2w")] == [
        timedelta(minutes=90), timedelta(hours=4), timedelta(days=28), timedelta(weeks=2),
    ]  # fmt: skip


def test_the_shipped_calendar_can_be_read_and_a_bad_one_says_where(tmp_path: Path) -> None:
    assert len(read_check_calendar(examples.CHECKS).plans) == 3
    bad = tmp_path / "checks.yaml"
    bad.write_text(examples.CHECKS.read_text().replace("FREQ=WEEKLY;BYDAY=TU,TH", "WEEKLY"))
    with pytest.raises(DocumentInvalid, match=r"line 13: plans\[0\].rule: is no RRULE"):
        read_check_calendar(bad)


@pytest.mark.parametrize("changes", [{"when": {}}, {"holds_until": "2026-03-27T12:00:00Z"}])
def test_a_request_about_everything_or_of_no_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request("one", **changes)


VISITS: dict[str, Any] = {
    "when": {"channel": "face_to_face", "colleague_id": ["c-1", "c-2"]},
    "rule": "FREQ=WEEKLY",
    "hours": 2,
    "observe": {"place": "Counter 3", "site": "bangor", "team_id": "bangor-counter", "scorecard": "card"},
}


def notices(*audiences: str, valid_to: datetime | None = None) -> Timeline[NoticeRegister]:
    text = {"en": "text", "cy": "testun"}
    given = [
        {
            "id": one,
            "audience": one,
            "channels": ["face_to_face"],
            "valid_from": NOW,
            "valid_to": valid_to,
            "text": text,
        }
        for one in audiences
    ]
    entry = NoticeRegister.model_validate({"id": "n", "version": 1, "holds_from": NOW, "notices": given})
    return Timeline.of("notices", [Appended(entry, NOW)])


def test_a_planned_observation_is_one_for_each_colleague_with_place_and_time() -> None:
    asked = checks.planned(calendar(**VISITS), NOW, timedelta(days=7))
    assert [one.id for one in asked] == ["weekly/2026-03-31T09:00/c-1", "weekly/2026-03-31T09:00/c-2"]
    assert [one.observation and one.observation.colleague_id for one in asked] == ["c-1", "c-2"]
    first = asked[0]
    assert (first.purpose, first.plan, first.n) == ("planned", "weekly", 1)
    assert first.holds_until - first.holds_from == timedelta(hours=2)
    assert first.observation is not None
    assert (first.observation.place, first.observation.channel) == ("Counter 3", "face_to_face")


@given(st.sampled_from(["face_to_face", "phone"]), st.sampled_from(["c-1", "c-9"]))
def test_no_draw_has_to_do_with_an_observation(channel: str, colleague: str) -> None:
    seen = {
        "colleague_id": colleague,
        "channel": channel,
        "team_id": "t",
        "site": "s",
        "scorecard": "card",
        "place": "x",
    }
    asked = request("one", purpose="planned", n=1, observation=seen)
    held = Requests.of([Appended(asked, asked.holds_from - timedelta(hours=1))])
    assert held.observations == (asked,)
    assert not held.by_id
    assert held.between(asked.holds_from, asked.holds_until) == ()
    late = Requests.of([Appended(asked, asked.holds_from)])
    assert (late.observations, late.void) == ((), (asked,))


def test_an_observation_needs_a_notice_for_both_at_its_time() -> None:
    asked = checks.planned(calendar(**VISITS), NOW, timedelta(days=14))
    assert checks.without_notice(asked, notices("customer", "colleague")) == []
    assert checks.without_notice(asked, notices("customer")) == [(one, "colleague") for one in asked]
    assert checks.without_notice(asked, notices("colleague")) == [(one, "customer") for one in asked]
    week = NOW + timedelta(days=7)
    assert checks.without_notice(asked, notices("customer", "colleague", valid_to=week)) == [
        (one, "customer") for one in asked if one.holds_from >= week
    ]
    assert len(checks.without_notice(asked, Timeline("notices"))) == len(asked)
    transactions = checks.planned(calendar(), NOW, timedelta(days=7))
    assert checks.without_notice(transactions, Timeline("notices")) == []


@pytest.mark.parametrize(
    "when",
    [
        {"colleague_id": "c-1"}, {"channel": "face_to_face"}, {"channel": ["phone", "chat"], "colleague_id": "c-1"},
        {"channel": "phone", "colleague_id": {"none_of": ["c-1"]}},
        {"channel": "phone", "colleague_id": "c-1", "topic": "complaint"},
    ],
)  # fmt: skip
def test_an_observation_must_say_whom_to_watch_and_nothing_that_only_a_record_tells(when: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="names one channel and the colleagues"):
        calendar(**{**VISITS, "when": when})


def test_an_observation_is_planned_and_one() -> None:
    with pytest.raises(ValidationError, match="one for each colleague"):
        calendar(**VISITS, n=2)
    seen = {"colleague_id": "c-1", "team_id": "t", "site": "s", "scorecard": "card", "place": "x"}
    for changes in ({"purpose": "spot", "n": 1}, {"purpose": "planned", "n": 2}):
        with pytest.raises(ValidationError, match="is a planned check, and one only"):
            request("one", observation=seen, **changes)
