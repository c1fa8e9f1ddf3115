"""Coverage and the audit trail: whether the numbers add up, and who did what."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from desk.people.authorisation import require
from desk.web.page import SignedInPage
from desk.web.routes import page_router
from schemas.errors import TafolError
from sinks.queries import Coverage

router = page_router()
AUDIT_ROWS: Final = 100


@router.get("/coverage")
def coverage(page: SignedInPage) -> Response:
    """What became of everything that was read, from the analytics store."""
    require(page.person, "coverage.see")
    ask = page.site.web.coverage
    found: Coverage | None = None
    away = ask is None
    if ask is not None:
        try:
            found = ask()
        except TafolError:
            away = True
    return page.html("coverage.html", found=found, connected=ask is not None, away=away)


@router.get("/audit")
def audit(
    page: SignedInPage, subject: str = "", actor_id: str = "", before: int | None = None, verify: bool = False
) -> Response:
    """The trail, latest first, and on demand its verification."""
    service, who = page.desk.audit, page.person
    entries = service.entries(who, subject=subject or None, actor_id=actor_id or None, before_seq=before)
    names = page.desk.people.names(sorted({one.actor_id for one in entries}))
    return page.html(
        "audit.html",
        entries=entries,
        names=names,
        subject=subject,
        actor_id=actor_id,
        check=service.verify(who) if verify else None,
        more=entries[-1].seq if len(entries) == AUDIT_ROWS else None,
    )
