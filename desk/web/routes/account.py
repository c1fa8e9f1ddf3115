"""One's own account: password, absences, tokens for tools."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import Response

from desk.errors import Invalid, NotSignedIn
from desk.people.authorisation import Scope
from desk.views import IssuedToken
from desk.web.forms import number_of, text_of, texts_of
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router

router = page_router()


@router.get("/account")
def account(page: SignedInPage) -> Response:
    """What the desk knows of the person who looks."""
    return _show(page)


@router.post("/account/password")
def password(page: SignedInPage, form: Form) -> Response:
    """A new password ends every other session and begins a new one here."""
    old, new = form.get("old"), form.get("new")
    try:
        session = page.desk.people.change_password(page.person, str(old or ""), str(new or ""))
    except NotSignedIn:
        return _show(page, status=422, problems={"old": "wrong"})
    except Invalid as error:
        return _show(page, status=422, problems={one.field: one.code for one in error.problems} or {"new": "weak"})
    response = page.go("/account", "password")
    page.site.cookies.put(response, page.site.cookies.session, session.secret)
    return response


@router.post("/account/tokens")
def issue_token(page: SignedInPage, form: Form) -> Response:
    """A token for a tool; its secret is on this answer and nowhere else."""
    wanted = texts_of(form, "scope")
    known: tuple[Scope, ...] = get_args(Scope)
    scopes = tuple(scope for scope in known if scope in wanted)
    try:
        issued = page.desk.people.issue_token(page.person, text_of(form, "name"), scopes)
    except Invalid as error:
        problems = {one.field: one.code for one in error.problems} or {"name": "missing"}
        return _show(page, status=422, problems=problems)
    return _show(page, issued=issued)


@router.post("/account/tokens/revoke")
def revoke_token(page: SignedInPage, form: Form) -> Response:
    """The token no longer opens anything."""
    page.desk.people.revoke_token(page.person, number_of(form, "token_id"))
    return page.go("/account", "changed")


def _show(
    page: Page, *, status: int = 200, problems: dict[str, str] | None = None, issued: IssuedToken | None = None
) -> Response:
    actor, service = page.person, page.desk.people
    values: dict[str, Any] = {
        "me": service.me(actor),
        "absences": service.absences(actor, actor.account_id) if actor.may("absence.own") else (),
        "tokens": service.tokens(actor) if actor.may("token.own") else (),
        "scopes": get_args(Scope),
        "problems": problems or {},
        "issued": issued,
    }
    return page.html("account.html", status=status, **values)
