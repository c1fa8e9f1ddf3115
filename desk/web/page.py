"""One request for a page: who asks, in which language, and how it is answered.

`PageRoute` turns what the desk refuses into a page in plain words, so that handlers only say what goes well.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from desk.errors import DeskError, NotSignedIn
from desk.people.authorisation import Actor
from desk.services import Desk
from desk.translations import N_
from desk.web.errors import error_words
from desk.web.language import Speech, language_of, speech
from desk.web.security import (
    CSRF_FIELD,
    CSRF_HEADER,
    Cookies,
    DoorTokens,
    ForgedRequest,
    check_origin,
    new_door,
)
from desk.web.settings import WebSettings
from desk.web.templating import Templates
from schemas.errors import TafolError

MAX_FORM_BYTES = 8 * 1024 * 1024
"""An import of people is the largest form."""
MAX_FORM_FIELDS = 20_000
FORM_TYPE = "application/x-www-form-urlencoded"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Site:
    """What all requests share."""

    desk: Desk
    web: WebSettings
    cookies: Cookies
    door: DoorTokens
    templates: Templates
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the server is to end, so that live streams end before it waits for them."""


class TooLarge(DeskError):
    """A form that no page of ours sends."""

    status = 413
    code = "too_large"


@dataclass(frozen=True)
class Page:
    """One request. `actor` None: nobody is signed in."""

    site: Site
    request: Request
    speech: Speech
    actor: Actor | None
    csrf: str
    new_door: str | None = None
    """Set where the browser is to get the cookie that binds the sign-in form."""

    @property
    def desk(self) -> Desk:
        return self.site.desk

    @property
    def person(self) -> Actor:
        """Who is signed in. Raises NotSignedIn."""
        if self.actor is None:
            raise NotSignedIn("nobody is signed in")
        return self.actor

    def html(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The template with `values`; beside them it knows `page`, `actor`, `say`, `csrf` and `now`.

        `values` may name these too: a page to be kept on a device is made without `actor` and `csrf`.
        """
        text = self.site.templates.render(template, self, values)
        response = HTMLResponse(text, status_code=status)
        if self.new_door is not None:
            self.site.cookies.put(response, self.site.cookies.door, self.new_door)
        return response

    def go(self, path: str, said: str | None = None) -> RedirectResponse:
        """On to another page after a form. `said`: a key of `labels.SAID`, shown there once."""
        if said is not None:
            path += ("&" if "?" in path else "?") + f"said={said}"
        return RedirectResponse(path, status_code=303)

    def refuse(self, error: TafolError) -> Response:
        """The page for an error; a visitor goes to the sign-in page and comes back from there."""
        if isinstance(error, NotSignedIn) and self.request.url.path != "/sign-in":
            back = self.request.url.path if self.request.method == "GET" else "/"
            query = f"?{self.request.url.query}" if self.request.method == "GET" and self.request.url.query else ""
            return RedirectResponse("/sign-in?next=" + quote(back + query, safe="/"), status_code=303)
        words = error_words(error)
        response = self.html("error.html", status=words.status, words=words, error=error)
        if words.retry_after_s is not None:
            response.headers["retry-after"] = str(max(1, round(words.retry_after_s)))
        return response


def open_page(request: Request) -> Page:
    """The page of this request, signed in or not. Runs in a thread: it asks the store."""
    site: Site = request.app.state.site
    secret = request.cookies.get(site.cookies.session)
    if secret:
        try:
            actor, csrf = site.desk.people.actor_of_session(secret)
        except NotSignedIn:
            pass
        else:
            said = language_of(request, actor.language)
            return Page(site, request, speech(said, site.web.zone), actor, csrf)
    kept = request.cookies.get(site.cookies.door)
    door = kept or new_door()
    said = language_of(request)
    token = site.door.token(door)
    return Page(site, request, speech(said, site.web.zone), None, token, None if kept else door)


def signed_in(page: Annotated[Page, Depends(open_page)]) -> Page:
    """The page of somebody who is signed in. Raises NotSignedIn."""
    _ = page.person
    return page


async def read_form(request: Request, page: Annotated[Page, Depends(open_page)]) -> FormData:
    """The form that was sent, once its token and its origin are checked.

    Raises ForgedRequest, TooLarge. Only urlencoded forms are taken: no page of ours sends another kind.
    """
    check_origin(request)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge(N_("The form is too large."))
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    if body and kind != FORM_TYPE:
        raise ForgedRequest(N_("This form did not come from a page of the desk."))
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise TooLarge(N_("The form is too large.")) from None
    form = FormData([*pairs])
    sent = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD)
    if page.actor is None and page.new_door is not None:
        sent = None
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), page.csrf.encode()):
        if page.actor is None and request.url.path != "/sign-in":
            raise NotSignedIn("the session has ended")
        raise ForgedRequest(N_("This form is out of date."), hint=N_("Go back, load the page again and send it."))
    return form


AnyPage = Annotated[Page, Depends(open_page)]
SignedInPage = Annotated[Page, Depends(signed_in)]
Form = Annotated[FormData, Depends(read_form)]


class PageRoute(APIRoute):
    """A route whose refusals are pages, or JSON for our own scripts."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_plain_words(request: Request) -> Response:
            try:
                return await handle(request)
            except TafolError as error:
                if not isinstance(error, DeskError):
                    log.warning("page refused: %s", type(error).__name__)
                return await run_in_threadpool(_refused, request, error)

        return handle_in_plain_words


def _refused(request: Request, error: TafolError) -> Response:
    page = open_page(request)
    if request.headers.get("accept", "").startswith("application/json"):
        return error_words(error).as_json(page.speech)
    return page.refuse(error)
