"""What people type into forms, as what the services take; and back again.

Evidence marks are one text field a criterion: places parted by semicolons or commas, each `12` (line of the chat) or
`3:05` (minute and second of the recording), with words after it if wanted. What is no place is a Problem, never lost
silently: the text field is shown again as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from desk.errors import Invalid, Problem
from desk.translations import N_
from desk.views import Draft, Mark, RatingInput
from desk.web.labels import clock
from schemas.scorecard import Scorecard

NOT_APPLICABLE: Final = "na"
MAX_TIME_SPENT_S: Final = 86_400.0
_PLACE: Final = re.compile(
    r"^(?:(?P<minutes>\d{1,4}):(?P<seconds>[0-5]\d)|(?P<line>\d{1,5}))(?:\s+(?P<note>.*))?$", re.DOTALL
)


@dataclass(frozen=True)
class SentDraft:
    """A form as it was sent. `problems`: what could not be read."""

    draft: Draft
    marks: Mapping[str, str]
    """The text of each criterion's evidence field, to be shown again."""
    problems: tuple[Problem, ...]

    def checked(self) -> Draft:
        """The draft. Raises Invalid when something in it could not be read."""
        if self.problems:
            raise Invalid("the form cannot be read", self.problems)
        return self.draft


def text_of(form: FormData, name: str) -> str:
    """One field without the white space around it; empty when it was not sent."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def texts_of(form: FormData, name: str) -> tuple[str, ...]:
    """All fields of that name that hold something."""
    sent = (value.strip() for value in form.getlist(name) if isinstance(value, str))
    return tuple(value for value in sent if value)


def number_of(form: FormData, name: str) -> int:
    """A whole number. Raises Invalid."""
    try:
        return int(text_of(form, name))
    except ValueError:
        raise Invalid(N_("A number is missing."), (Problem(name, "missing", "a whole number is wanted"),)) from None


def moment_of(form: FormData, name: str, zone: ZoneInfo) -> datetime:
    """A local date and time of the organisation's zone. Raises Invalid."""
    try:
        return datetime.fromisoformat(text_of(form, name)).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise Invalid(N_("A date is missing."), (Problem(name, "missing", "a date and time is wanted"),)) from None


def read_draft(form: FormData, scorecard: Scorecard, now: datetime) -> SentDraft:
    """The form of a review as far as it is filled in."""
    problems: list[Problem] = []
    ratings, written = [], {}
    for criterion in scorecard.criteria:
        name = criterion.id
        sent = text_of(form, f"rating.{name}")
        value: float | None = None
        if sent not in ("", NOT_APPLICABLE):
            try:
                value = float(sent.replace(",", "."))
            except ValueError:
                problems.append(Problem(f"ratings.{name}", "off_scale", "not a number"))
        written[name] = text_of(form, f"marks.{name}")
        marks, unread = read_marks(written[name])
        if unread:
            problems.append(Problem(f"marks.{name}", "unknown", "not a line or a time"))
        comment = text_of(form, f"comment.{name}")
        rating = RatingInput(name, value, sent == NOT_APPLICABLE, comment, marks)
        if rating != RatingInput(name):
            ratings.append(rating)
    draft = Draft(
        ratings=tuple(ratings),
        strengths=texts_of(form, "strength"),
        development_points=texts_of(form, "development"),
        time_spent_s=_time_spent_s(form, now),
    )
    return SentDraft(draft, written, tuple(problems))


def read_marks(written: str) -> tuple[tuple[Mark, ...], bool]:
    """The places of an evidence field, and whether something in it is no place."""
    marks, unread = [], False
    for part in re.split(r"[;,\n]", written):
        place = _PLACE.match(part.strip())
        if place is not None and place["line"] is not None:
            marks.append(Mark(line=int(place["line"]), note=place["note"] or ""))
        elif place is not None:
            marks.append(Mark(at_s=int(place["minutes"]) * 60.0 + int(place["seconds"]), note=place["note"] or ""))
        elif part.strip():
            unread = True
    return tuple(marks), unread


def write_marks(marks: Iterable[Mark]) -> str:
    """The evidence field for marks that were read before."""
    written = []
    for mark in marks:
        place = str(mark.line) if mark.line is not None else clock(mark.at_s or 0.0)
        written.append(f"{place} {mark.note}".strip())
    return "; ".join(written)


def _time_spent_s(form: FormData, now: datetime) -> float:
    """Time before this page was opened, and since: as the page's script measured it, else by the clock."""
    before = _seconds(text_of(form, "time_before_s"))
    active = text_of(form, "active_s")
    if active:
        return min(before + _seconds(active), MAX_TIME_SPENT_S)
    try:
        since = now - datetime.fromisoformat(text_of(form, "opened_at"))
    except (ValueError, TypeError):
        since = timedelta()
    return min(before + max(0.0, since.total_seconds()), MAX_TIME_SPENT_S)


def _seconds(written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds <= MAX_TIME_SPENT_S else 0.0
