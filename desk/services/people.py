"""People: accounts, roles, mapping to colleagues, tokens. Sign-in and absences are in the classes below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.errors import Invalid, NotAllowed, NotFound, Problem
from desk.people import accounts, passwords, secrets
from desk.people.authorisation import SCOPES, Actor, Role, Scope, require
from desk.people.csv_people import read_people
from desk.services.show import names
from desk.services.staff import Staff
from desk.store.tables import Account, TokenRow
from desk.views import ImportReport, IssuedToken, NewPerson, PersonView, TokenView

LONGEST_CSV = 10_000_000
MOST_DAYS = 366


class PeopleService(Staff):
    """Accounts, sign-in, roles, absence, tokens."""

    def set_language(self, actor: Actor, language: Literal["en", "cy"]) -> None:
        """Of the pages. Raises Invalid."""
        if language not in ("en", "cy"):
            raise Invalid("the desk speaks English and Welsh", (Problem("language", "unknown", "en or cy"),))
        with self._here.database.write() as session:
            accounts.account(session, actor.account_id).page_language = language

    def me(self, actor: Actor) -> PersonView:
        """The actor's own account."""
        with self._here.database.read() as session:
            return accounts.view(session, accounts.account(session, actor.account_id), self._here.now())

    def people(self, actor: Actor) -> tuple[PersonView, ...]:
        """All accounts, by name."""
        require(actor, "people.see")
        with self._here.database.read() as session:
            rows = session.scalars(select(Account).order_by(Account.name, Account.login)).all()
            return accounts.views(session, rows, self._here.now())

    def names(self, account_ids: Sequence[str]) -> dict[str, str]:
        """Names by account id, for pages that hold ids; ids that are not known are left out."""
        with self._here.database.read() as session:
            return names(session, account_ids)

    def person(self, actor: Actor, account_id: str) -> PersonView:
        """One account. Raises NotFound."""
        if account_id != actor.account_id:
            require(actor, "people.see")
        with self._here.database.read() as session:
            return accounts.view(session, accounts.account(session, account_id), self._here.now())

    def create(self, actor: Actor, person: NewPerson, password: str | None) -> PersonView:
        """Raises Invalid (login taken, unknown role, weak password)."""
        require(actor, "people.edit")
        hashed = None
        if password is not None:
            passwords.check_new(password, person.login)
            hashed = passwords.hashed(password)
        with self._here.database.write() as session:
            row = accounts.make(session, person, self._here.now(), self._here.random_bytes)
            row.password_hash = hashed
            self._here.note(session, actor, "account.create", row.account_id, {"roles": " ".join(row.roles)})
            return accounts.view(session, row, self._here.now())

    def change(self, actor: Actor, account_id: str, person: NewPerson) -> PersonView:
        """Set all fields; changed roles end its sessions. Raises Invalid, NotFound, NotAllowed (one's own roles)."""
        require(actor, "people.edit")
        with self._here.database.write() as session:
            row = accounts.account(session, account_id)
            own_roles = account_id == actor.account_id and (set(row.roles) != set(person.roles) or not person.active)
            if own_roles:
                raise NotAllowed("nobody changes their own roles", hint="Ask another administrator.")
            self._change(session, actor, row, person)
            return accounts.view(session, row, self._here.now())

    def set_password(self, actor: Actor, account_id: str, password: str) -> None:
        """By an administrator; ends the account's sessions and its lockout. Raises Invalid."""
        require(actor, "people.edit")
        with self._here.database.read() as session:
            login = accounts.account(session, account_id).login
        passwords.check_new(password, login)
        hashed = passwords.hashed(password)
        with self._here.database.write() as session:
            row = accounts.account(session, account_id)
            row.password_hash, row.failed_sign_ins, row.locked_until = hashed, 0, None
            accounts.end_sessions(session, account_id)
            self._here.note(session, actor, "account.password", account_id)

    def confirm_not_a_colleague(self, actor: Actor, account_id: str) -> PersonView:
        """Somebody with people.edit, and not the reviewer, confirms that this reviewer serves no customers."""
        require(actor, "people.edit")
        if account_id == actor.account_id:
            raise NotAllowed("somebody else must confirm it", hint="Ask another administrator.")
        with self._here.database.write() as session:
            row = accounts.account(session, account_id)
            if row.colleague_id is not None:
                raise Invalid("this account has a colleague id", (Problem("colleague_id", "set", "take it out first"),))
            row.not_a_colleague, row.not_a_colleague_by = True, actor.account_id
            self._here.note(session, actor, "account.not_a_colleague", account_id)
            return accounts.view(session, row, self._here.now())

    def import_csv(self, actor: Actor, text: str) -> ImportReport:
        """login,name,roles,colleague_id,not_a_colleague,languages,skills,teams; all or nothing."""
        require(actor, "people.edit")
        if len(text) > LONGEST_CSV:
            return ImportReport(0, 0, 0, ((1, "the file is too long"),))
        people, wrong = read_people(text)
        if wrong:
            return ImportReport(0, 0, 0, tuple(wrong))
        created = changed = unchanged = 0
        now = self._here.now()
        with self._here.database.write() as session:
            for _, person in people:
                row = accounts.by_login(session, person.login)
                if row is None:
                    row = accounts.make(session, person, now, self._here.random_bytes)
                    self._here.note(session, actor, "account.create", row.account_id, {"roles": " ".join(row.roles)})
                    created += 1
                elif accounts.same(accounts.view(session, row, now), person):
                    unchanged += 1
                else:
                    self._change(session, actor, row, person)
                    changed += 1
        return ImportReport(created, changed, unchanged)

    def tokens(self, actor: Actor) -> tuple[TokenView, ...]:
        """The actor's own tokens."""
        require(actor, "token.own")
        with self._here.database.read() as session:
            rows = session.scalars(
                select(TokenRow).where(TokenRow.account_id == actor.account_id).order_by(TokenRow.token_id)
            ).all()
        return tuple(_token(row) for row in rows)

    def issue_token(self, actor: Actor, name: str, scopes: Sequence[Scope], days: int = 90) -> IssuedToken:
        """Raises Invalid."""
        require(actor, "token.own")
        wrongs = {
            "name": not 0 < len(name.strip()) <= 100,
            "scopes": not scopes or not set(scopes) <= set(SCOPES),
            "days": not 1 <= days <= MOST_DAYS,
        }
        found = tuple(Problem(field, "wrong", "does not fit") for field, applies in wrongs.items() if applies)
        if found:
            raise Invalid("the token needs a name, known scopes, and 1 to 366 days", found)
        secret = secrets.TOKEN_PREFIX + secrets.new_secret(self._here.random_bytes)
        now = self._here.now()
        row = TokenRow(
            secret_hash=secrets.kept(secret),
            account_id=actor.account_id,
            name=name.strip(),
            scopes=[one for one in SCOPES if one in scopes],
            made_at=now,
            ends_at=now + timedelta(days=days),
        )
        with self._here.database.write() as session:
            session.add(row)
            session.flush()
            self._here.note(session, actor, "token.issue", row.token_id)
        return IssuedToken(_token(row), secret)

    def revoke_token(self, actor: Actor, token_id: int) -> None:
        """Raises NotFound."""
        require(actor, "token.own")
        with self._here.database.write() as session:
            row = session.get(TokenRow, token_id)
            if row is None or row.account_id != actor.account_id:
                raise NotFound("there is no such token")
            row.revoked_at = row.revoked_at or self._here.now()
            self._here.note(session, actor, "token.revoke", token_id)

    def roles_of(self, account_id: str) -> frozenset[Role]:
        """Raises NotFound."""
        with self._here.database.read() as session:
            return accounts.roles_of(accounts.account(session, account_id))

    def _change(self, session: Session, actor: Actor, row: Account, person: NewPerson) -> None:
        accounts.change(session, row, person)
        if person.not_a_colleague and row.not_a_colleague_by is None:
            row.not_a_colleague_by = actor.account_id
        self._here.note(session, actor, "account.change", row.account_id, {"roles": " ".join(row.roles)})


def _token(row: TokenRow) -> TokenView:
    return TokenView(
        token_id=row.token_id,
        name=row.name,
        scopes=tuple(cast("Scope", one) for one in row.scopes),
        created_at=row.made_at,
        ends_at=row.ends_at,
        last_used_at=row.last_used_at,
        revoked=row.revoked_at is not None,
    )
