"""What people type: read back as it was meant, never lost silently."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from desk.errors import Invalid
from desk.views import Mark
from desk.web.forms import MAX_TIME_SPENT_S, moment_of, number_of, read_draft, read_marks, write_marks
from desk.web.language import speech
from tests.unit.desk_web.pretend import NOW, SCORECARD

pytestmark = pytest.mark.unit

NOTES = st.text(st.characters(categories=["L"]), max_size=20)
MARKS = st.one_of(
    st.builds(lambda line, note: Mark(line=line, note=note), st.integers(0, 99_999), NOTES),
    st.builds(lambda at, note: Mark(at_s=float(at), note=note), st.integers(0, 9999 * 60), NOTES),
)


@given(st.lists(MARKS, max_size=5))
def test_marks_are_read_back_as_they_were_written(marks: list[Mark]) -> None:
    assert read_marks(write_marks(marks)) == (tuple(marks), False)


@pytest.mark.parametrize("written", ["early on", "3:75", "line 4", "12; somewhere", "1:2:3"])
def test_what_is_no_place_is_said(written: str) -> None:
    assert read_marks(written)[1]
    sent = read_draft(FormData({f"marks.{SCORECARD.criteria[0].id}": written}), SCORECARD, NOW)
    assert sent.marks[SCORECARD.criteria[0].id] == written
    with pytest.raises(Invalid):
        sent.checked()


def test_a_draft_holds_only_what_was_touched() -> None:
    first, second = SCORECARD.criteria[0].id, SCORECARD.criteria[1].id
    form = FormData(
        [
            (f"rating.{first}", "2"),
            (f"rating.{second}", "na"),
            (f"comment.{first}", "  Prompt.  "),
            ("strength", "Kind."),
            ("strength", " "),
            ("strength", "Clear."),
            ("time_before_s", "60"),
            ("active_s", "30"),
        ]
    )
    draft = read_draft(form, SCORECARD, NOW).checked()
    assert [(one.criterion, one.value, one.not_applicable, one.comment) for one in draft.ratings] == [
        (first, 2.0, False, "Prompt."),
        (second, None, True, ""),
    ]
    assert draft.strengths == ("Kind.", "Clear.")
    assert draft.time_spent_s == 90.0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"time_before_s": "60", "opened_at": (NOW - timedelta(seconds=40)).isoformat()}, 100.0),
        ({"time_before_s": "-5", "active_s": "10"}, 10.0),
        ({"time_before_s": "nan", "active_s": "inf"}, 0.0),
        ({"opened_at": "2026-01-01T00:00:00"}, 0.0),
        ({"time_before_s": "86400", "active_s": "86400"}, MAX_TIME_SPENT_S),
    ],
)
def test_time_spent_is_bounded_whatever_is_sent(fields: dict[str, str], expected: float) -> None:
    assert read_draft(FormData(fields), SCORECARD, NOW).draft.time_spent_s == expected


def test_local_times_are_of_the_organisations_zone() -> None:
    zone = speech("en", "Europe/London").zone
    assert moment_of(FormData({"at": "2026-07-01T10:00"}), "at", zone).isoformat() == "2026-07-01T09:00:00+00:00"
    with pytest.raises(Invalid):
        moment_of(FormData({"at": "tomorrow"}), "at", zone)
    with pytest.raises(Invalid):
        number_of(FormData({"n": "three"}), "n")
