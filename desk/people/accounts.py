"""Accounts, as rows and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from desk.errors import Invalid, NotFound, Problem
from desk.people.authorisation import ROLES, Actor, Role, Scope
from desk.people.csv_people import problem_of
from desk.store.tables import AbsenceRow, Account, SessionRow, TeamMember
from desk.views import Membership, NewPerson, PersonView


def account(session: Session, account_id: str) -> Account:
    """Raises NotFound."""
    found = session.get(Account, account_id)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    return found


def by_login(session: Session, login: str) -> Account | None:
    return session.scalar(select(Account).where(Account.login == login))


def actor_of(row: Account, scopes: frozenset[Scope] | None = None) -> Actor:
    return Actor(
        account_id=row.account_id,
        name=row.name,
        roles=roles_of(row),
        colleague_id=row.colleague_id,
        not_a_colleague=row.not_a_colleague,
        language=row.page_language,
        scopes=scopes,
    )


def roles_of(row: Account) -> frozenset[Role]:
    return frozenset(role for role in ROLES if role in row.roles)


def views(session: Session, rows: Sequence[Account], now: datetime) -> tuple[PersonView, ...]:
    """Accounts as people see them."""
    ids = [row.account_id for row in rows]
    teams: dict[str, list[Membership]] = {one: [] for one in ids}
    for member in session.scalars(select(TeamMember).order_by(TeamMember.from_at, TeamMember.number)):
        if member.account_id in teams:
            teams[member.account_id].append(Membership(member.team_id, member.from_at, member.to_at))
    away = set(session.scalars(select(AbsenceRow.account_id).where(AbsenceRow.from_at <= now, AbsenceRow.to_at > now)))
    return tuple(
        PersonView(
            account_id=row.account_id,
            login=row.login,
            name=row.name,
            roles=tuple(role for role in ROLES if role in row.roles),
            colleague_id=row.colleague_id,
            not_a_colleague=row.not_a_colleague,
            languages=tuple(row.languages),
            skills=tuple(row.skills),
            teams=tuple(teams[row.account_id]),
            active=row.active,
            absent=row.account_id in away,
            has_password=row.password_hash is not None,
            locked_until=row.locked_until if row.locked_until is not None and row.locked_until > now else None,
        )
        for row in rows
    )


def view(session: Session, row: Account, now: datetime) -> PersonView:
    return views(session, [row], now)[0]


def make(session: Session, person: NewPerson, now: datetime, random_bytes: Callable[[int], bytes]) -> Account:
    """A new account with an id of its own. Raises Invalid."""
    check(person)
    if by_login(session, person.login) is not None:
        raise _taken()
    row = Account(
        account_id=f"p-{random_bytes(8).hex()}",
        made_at=now,
        failed_sign_ins=0,
        page_language="en",
    )
    _fill(row, person)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:  # somebody else took the name between the look and the write
        raise _taken() from None
    _set_teams(session, row, person)
    return row


def change(session: Session, row: Account, person: NewPerson) -> bool:
    """Set all fields; whether the roles, or whether the account is in use, changed: its sessions then end.

    Raises Invalid.
    """
    check(person)
    other = by_login(session, person.login)
    if other is not None and other.account_id != row.account_id:
        raise _taken()
    before = (sorted(row.roles), row.active)
    _fill(row, person)
    _set_teams(session, row, person)
    changed = before != (sorted(row.roles), row.active)
    if changed:
        end_sessions(session, row.account_id)
    return changed


def check(person: NewPerson) -> None:
    """Raises Invalid."""
    wrong = problem_of(person)
    if wrong is not None:
        field, _, message = wrong.partition(":")
        raise Invalid(wrong, (Problem(field, "wrong", message.strip() or wrong),))


def end_sessions(session: Session, account_id: str) -> None:
    session.execute(delete(SessionRow).where(SessionRow.account_id == account_id))


def same(view_: PersonView, person: NewPerson) -> bool:
    """Whether the account is already as `person` says."""
    return (
        view_.name == person.name
        and set(view_.roles) == set(person.roles)
        and view_.colleague_id == person.colleague_id
        and view_.not_a_colleague == person.not_a_colleague
        and view_.languages == person.languages
        and view_.skills == person.skills
        and view_.teams == tuple(sorted(person.teams, key=lambda one: one.from_at))
        and view_.active == person.active
    )


def _taken() -> Invalid:
    return Invalid("this sign-in name is taken", (Problem("login", "taken", "is taken"),))


def _fill(row: Account, person: NewPerson) -> None:
    row.login, row.name = person.login, person.name
    row.roles = [role for role in ROLES if role in person.roles]
    row.colleague_id, row.not_a_colleague = person.colleague_id, person.not_a_colleague
    row.languages, row.skills = list(person.languages), list(person.skills)
    row.active = person.active


def _set_teams(session: Session, row: Account, person: NewPerson) -> None:
    session.execute(delete(TeamMember).where(TeamMember.account_id == row.account_id))
    session.add_all(
        TeamMember(account_id=row.account_id, team_id=one.team_id, from_at=one.from_at, to_at=one.to_at)
        for one in person.teams
    )
    session.flush()
