"""Erasure: what the desk holds of one customer goes, and never comes back (contracts, "Personal data").

The customer is named by the pseudonym. What goes: the content of their transactions (transcript, references, place,
attributes), and the notes of evidence marks in drafts and reviews, which may quote it. Ratings and the rest of a review
are about the colleague and stay. The pseudonym is kept among those erased, so that a task read again, or one that comes
later, brings no content in. The trail names the erasure by its number, not the customer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.errors import Invalid, Problem
from desk.people.authorisation import Actor, require
from desk.store import contents
from desk.store.database import add_if_new
from desk.store.tables import ContentRow, DraftRow, ErasureRow, ReviewRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import Erased

PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}")


class ErasureService:
    """Erases customers."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def erase(self, actor: Actor, pseudonym: str) -> Erased:
        """Erase what there is of a customer; harmless when it is done already. Raises Invalid."""
        require(actor, "customer.erase")
        if PSEUDONYM.fullmatch(pseudonym) is None:
            wrong = Problem("pseudonym", "wrong", "32 hexadecimal digits")
            raise Invalid("this is no pseudonym", (wrong,))
        with self._here.database.write() as session:
            known = select(ErasureRow).where(ErasureRow.pseudonym == pseudonym)
            if session.scalar(known) is None:
                row = ErasureRow(pseudonym=pseudonym, erased_at=self._here.now(), erased_by=actor.account_id)
                add_if_new(session, row)
            row = session.scalars(known).one()
            transactions = contents.forget(session, self._here.now(), pseudonym)
            notes = _forget_notes(session, pseudonym)
            detail = {"transactions": str(transactions), "notes": str(notes)}
            self._here.note(session, actor, "customer.erase", f"erasure-{row.number}", detail)
            return Erased(row.number, transactions, notes)


def _forget_notes(session: Session, pseudonym: str) -> int:
    """Blank the notes of evidence marks about this customer; how many there were."""
    theirs = select(ContentRow.transaction_id).where(ContentRow.pseudonym == pseudonym)
    numbers = select(TaskRow.number).where(TaskRow.transaction_id.in_(theirs))
    gone = 0
    for review in session.scalars(select(ReviewRow).where(ReviewRow.number.in_(numbers)).with_for_update()):
        marks = review.details.get("marks", {})
        found = sum(bool(mark["note"]) for criterion in marks.values() for mark in criterion)
        if found:
            review.details = {
                **review.details,
                "marks": {name: [{**mark, "note": ""} for mark in criterion] for name, criterion in marks.items()},
            }
            gone += found
    for draft in session.scalars(select(DraftRow).where(DraftRow.number.in_(numbers)).with_for_update()):
        ratings = draft.body.get("ratings", ())
        found = sum(bool(mark["note"]) for rating in ratings for mark in rating["marks"])
        if found:
            draft.body = {**draft.body, "ratings": [_without_notes(rating) for rating in ratings]}
            gone += found
    return gone


def _without_notes(rating: Mapping[str, Any]) -> dict[str, Any]:
    return {**rating, "marks": [{**mark, "note": ""} for mark in rating["marks"]]}
