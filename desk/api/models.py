"""What tools send, and the one shape of everything that is refused. What they are answered are the views themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from desk.rules import forms
from desk.views import Draft, Mark, Preview, RatingInput

Words = Annotated[str, StringConstraints(max_length=forms.LONGEST_TEXT)]
LARGEST: int = 2**31 - 1


class Sent(BaseModel):
    """Unknown fields are refused: a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SentMark(Sent):
    """Where the evidence is: a second of the recording (`at_s`), or a line of the chat (`line`, from 1)."""

    at_s: Annotated[float, Field(ge=0, le=604_800)] | None = None
    line: Annotated[int, Field(ge=1, le=10_000)] | None = None
    note: Annotated[str, StringConstraints(max_length=forms.LONGEST_NOTE)] = ""


class SentRating(Sent):
    """One criterion: a value on its scale, or not_applicable."""

    criterion: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    value: Annotated[float, Field(ge=0, le=100)] | None = None
    not_applicable: bool = False
    comment: Words = ""
    marks: Annotated[list[SentMark], Field(max_length=forms.MOST_MARKS)] = []


class SentDraft(Sent):
    """The form. For a submit every criterion is rated, with a strength and a development point at least."""

    ratings: Annotated[list[SentRating], Field(max_length=forms.MOST_RATINGS)] = []
    strengths: Annotated[list[Words], Field(max_length=forms.MOST_POINTS)] = []
    development_points: Annotated[list[Words], Field(max_length=forms.MOST_POINTS)] = []
    time_spent_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0

    def draft(self) -> Draft:
        return Draft(
            ratings=tuple(
                RatingInput(
                    criterion=one.criterion,
                    value=one.value,
                    not_applicable=one.not_applicable,
                    comment=one.comment,
                    marks=tuple(Mark(mark.at_s, mark.line, mark.note) for mark in one.marks),
                )
                for one in self.ratings
            ),
            strengths=tuple(self.strengths),
            development_points=tuple(self.development_points),
            time_spent_s=self.time_spent_s,
        )


class UnderLease(Sent):
    """`token`: the fencing token of the lease (`lease.token` of the claim)."""

    token: Annotated[int, Field(ge=0, le=LARGEST)]


class DraftUnderLease(UnderLease):
    """A form, under a lease."""

    draft: SentDraft


class SkipUnderLease(UnderLease):
    """Why the task is not reviewed; it counts as non-response."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Correction(Sent):
    """A review again, in full, and why."""

    draft: SentDraft
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Saved(BaseModel):
    """A draft as it was kept, with its running score."""

    draft: Draft
    preview: Preview


class Wrong(BaseModel):
    """One field that is wrong."""

    field: str
    code: str
    message: str


class Refusal(BaseModel):
    """What was refused. `code` is for programs (desk.errors), `message` and `hint` are for people."""

    code: str
    message: str
    hint: str | None = None
    problems: list[Wrong] = []
    retry_after_s: float | None = None
