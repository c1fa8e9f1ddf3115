"""Accounts for a demo: one person of each role, and reviewers who can take every task. Never for real use."""

from __future__ import annotations

from typing import Final, NamedTuple

from desk.people import accounts, passwords
from desk.people.authorisation import Role
from desk.people.secrets import new_secret
from desk.surroundings import Surroundings
from desk.views import NewPerson

PASSWORD_CHARS: Final = 16


class DemoAccount(NamedTuple):
    """What a person needs to sign in."""

    login: str
    password: str
    role: str


PEOPLE: Final[tuple[tuple[str, str, tuple[Role, ...], tuple[str, ...]], ...]] = (
    ("reviewer", "Rhian Owen", ("reviewer",), ("en", "cy")),
    ("reviewer2", "Tom Price", ("reviewer",), ("en",)),
    ("supervisor", "Siân Roberts", ("supervisor", "reviewer"), ("en", "cy")),
    ("manager", "Alun Hughes", ("quality_manager",), ("en", "cy")),
    ("manager2", "Mair Griffiths", ("quality_manager",), ("en", "cy")),
    ("colleague", "Gwen Lloyd", ("colleague",), ("en",)),
    ("judge", "Ifan Morris", ("judge",), ("en",)),
    ("admin", "Nia Evans", ("administrator",), ("en",)),
)
"""Login, name, roles, languages."""


def make_demo_accounts(here: Surroundings, colleague_id: str | None) -> tuple[DemoAccount, ...]:
    """Make those that are not there; logins and fresh random passwords of all. `colleague_id`: whose work the account
    'colleague' sees. Passwords of accounts that are there are set anew, so that what is printed always works.
    """
    made = []
    for login, name, roles, languages in PEOPLE:
        password = new_secret(here.random_bytes)[:PASSWORD_CHARS]
        hashed = passwords.hashed(password)
        serves = colleague_id if roles == ("colleague",) else None
        person = NewPerson(login, name, roles, colleague_id=serves, not_a_colleague=serves is None, languages=languages)
        with here.database.write() as session:
            row = accounts.by_login(session, login)
            if row is None:
                row = accounts.make(session, person, here.now(), here.random_bytes)
            row.password_hash, row.failed_sign_ins, row.locked_until = hashed, 0, None
            here.note(session, "desk", "account.demo", row.account_id)
        made.append(DemoAccount(login, password, roles[0]))
    return tuple(made)
