"""What things are called: labels of criteria, names of people who have an account. ClickHouse holds ids only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from desk.people.authorisation import Actor
from desk.store.tables import Account, RegisterRow
from desk.surroundings import Surroundings
from schemas.base import BilingualText
from schemas.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class Known:
    """`criteria`: 'scorecard/criterion' to the label of its latest version; `colleagues`: colleague id to name."""

    criteria: Mapping[str, BilingualText]
    scorecards: Mapping[str, BilingualText]
    colleagues: Mapping[str, str]


class NameService:
    """Names and labels, for people who are signed in."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def known(self, actor: Actor) -> Known:
        """All of them; of colleagues one's own name alone, for those who may not see people."""
        with self._here.database.read() as session:
            documents = session.scalars(
                select(RegisterRow.document).where(RegisterRow.kind == "scorecard").order_by(RegisterRow.version)
            )
            cards = [Scorecard.model_validate_json(one) for one in documents]
            named = select(Account.colleague_id, Account.name).where(Account.colleague_id.is_not(None))
            if not actor.may("people.see"):
                named = named.where(Account.account_id == actor.account_id)
            colleagues = {str(colleague_id): name for colleague_id, name in session.execute(named)}
        return Known(
            criteria={f"{card.id}/{one.id}": one.label for card in cards for one in card.criteria},
            scorecards={card.id: card.title for card in cards},
            colleagues=colleagues,
        )
