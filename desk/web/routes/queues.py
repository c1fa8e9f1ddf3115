"""Queues: what there is to do, the next item, and the live signal that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from desk.people.authorisation import require
from desk.views import QueueSummary
from desk.web.forms import text_of
from desk.web.page import Form, Page, SignedInPage, signed_in
from desk.web.routes import page_router

router = page_router()
STREAM_S: Final = 300.0
"""A live stream ends after this long; the browser comes back, and its session is looked at again."""
QUIET_S: Final = 15.0
"""A comment goes out after this long without news, so that proxies keep the stream open."""


@router.get("/queues")
def queues(page: SignedInPage) -> Response:
    """All queues with work."""
    return page.html("queues.html", **_lists(page))


@router.get("/queues/part")
def queues_part(page: SignedInPage) -> Response:
    """The part of the queues page that changes."""
    return page.html("parts/queues.html", **_lists(page))


@router.post("/queues/next")
def take_next(page: SignedInPage, form: Form) -> Response:
    """The next item of a queue, or of the most pressing queue that has one."""
    actor, service = page.person, page.desk.queues
    named = text_of(form, "queue")
    wanted = (named,) if named else tuple(one.queue for one in _pressing(page))
    for queue in wanted:
        view = service.claim_next(actor, queue)
        if view is not None:
            return page.go(f"/tasks/{view.task.number}")
    return page.go("/queues", "nothing")


@router.get("/live")
async def live(request: Request, page: Annotated[Page, Depends(signed_in)]) -> StreamingResponse:
    """Server-sent events: `changed` whenever a queue changes."""
    require(page.person, "queue.list")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_news(request, page), media_type="text/event-stream", headers=headers)


async def _news(request: Request, page: Page) -> AsyncIterator[str]:
    every_s = page.site.web.live_poll_s
    known = await run_in_threadpool(page.desk.queues.version)
    yield f"retry: 2000\nid: {known}\n\n"
    last_id = request.headers.get("last-event-id", known)
    quiet_s = 0.0
    for _ in range(max(1, round(STREAM_S / every_s))):
        if page.site.closing.is_set():
            return
        if known != last_id:
            yield f"event: changed\nid: {known}\ndata: {{}}\n\n"
            last_id, quiet_s = known, 0.0
        elif quiet_s >= QUIET_S:
            yield ": quiet\n\n"
            quiet_s = 0.0
        await asyncio.sleep(every_s)
        quiet_s += every_s
        known = await run_in_threadpool(page.desk.queues.version)


def _pressing(page: Page) -> list[QueueSummary]:
    """Queues with work for this person: one they hold an item of first, then by what is due first."""
    mine = [one for one in page.desk.queues.queues(page.person) if one.ready or one.mine]
    return sorted(mine, key=lambda one: (one.mine == 0, one.next_due_at or page.desk.now()))


def _lists(page: Page) -> dict[str, Any]:
    actor, service = page.person, page.desk.queues
    return {"queues": service.queues(actor), "mine": service.mine(actor) if actor.may("task.work") else ()}
