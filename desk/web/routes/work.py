"""The supervisor's view of the work: open items, what is overdue, and who does how much."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from desk.web.page import SignedInPage
from desk.web.routes import page_router

router = page_router()
PAGE_ROWS: Final = 50


@router.get("/work")
def work(page: SignedInPage, queue: str = "", overdue: bool = False, start: int = 0) -> Response:
    """Open items in the order in which they are given out."""
    actor, service = page.person, page.desk.queues
    start = max(0, start)
    # One more than is shown tells whether there is a next page.
    found = service.tasks(actor, queue=queue or None, overdue=overdue, limit=PAGE_ROWS + 1, offset=start)
    return page.html(
        "work.html",
        tasks=found[:PAGE_ROWS],
        more=start + PAGE_ROWS if len(found) > PAGE_ROWS else None,
        start=start,
        queue=queue,
        overdue=overdue,
        queues=service.queues(actor),
    )


@router.get("/workload")
def workload(page: SignedInPage) -> Response:
    """Who holds and has done how much."""
    return page.html("workload.html", people=page.desk.people.workload(page.person))
