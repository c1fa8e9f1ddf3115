"""The pages as part of an application: routes, static files, headers, and words for what goes wrong."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import Scope

from desk.services import Desk
from desk.web.errors import ErrorWords, status_words
from desk.web.page import Site, open_page
from desk.web.routes import (
    account,
    alerts,
    checks,
    door,
    home,
    observations,
    people,
    queues,
    records,
    registers,
    reviews,
    tasks,
    trends,
    work,
)
from desk.web.security import Cookies, DoorTokens, SecurityHeaders, security_headers
from desk.web.settings import WebSettings
from desk.web.templating import STATIC, Templates

API_PREFIX: Final = "/api/"
MODULES: Final = (
    home, door, queues, tasks, reviews, work, checks, alerts, trends, people, account, observations, records, registers,
)  # fmt: skip
"""In this order: the registers' addresses begin with a parameter and come last."""
log = logging.getLogger(__name__)


class RevalidatedFiles(StaticFiles):
    """Static files that a browser keeps, and asks about each time: a new version of the desk shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def add_pages(app: FastAPI, desk: Desk, web: WebSettings) -> FastAPI:
    """Give `app` the pages of `desk`. What answers under /api/ keeps its own errors."""
    app.state.site = Site(desk, web, Cookies(secure=web.https), DoorTokens(web.csrf_key), Templates())
    app.mount("/static", RevalidatedFiles(directory=STATIC), name="static")
    for module in MODULES:
        app.include_router(module.router)
    headers = security_headers(https=web.https, media_hosts=web.media_hosts)
    app.add_middleware(SecurityHeaders, headers=headers)

    @app.exception_handler(HTTPException)
    async def in_plain_words(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith(API_PREFIX):
            return await http_exception_handler(request, error)
        return await run_in_threadpool(_page, request, status_words(error.status_code))

    @app.exception_handler(RequestValidationError)
    async def not_an_address(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith(API_PREFIX):
            return await request_validation_exception_handler(request, error)
        return await run_in_threadpool(_page, request, status_words(404))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        log.error("%s %s failed: %s", request.method, request.scope.get("path", ""), type(error).__name__)
        if request.url.path.startswith(API_PREFIX):
            body = {"code": "broken", "message": "something went wrong on the desk's side"}
            return JSONResponse(body, 500, headers)
        response = await run_in_threadpool(_page, request, status_words(500))
        # Starlette answers a crash outside of all middleware.
        response.headers.update(headers)
        return response

    return app


def _page(request: Request, words: ErrorWords) -> Response:
    page = open_page(request)
    return page.html("error.html", status=words.status, words=words, error=None)
