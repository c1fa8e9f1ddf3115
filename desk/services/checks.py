"""Spot checks: a supervisor asks for the next, or a random few, of a colleague, a team or a channel (D13-6).

The request leaves by the outbox, in the transaction that keeps it and writes the trail: a crash can neither lose nor
double it. It comes back by its register, and only then does the desk know when the log took it. Checks that were asked
for elsewhere (`tafol check`) are shown too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import outbox
from desk.errors import Conflict, Invalid, Problem
from desk.people.authorisation import Actor, require
from desk.rules import checks
from desk.services import show
from desk.store.database import add_if_new
from desk.store.tables import Account, CheckRow, TaskRow
from desk.surroundings import Surroundings
from desk.views import CheckView
from schemas.catalogue import CHECK_REQUESTS
from schemas.request import CheckRequest

MOST_LISTED: Final = 200
MOST_NAMED: Final = 500


class CheckService:
    """Spot checks, and how all checks stand."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def ask(
        self,
        actor: Actor,
        check_id: str,
        *,
        about: dict[str, str],
        n: int,
        within: timedelta,
        pick: checks.Pick = "next",
        reason: str = "",
    ) -> CheckView:
        """Ask for a check. The same `check_id` again, by the same person, is the check that is there already.

        Raises Invalid with `problems`, Conflict when somebody else's check has that id.
        """
        require(actor, "check.ask")
        now = self._here.now()
        request = checks.spot_check(
            check_id,
            about=about,
            n=n,
            within=within,
            pick=pick,
            asked_by=actor.account_id,
            reason=reason.replace("\x00", "").strip(),
            now=now,
        )
        if actor.colleague_id is not None and about.get("colleague_id", "").strip() == actor.colleague_id:
            wrong = Problem("colleague_id", "own_check", "nobody asks for checks of themselves")
            raise Invalid("nobody asks for checks of themselves", (wrong,))
        with self._here.database.write() as session:
            # The person's row makes two presses of one button follow each other.
            session.scalar(select(Account.account_id).where(Account.account_id == actor.account_id).with_for_update())
            row = session.get(CheckRow, check_id)
            if row is None:
                row = _row(request, now)
                session.add(row)
                outbox.put(
                    session, CHECK_REQUESTS, key=request.ref.key, event_id=request.ref.key, record=request, at=now
                )
                self._here.note(session, actor, "check.ask", check_id)
            elif row.asked_by != actor.account_id:
                raise Conflict("there is another check of that id", hint="Load the page again.")
            return self._view(session, row)

    def checks(self, actor: Actor) -> tuple[CheckView, ...]:
        """The latest checks, those that begin last at the top."""
        require(actor, "check.ask")
        with self._here.database.read() as session:
            rows = session.scalars(
                select(CheckRow).order_by(CheckRow.holds_from.desc(), CheckRow.check_id).limit(MOST_LISTED)
            ).all()
            known = show.names(session, [row.asked_by for row in rows])
            return tuple(_shown(row, self._here.now(), known) for row in rows)

    def colleagues(self, actor: Actor) -> dict[str, str]:
        """Ids that a check may name: of colleagues with an account, by name, and of those whose work is open."""
        require(actor, "check.ask")
        with self._here.database.read() as session:
            named = session.execute(
                select(Account.colleague_id, Account.name)
                .where(Account.colleague_id.is_not(None), Account.active)
                .order_by(Account.name)
                .limit(MOST_NAMED)
            )
            found = {str(colleague_id): name for colleague_id, name in named}
            working = select(TaskRow.colleague_id).where(TaskRow.state == "open").distinct().limit(MOST_NAMED)
            for colleague_id in sorted(session.scalars(working)):
                found.setdefault(colleague_id, "")
        found.pop(actor.colleague_id or "", None)
        return found

    def _view(self, session: Session, row: CheckRow) -> CheckView:
        return _shown(row, self._here.now(), show.names(session, [row.asked_by]))


def arrived(session: Session, request: CheckRequest, appended_at: datetime) -> bool:
    """A request came by its register; whether it was news. What the log says stands; of two with one id the first."""
    row = session.get(CheckRow, request.id)
    if row is None:
        return add_if_new(session, _row(request, appended_at, appended_at))
    if row.appended_at is not None:
        return False
    row.appended_at, row.document = appended_at, request.model_dump_json()
    session.flush()
    return True


def _row(request: CheckRequest, asked_at: datetime, appended_at: datetime | None = None) -> CheckRow:
    return CheckRow(
        check_id=request.id,
        holds_from=request.holds_from,
        asked_by=request.asked_by,
        asked_at=asked_at,
        appended_at=appended_at,
        document=request.model_dump_json(),
    )


def _shown(row: CheckRow, now: datetime, known: dict[str, str]) -> CheckView:
    request = CheckRequest.model_validate_json(row.document)
    return CheckView(
        request=request,
        state=checks.state(request, row.appended_at, now),
        asked_at=row.asked_at,
        asked_name=known.get(row.asked_by),
    )
