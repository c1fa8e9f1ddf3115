"""Requests to the pages without a server: an ASGI client, and forms filled with the page's own token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from desk.people.authorisation import Role
from desk.web.app import add_pages
from desk.web.settings import WebSettings
from tests.unit.desk_web.pretend import PretendDesk


@asynccontextmanager
async def client(desk: PretendDesk, role: Role | None = None, **web: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody with that role; None: nobody is signed in."""
    settings = WebSettings(csrf_key=b"k" * 32, **web)
    pretended: Any = desk
    app = add_pages(FastAPI(), pretended, settings)
    scheme = "https" if settings.https else "http"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://desk.example") as made:
        if role is not None:
            made.cookies.set("__Host-tafol-session" if settings.https else "tafol-session", f"secret-{role}")
        yield made


def form(role: Role, **fields: str) -> dict[str, str]:
    """A form with the token of that role's session."""
    return {"csrf": f"csrf-{role}", **fields}
