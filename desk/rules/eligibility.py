"""Who may review what. Own work never; the language and the skills it takes; present, and known.

`refusal` is the rule; the store's query for the next task (desk.store.tasks) says the same in SQL, and a test holds the
two to each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

from desk.rules.lease import LeaseState, is_held

Reason = Literal[
    "inactive",
    "unmapped",
    "absent",
    "own_work",
    "language",
    "skill",
    "assigned",
    "other_copy",
    "leased",
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
IN_WORDS: Final[dict[Reason, str]] = {
    "inactive": "this account is not in use",
    "unmapped": "it is not known whether this person serves customers too; an administrator must say",
    "absent": "this person is marked as absent",
    "own_work": "nobody reviews their own work",
    "language": "this person does not review in the language of the transaction",
    "skill": "queue or task ask for a skill that this person does not have",
    "assigned": "the task is assigned to somebody else",
    "other_copy": "this person has another copy of the same review; copies go to different people",
    "leased": "somebody else is working on it",
}


class Reviewer(NamedTuple):
    """What counts of a person."""

    account_id: str
    colleague_id: str | None
    not_a_colleague: bool
    languages: frozenset[str]
    skills: frozenset[str]
    absent: bool = False
    active: bool = True


class OtherCopy(NamedTuple):
    """Another copy of the same review: who has it now, and who ended it."""

    lease: LeaseState
    closed_by: str | None


class Offer(NamedTuple):
    """What counts of an open task."""

    language: str
    colleague_id: str
    required_skills: frozenset[str]
    assigned_to: str | None
    lease: LeaseState
    other_copies: tuple[OtherCopy, ...] = ()


def reviewer_refusal(reviewer: Reviewer) -> Reason | None:
    """Why this person gets no tasks at all; None: they may."""
    if not reviewer.active:
        return "inactive"
    if reviewer.colleague_id is None and not reviewer.not_a_colleague:
        return "unmapped"
    return "absent" if reviewer.absent else None


def refusal(offer: Offer, reviewer: Reviewer, now: datetime) -> Reason | None:
    """Why this person may not take this task at `now`; None: they may. The first reason of REASONS that applies."""
    general = reviewer_refusal(reviewer)
    if general is not None:
        return general
    refusals: dict[Reason, bool] = {
        "own_work": offer.colleague_id == reviewer.colleague_id,
        "language": offer.language not in reviewer.languages,
        "skill": not offer.required_skills <= reviewer.skills,
        "assigned": offer.assigned_to not in (None, reviewer.account_id),
        "other_copy": has_other_copy(offer.other_copies, reviewer.account_id, now),
        "leased": is_held(offer.lease, now) and offer.lease.holder_id != reviewer.account_id,
    }
    return next((reason for reason, applies in refusals.items() if applies), None)


def has_other_copy(copies: Iterable[OtherCopy], account_id: str, now: datetime) -> bool:
    """Whether this person works on another copy, or has ended one. A lapsed lease does not count: nothing was given."""
    return any(
        one.closed_by == account_id or (one.lease.holder_id == account_id and is_held(one.lease, now)) for one in copies
    )
