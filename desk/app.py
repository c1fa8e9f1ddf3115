"""The application: the API and the pages of one desk, and what holds for both."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.api import routes
from desk.outbox import waiting
from desk.services import Desk
from desk.web.app import add_pages
from desk.web.settings import WebSettings

MAX_BODY_BYTES: Final = 12_000_000
"""An import of people is the largest thing that anybody sends."""


class BodyTooLarge(Exception):
    """More was sent than is taken."""


class BodyLimit:
    """Refuses bodies that are too large, by what they say of themselves and by what comes."""

    def __init__(self, app: ASGIApp, limit_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = self._limit_bytes
        started = False

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise BodyTooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        refused = JSONResponse({"code": "too_large", "message": "the body is too large"}, 413)
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) > self._limit_bytes:
            await refused(scope, receive, send)
            return
        try:
            await self._app(scope, counted, watched)
        except BodyTooLarge:
            if not started:
                await refused(scope, receive, send)


def create_app(desk: Desk, web: WebSettings) -> FastAPI:
    """API under /api/v1, pages elsewhere, /healthz and /readyz for machines."""
    app = FastAPI(
        title="Tafol review desk",
        version="1",
        description=routes.__doc__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.desk = desk
    app.include_router(routes.api)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> JSONResponse:
        return JSONResponse({"ok": True})

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> JSONResponse:
        with desk.here.database.read() as session:
            return JSONResponse({"ok": True, "outbox_waiting": waiting(session)})

    app.add_middleware(BodyLimit)  # inside the security headers, which its answer needs too
    add_pages(app, desk, web)
    return app
