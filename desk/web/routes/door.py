"""The door: sign in by password or by the organisation's provider, sign out, choose the language."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from desk.errors import NotFound, NotSignedIn, TooMany
from desk.translations import LANGUAGES, N_
from desk.views import SignedIn
from desk.web.errors import error_words
from desk.web.forms import text_of
from desk.web.language import COOKIE, COOKIE_AGE_S
from desk.web.page import AnyPage, Form, Page
from desk.web.routes import page_router

router = page_router()
OIDC_COOKIE: Final = "tafol-oidc"
OIDC_COOKIE_AGE_S: Final = 600
WRONG: Final = N_("Name and password do not fit. Check both; after several tries you must wait a while.")


@router.get("/sign-in")
def sign_in_page(page: AnyPage) -> Response:
    """The form; somebody who is signed in already goes on."""
    target = _own_path(page.request.query_params.get("next", ""))
    if page.actor is not None:
        return page.go(target)
    return _form(page, target)


@router.post("/sign-in")
def sign_in(page: AnyPage, form: Form) -> Response:
    """A session for a name and a password. Any session the browser brought along is ended, never taken over."""
    target = _own_path(text_of(form, "next"))
    login = text_of(form, "login")
    password = form.get("password")
    address = page.request.client.host if page.request.client else ""
    try:
        session = page.desk.people.sign_in(login, password if isinstance(password, str) else "", address)
    except NotSignedIn:
        return _form(page, target, login=login, wrong=WRONG, status=401)
    except TooMany as error:
        words = error_words(error)
        response = _form(page, target, login=login, wrong=words.advice, status=429)
        response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        return response
    return _enter(page, session, target)


@router.post("/sign-out")
def sign_out(page: AnyPage, _form: Form) -> Response:
    """End the session, in the store too."""
    cookies = page.site.cookies
    secret = page.request.cookies.get(cookies.session)
    if secret:
        page.desk.people.sign_out(secret)
    response = page.go("/sign-in", "out")
    cookies.drop(response, cookies.session)
    return response


@router.get("/sign-in/oidc")
def oidc_begin(page: AnyPage) -> Response:
    """On to the organisation's provider."""
    door = page.site.web.oidc
    if door is None:
        raise NotFound("no provider is configured")
    url, kept = door.begin(_callback(page))
    response = RedirectResponse(url, status_code=303)
    page.site.cookies.put(response, OIDC_COOKIE, kept, max_age_s=OIDC_COOKIE_AGE_S)
    return response


@router.get("/sign-in/oidc/callback")
def oidc_finish(page: AnyPage) -> Response:
    """Back from the provider with a code."""
    door = page.site.web.oidc
    if door is None:
        raise NotFound("no provider is configured")
    kept = page.request.cookies.get(OIDC_COOKIE, "")
    try:
        claims = door.finish(str(page.request.url), kept, _callback(page))
        session = page.desk.people.sign_in_oidc(claims)
    except NotSignedIn:
        message = N_("Your organisation's sign-in did not work, or no account here belongs to it.")
        return _form(page, "/", wrong=message, status=401)
    response = _enter(page, session, "/")
    page.site.cookies.drop(response, OIDC_COOKIE)
    return response


@router.post("/language")
def choose_language(page: AnyPage, form: Form) -> Response:
    """Keep the language in a cookie, and with the account of somebody who is signed in."""
    wanted = text_of(form, "language")
    response = page.go(_own_path(text_of(form, "next")))
    if wanted in LANGUAGES:
        if page.actor is not None:
            page.desk.people.set_language(page.actor, "cy" if wanted == "cy" else "en")
        page.site.cookies.put(response, COOKIE, wanted, max_age_s=COOKIE_AGE_S)
    return response


def _form(page: Page, target: str, *, login: str = "", wrong: str = "", status: int = 200) -> Response:
    web = page.site.web
    values = {"target": target, "login": login, "wrong": wrong, "oidc": web.oidc, "demo": web.demo_accounts}
    return page.html("sign_in.html", status=status, **values)


def _enter(page: Page, session: SignedIn, target: str) -> Response:
    cookies = page.site.cookies
    old = page.request.cookies.get(cookies.session)
    if old:
        page.desk.people.sign_out(old)
    response = page.go(target)
    cookies.put(response, cookies.session, session.secret)
    cookies.drop(response, cookies.door)
    return response


def _callback(page: Page) -> str:
    request: Request = page.request
    base = page.site.web.public_url or str(request.base_url)
    return base.rstrip("/") + "/sign-in/oidc/callback"


def _own_path(wanted: str) -> str:
    """`wanted` when it is a path of this desk, else the home page: the door leads nowhere else."""
    plain = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if plain and not wanted.startswith("/sign-in") else "/"
