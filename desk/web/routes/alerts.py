"""Alerts: what is open, one alert with its pictures, and what people do about it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Response

from desk.errors import Invalid
from desk.services.alerts import AlertDetail
from desk.web.charts import alerts as charts
from desk.web.charts.figure import Figure
from desk.web.figures import FileKind, figure_file
from desk.web.forms import text_of
from desk.web.labels import ALERT_STATUS
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router
from desk.web.words import Words

router = page_router()
Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
LIVE: Final = ("open", "acknowledged")


@router.get("/alerts")
def alerts(page: SignedInPage, status: str = "") -> Response:
    """Those that somebody should look at, then the others; or those of one status."""
    found = page.desk.alerts.alerts(page.person)
    counts = {one: sum(view.row.status == one for view in found) for one in ALERT_STATUS}
    wanted = [view for view in found if status not in ALERT_STATUS or view.row.status == status]
    return page.html(
        "alerts.html",
        live=[(view, page.desk.alerts.glance(page.person, view)) for view in wanted if view.row.status in LIVE],
        ended=[view for view in wanted if view.row.status not in LIVE],
        counts=counts,
        total=len(found),
        chosen=status if status in ALERT_STATUS else "",
        words=Words.of(page),
        change_in_words=charts.change_in_words,
    )


@router.get("/alerts/{key}")
def alert(page: SignedInPage, key: Key) -> Response:
    """One alert in full."""
    return _shown(page, key)


@router.get("/alerts/{key}/{name}.{kind}")
def figure(page: SignedInPage, key: Key, name: str, kind: FileKind) -> Response:
    """One of its figures as a file."""
    return figure_file(page, _figures(page, page.desk.alerts.alert(page.person, key), Words.of(page)), name, kind)


@router.post("/alerts/{key}/acknowledge")
def acknowledge(page: SignedInPage, key: Key, _form: Form) -> Response:
    """Somebody looks at it."""
    page.desk.alerts.acknowledge(page.person, key)
    return page.go(f"/alerts/{key}", "acknowledged")


@router.post("/alerts/{key}/resolve")
def resolve(page: SignedInPage, key: Key, form: Form) -> Response:
    """Done with, and why."""
    reason = text_of(form, "reason")
    try:
        page.desk.alerts.resolve(page.person, key, reason)
    except Invalid as error:
        return _shown(page, key, error, reason)
    return page.go(f"/alerts/{key}", "resolved")


def _shown(page: Page, key: str, refused: Invalid | None = None, reason: str = "") -> Response:
    detail, words = page.desk.alerts.alert(page.person, key), Words.of(page)
    return page.html(
        "alert.html",
        status=200 if refused is None else refused.status,
        detail=detail,
        view=detail.alert,
        figures=_figures(page, detail, words),
        words=words,
        change_in_words=charts.change_in_words,
        problems={one.field: one.code for one in refused.problems} if refused else {},
        reason=reason,
    )


def _figures(page: Page, detail: AlertDetail, words: Words) -> tuple[Figure, ...]:
    """Those that there is something to show in."""
    course = (charts.course(detail, page.speech),) if detail.course else ()
    drivers = (charts.drivers(detail, page.speech, words.criteria),) if detail.drivers else ()
    return course + drivers
