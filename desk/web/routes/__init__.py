"""The pages, a module for each. Every module has a `router`; handlers are plain `def` and run in threads."""

from __future__ import annotations

from fastapi import APIRouter

from desk.web.page import PageRoute


def page_router() -> APIRouter:
    """A router whose refusals are pages; pages are no part of the API's description."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)
