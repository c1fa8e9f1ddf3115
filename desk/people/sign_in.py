"""Signing in: local passwords with rate limit and lockout, OIDC claims, sessions, bearer tokens.

- A session's secret changes with every sign-in and every change of password or roles: nothing that was there before
  is worth anything after (session fixation).
- An unknown name, a wrong password and a locked account take the same time; only the rate limit says that it is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from desk.errors import Invalid, NotSignedIn, Problem, TooMany
from desk.people import accounts, passwords, secrets
from desk.people.authorisation import Actor, Scope
from desk.store.tables import Account, SessionRow, SignInTry, TokenRow
from desk.surroundings import Surroundings
from desk.views import SignedIn

WRONG = "the sign-in name or the password is wrong"
ENDED = "the session has ended"
_SESSION = (
    select(SessionRow, Account)
    .join(Account, Account.account_id == SessionRow.account_id)
    .where(SessionRow.secret_hash == bindparam("kept"))
)
_TOKEN = (
    select(TokenRow, Account)
    .join(Account, Account.account_id == TokenRow.account_id)
    .where(TokenRow.secret_hash == bindparam("kept"))
)
"""Every request asks one of these: one statement each."""


class SignIn:
    """Who is there."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here

    def sign_in(self, login: str, password: str, address: str) -> SignedIn:
        """A session for a local account. `address`: the client's, for the rate limit.

        Raises NotSignedIn (the same for an unknown name and a wrong password), TooMany.
        """
        here, config, now = self._here, self._here.config, self._here.now()
        source = secrets.kept(address)
        with here.database.read() as session:
            self._within_limit(session, source, now)
            row = accounts.by_login(session, login[: passwords.LONGEST])
            kept = row.password_hash if row is not None and row.active else None
            if row is not None and row.locked_until is not None and row.locked_until > now:
                kept = None
        right = passwords.fits(kept, password[: passwords.LONGEST])  # 30 ms: outside of any transaction
        with here.database.write() as session:
            row = None if row is None else session.get(Account, row.account_id)
            if not right or row is None:
                session.add(SignInTry(source=source, at=now))
                if row is not None:
                    row.failed_sign_ins += 1
                    if row.failed_sign_ins >= config.lock_after:
                        row.failed_sign_ins, row.locked_until = 0, now + config.locked_for
                        here.note(session, row.account_id, "account.locked", row.account_id)
                    here.note(session, row.account_id, "sign_in.failed", row.account_id)
                answer = None
            else:
                row.failed_sign_ins, row.locked_until = 0, None
                if passwords.outdated(kept or ""):
                    row.password_hash = passwords.hashed(password)
                answer = self._open(session, row)
        if answer is None:
            raise NotSignedIn(WRONG)
        return answer

    def sign_in_oidc(self, claims: Mapping[str, object]) -> SignedIn:
        """A session for ID-token claims whose signature, issuer, audience and nonce were checked.

        The account is the one with this issuer and subject, else the one whose login is the verified e-mail address,
        which is then tied to the subject. Raises NotSignedIn when there is none.
        """
        subject = f"{claims.get('iss')}|{claims.get('sub')}"
        with self._here.database.write() as session:
            row = session.scalar(select(Account).where(Account.oidc_subject == subject))
            if row is None and claims.get("email") and claims.get("email_verified") is True:
                row = accounts.by_login(session, str(claims["email"]))
                if row is not None and row.oidc_subject is None:
                    row.oidc_subject = subject
                    self._here.note(session, row.account_id, "account.oidc_tied", row.account_id)
                elif row is not None:
                    row = None
            if row is None or not row.active:
                raise NotSignedIn("nobody at this desk has that identity", hint="An administrator can add you.")
            return self._open(session, row)

    def actor_of_session(self, secret: str) -> tuple[Actor, str]:
        """Who a session cookie stands for, and its CSRF token. Raises NotSignedIn."""
        now, config = self._here.now(), self._here.config
        with self._here.database.read() as session:
            found = session.execute(_SESSION, {"kept": secrets.kept(secret)}).one_or_none()
            if found is None:
                raise NotSignedIn(ENDED)
            row, account = found
            if row.ends_at <= now or row.seen_at + config.session_idle <= now or not account.active:
                raise NotSignedIn(ENDED)
            actor, stale = accounts.actor_of(account), now - row.seen_at > config.session_idle / 10
        if stale:
            with self._here.database.write() as session:
                again = session.get(SessionRow, secrets.kept(secret))
                if again is not None:
                    again.seen_at = now
        return actor, secrets.csrf_of(secret)

    def actor_of_token(self, secret: str) -> Actor:
        """Who a bearer token stands for. Raises NotSignedIn."""
        now = self._here.now()
        with self._here.database.read() as session:
            found = session.execute(_TOKEN, {"kept": secrets.kept(secret)}).one_or_none()
            if found is None or found[0].revoked_at is not None or found[0].ends_at <= now:
                raise NotSignedIn("the token is unknown, revoked or has ended")
            row, account = found
            if not account.active:
                raise NotSignedIn("the token's account is not in use")
            actor = accounts.actor_of(account, frozenset(cast("Scope", one) for one in row.scopes))
            stale = row.last_used_at is None or now - row.last_used_at > self._here.config.session_idle
            token_id = row.token_id
        if stale:
            with self._here.database.write() as session:
                again = session.get(TokenRow, token_id)
                if again is not None:
                    again.last_used_at = now
        return actor

    def sign_out(self, secret: str) -> None:
        """End the session."""
        with self._here.database.write() as session:
            row = session.get(SessionRow, secrets.kept(secret))
            if row is not None:
                self._here.note(session, row.account_id, "sign_out", row.account_id)
                session.delete(row)

    def change_password(self, actor: Actor, old: str, new: str) -> SignedIn:
        """Ends all other sessions and gives a new one. Raises Invalid, NotSignedIn."""
        with self._here.database.read() as session:
            row = accounts.account(session, actor.account_id)
            kept, login = row.password_hash, row.login
        if not passwords.fits(kept, old):
            raise NotSignedIn("the old password is wrong")
        if old == new:
            raise Invalid("the new password is the old one", (Problem("password", "same", "take another"),))
        passwords.check_new(new, login)
        hashed = passwords.hashed(new)
        with self._here.database.write() as session:
            row = accounts.account(session, actor.account_id)
            row.password_hash = hashed
            accounts.end_sessions(session, row.account_id)
            self._here.note(session, actor, "account.password", row.account_id)
            return self._open(session, row)

    def _open(self, session: Session, row: Account) -> SignedIn:
        now = self._here.now()
        secret = secrets.new_secret(self._here.random_bytes)
        ends_at = now + self._here.config.session
        session.execute(delete(SessionRow).where(SessionRow.ends_at <= now))
        session.add(
            SessionRow(
                secret_hash=secrets.kept(secret), account_id=row.account_id, made_at=now, seen_at=now, ends_at=ends_at
            )
        )
        self._here.note(session, row.account_id, "sign_in", row.account_id)
        return SignedIn(row.account_id, secret, secrets.csrf_of(secret), ends_at)

    def _within_limit(self, session: Session, source: str, now: datetime) -> None:
        config = self._here.config
        since = now - config.tries_window
        tries = session.scalar(
            select(func.count()).select_from(SignInTry).where(SignInTry.source == source, SignInTry.at > since)
        )
        if (tries or 0) >= config.tries_per_address:
            raise TooMany("too many failed tries from this address", retry_after_s=config.tries_window.total_seconds())
