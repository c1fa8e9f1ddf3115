"""Coverage and the audit trail: whether the numbers add up, and who did what."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from desk.web import labels
from desk.web.charts import coverage as charts
from desk.web.charts.figure import Figure
from desk.web.figures import FileKind, figure_file
from desk.web.page import Page, SignedInPage
from desk.web.routes import page_router
from sinks.queries.coverage import Coverage

router = page_router()
AUDIT_ROWS: Final = 100


@router.get("/coverage")
def coverage(page: SignedInPage) -> Response:
    """What became of everything that was read."""
    found = page.desk.coverage.coverage(page.person)
    return page.html("coverage.html", found=found, figures=_figures(page, found))


@router.get("/coverage/{name}.{kind}")
def coverage_figure(page: SignedInPage, name: str, kind: FileKind) -> Response:
    """One of its figures as a file."""
    return figure_file(page, _figures(page, page.desk.coverage.coverage(page.person)), name, kind)


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


def _figures(page: Page, found: Coverage) -> tuple[Figure, ...]:
    say = page.speech
    channels = {code: say.gettext(words) for code, words in labels.CHANNEL.items()}
    return (
        charts.funnel(found, say),
        charts.response(found, say, channels),
        charts.left_out(found, say, labels.LEFT_OUT | labels.CHANNEL),
    )
