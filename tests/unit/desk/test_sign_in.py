"""Signing in: passwords, lockout, rate limit, sessions, tokens."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from desk.errors import Invalid, NotAllowed, NotFound, NotSignedIn, TooMany
from desk.people import passwords
from desk.people.demo import PEOPLE, make_demo_accounts
from desk.people.secrets import csrf_of
from desk.store.tables import Account, SessionRow, TokenRow
from desk.views import NewPerson
from tests.fixtures.desk import PASSWORD, DeskForTests

pytestmark = pytest.mark.unit


@pytest.fixture
def eve(a_desk: DeskForTests) -> str:
    """An account with a password; its id."""
    admin = a_desk.person("admin", "administrator")
    return a_desk.desk.people.create(admin, NewPerson("eve", "Eve", ("reviewer",)), PASSWORD).account_id


def test_a_session_is_new_each_time_and_kept_as_a_hash(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    first, second = (people.sign_in("eve", PASSWORD, "1.2.3.4") for _ in range(2))
    assert first.secret != second.secret
    actor, csrf = people.actor_of_session(first.secret)
    assert (actor.account_id, csrf) == (eve, csrf_of(first.secret))
    with a_desk.database.read() as session:
        assert first.secret not in [row.secret_hash for row in session.query(SessionRow)]
        kept = session.get(Account, eve)
        assert kept is not None
        assert (kept.password_hash or "").startswith("$argon2id$")
    people.sign_out(first.secret)
    with pytest.raises(NotSignedIn):
        people.actor_of_session(first.secret)
    assert people.actor_of_session(second.secret)


def test_a_session_ends_by_idleness_and_by_age(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    idle, busy = (people.sign_in("eve", PASSWORD, "1.2.3.4").secret for _ in range(2))
    for _ in range(14):
        a_desk.pass_time(minutes=50)
        assert people.actor_of_session(busy)
    with pytest.raises(NotSignedIn):
        people.actor_of_session(idle)
    a_desk.pass_time(minutes=50)
    with pytest.raises(NotSignedIn):
        people.actor_of_session(busy)


def test_wrong_names_passwords_and_locked_accounts_are_answered_alike(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    answers = set()
    for login, password in [("eve", "wrong"), ("nobody", PASSWORD), ("admin", PASSWORD)]:
        with pytest.raises(NotSignedIn) as refusal:
            people.sign_in(login, password, "1.2.3.4")
        answers.add(str(refusal.value))
    for _ in range(4):
        with pytest.raises(NotSignedIn):
            people.sign_in("eve", "wrong", "1.2.3.4")
    with pytest.raises(NotSignedIn) as refusal:
        people.sign_in("eve", PASSWORD, "1.2.3.4")  # locked by now
    assert answers == {str(refusal.value)}
    a_desk.pass_time(minutes=16)
    assert people.sign_in("eve", PASSWORD, "1.2.3.4").actor_id == eve


def test_many_failures_from_one_address_are_held_up_but_others_are_not(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    for number in range(30):
        with pytest.raises(NotSignedIn):
            people.sign_in(f"guess{number}", "wrong", "6.6.6.6")
    with pytest.raises(TooMany) as refusal:
        people.sign_in("eve", PASSWORD, "6.6.6.6")
    assert refusal.value.retry_after_s > 0
    assert people.sign_in("eve", PASSWORD, "1.2.3.4").actor_id == eve
    a_desk.pass_time(minutes=11)
    assert people.sign_in("eve", PASSWORD, "6.6.6.6").actor_id == eve


def test_a_new_password_ends_all_sessions(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    old = people.sign_in("eve", PASSWORD, "1.2.3.4")
    actor, _ = people.actor_of_session(old.secret)
    for weak in ("short", "eve eve eve eve", "aaaaaaaaaaaaaaaa", PASSWORD):
        with pytest.raises(Invalid):
            people.change_password(actor, PASSWORD, weak)
    with pytest.raises(NotSignedIn):
        people.change_password(actor, "wrong", "another good phrase")
    new = people.change_password(actor, PASSWORD, "another good phrase")
    with pytest.raises(NotSignedIn):
        people.actor_of_session(old.secret)
    assert people.actor_of_session(new.secret)


def test_changed_roles_and_closed_accounts_end_sessions_and_tokens(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    admin = a_desk.person("admin2", "administrator")
    secret = people.sign_in("eve", PASSWORD, "1.2.3.4").secret
    actor, _ = people.actor_of_session(secret)
    token = people.issue_token(actor, "tool", ["queue.read"])
    people.change(admin, eve, NewPerson("eve", "Eve", ("supervisor",)))
    with pytest.raises(NotSignedIn):
        people.actor_of_session(secret)
    assert people.actor_of_token(token.secret).roles == {"supervisor"}
    people.change(admin, eve, NewPerson("eve", "Eve", ("supervisor",), active=False))
    with pytest.raises(NotSignedIn):
        people.actor_of_token(token.secret)
    with pytest.raises(NotSignedIn):
        people.sign_in("eve", PASSWORD, "1.2.3.4")
    with pytest.raises(NotAllowed):
        people.change(admin, admin.account_id, NewPerson("admin2", "A", ("judge",)))


def test_tokens_are_kept_as_hashes_end_and_are_their_owners_to_revoke(a_desk: DeskForTests, eve: str) -> None:
    people = a_desk.desk.people
    actor, other = a_desk.actor(eve), a_desk.person("other")
    issued = people.issue_token(actor, "tool", ["queue.read", "review.write"], days=1)
    assert issued.secret.startswith("tafol_")
    with a_desk.database.read() as session:
        assert issued.secret not in [row.secret_hash for row in session.query(TokenRow)]
    assert people.actor_of_token(issued.secret).scopes == frozenset({"queue.read", "review.write"})
    with pytest.raises(NotFound):
        people.revoke_token(other, issued.token.token_id)
    people.revoke_token(actor, issued.token.token_id)
    with pytest.raises(NotSignedIn):
        people.actor_of_token(issued.secret)
    short = people.issue_token(actor, "tool", ["queue.read"], days=1)
    a_desk.pass_time(days=1)
    with pytest.raises(NotSignedIn):
        people.actor_of_token(short.secret)


def test_a_provider_signs_in_by_subject_and_ties_a_verified_address_once(a_desk: DeskForTests) -> None:
    people = a_desk.desk.people
    a_desk.person("eve@example.org")
    claims = {"iss": "https://idp.example.org", "sub": "7", "email": "eve@example.org"}
    with pytest.raises(NotSignedIn):
        people.sign_in_oidc(claims)  # nobody verified the address
    first = people.sign_in_oidc({**claims, "email_verified": True})
    assert people.sign_in_oidc({"iss": claims["iss"], "sub": "7"}).actor_id == first.actor_id
    with pytest.raises(NotSignedIn):
        people.sign_in_oidc({**claims, "sub": "8", "email_verified": True})  # somebody else with the same address


def test_demo_accounts_sign_in_and_may_work(a_desk: DeskForTests) -> None:
    make_demo_accounts(a_desk.here, "c-1")
    made = make_demo_accounts(a_desk.here, "c-1")  # a second demo prints passwords that work too
    assert len(made) == len(PEOPLE)
    for one in made:
        actor, _ = a_desk.desk.people.actor_of_session(
            a_desk.desk.people.sign_in(one.login, one.password, "1.2.3.4").secret
        )
        assert one.role in actor.roles
        assert a_desk.desk.people.me(actor).mapped


def test_hashes_of_weaker_parameters_are_made_again() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    assert passwords.fits(weaker, PASSWORD)
    assert passwords.outdated(weaker)
    assert not passwords.outdated(passwords.hashed(PASSWORD))
    assert not passwords.fits(None, PASSWORD)
