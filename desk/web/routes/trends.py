"""Trend pages: quality over time, by criterion, its errors and its spread, colleagues, and what changed.

The address says everything: filters are a form that is sent by GET, so a page can be kept, sent on and printed, and its
pictures and tables are asked for with the same words.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlencode

from fastapi import Response
from starlette.datastructures import QueryParams

from desk.services.trends import BYS, EVERIES, LONGEST, MOST_PERIODS, By, Every, Filters
from desk.web import labels
from desk.web.charts import comparisons
from desk.web.charts import trends as charts
from desk.web.charts.figure import Figure
from desk.web.charts.plots import Moment
from desk.web.charts.trends import Shown
from desk.web.figures import FileKind, figure_file
from desk.web.page import Page, SignedInPage
from desk.web.routes import page_router
from desk.web.words import Words

router = page_router()
View = Literal["time", "errors", "criteria", "colleagues", "change"]
DIMENSIONS: Final = {
    "channel": "channels",
    "site": "sites",
    "team": "teams",
    "colleague": "colleagues",
    "topic": "topics",
    "language": "languages",
    "scorecard": "scorecards",
}
"""Name in the address to field of Values."""
USUAL_BY: Final[dict[View, By]] = {
    "time": "all",
    "errors": "all",
    "criteria": "all",
    "colleagues": "colleague",
    "change": "topic",
}
"""What a view is by unless the address says otherwise. Colleagues and changes are always by something."""
LONGEST_VALUE: Final = 128
DAYS_OF: Final = {"day": 1, "week": 7, "month": 28, "quarter": 90}


@router.get("/trends")
def over_time(page: SignedInPage) -> Response:
    """Quality over time, and what the numbers rest on."""
    return _view(page, "time")


@router.get("/trends/{view}")
def one_view(page: SignedInPage, view: View) -> Response:
    """One of the views."""
    return _view(page, view)


@router.get("/trends/{view}/{name}.{kind}")
def figure(page: SignedInPage, view: View, name: str, kind: FileKind) -> Response:
    """A figure of a view as a file."""
    return figure_file(page, _figures(page, view, _filters(page, view), Words.of(page)), name, kind)


def _view(page: Page, view: View) -> Response:
    filters, words = _filters(page, view), Words.of(page)
    choices = page.desk.trends.choices(page.person, filters)
    figures = _figures(page, view, filters, words)
    return page.html(
        "trends.html",
        view=view,
        views={
            code: text
            for code, text in labels.TREND_VIEW.items()
            if code != "colleagues" or page.person.may("trend.see")
        },
        filters=filters,
        last_day=filters.to_day - timedelta(days=1),
        bys=_bys(page, view),
        everies=EVERIES,
        dimensions={
            name: (getattr(choices, field), getattr(filters, field))
            for name, field in DIMENSIONS.items()
            if getattr(choices, field) or getattr(filters, field)
        },
        figures=figures,
        query=urlencode(_pairs(filters)),
        elsewhere=urlencode(_unusual(page, view, filters)),
        words=words,
    )


def _figures(page: Page, view: View, filters: Filters, words: Words) -> tuple[Figure, ...]:
    service, who = page.desk.trends, page.person
    shown = Shown(page.speech, filters.every, lambda group: words.value(filters.by, group))
    if view == "errors":
        named = {code: page.speech.gettext(text) for code, text in labels.FREE_OF.items()}
        return (
            charts.accuracy(service.accuracy(who, filters), shown, named),
            charts.distribution(service.distribution(who, filters), shown),
        )
    if view == "criteria":
        return (charts.criteria(service.criteria(who, filters), shown, words.criteria_by_id),)
    if view == "colleagues":
        verdicts = {code: page.speech.gettext(text) for code, text in labels.VERDICT.items()}
        found = service.league(who, filters)
        return (comparisons.standings(found, page.speech, lambda group: words.value(filters.by, group), verdicts),)
    if view == "change":
        changed = service.changed(who, filters)
        return (
            comparisons.change(changed, filters, page.speech),
            comparisons.drivers(changed, page.speech, words.criteria_by_id),
            comparisons.parts(changed, page.speech, lambda group: words.value(filters.by, group)),
        )
    overall = service.overall(who, filters)
    marks = _marks(page, filters, words)
    return (
        charts.over_time(service.over_time(who, filters), marks, overall, shown),
        charts.funnel(overall, shown),
    )


def _marks(page: Page, filters: Filters, words: Words) -> list[Moment]:
    """Alerts of the groups that are shown, or of the one group that the filters leave."""
    if not page.person.may("alert.see"):
        return []
    chosen = {name: values for name, field in DIMENSIONS.items() if (values := getattr(filters, field))}
    marks = []
    for view in page.desk.alerts.alerts(page.person):
        since = view.row.since.astimezone(page.speech.zone).date()
        if len(view.series) != 1 or not filters.from_day <= since < filters.to_day:
            continue
        ((dimension, value),) = view.series.items()
        words_of_mark = page.speech.gettext("alert")
        if dimension == filters.by:
            marks.append(Moment(words.value(dimension, value), since, words_of_mark))
        elif filters.by == "all" and chosen == {dimension: (value,)}:
            marks.append(Moment("", since, words_of_mark))
    return marks


def _filters(page: Page, view: View) -> Filters:
    """What the address asks for. What it says wrongly is taken as not said: there is nothing to lose by a look."""
    asked = page.request.query_params
    usual_from, usual_to = _usual_days(page, view)
    from_day = _day(asked, "from") or usual_from
    last = _day(asked, "to")
    to_day = usual_to if last is None else last + timedelta(days=1)
    if not from_day < to_day <= from_day + LONGEST:
        from_day, to_day = usual_from, usual_to
    every: Every = next((one for one in EVERIES if one == asked.get("every")), "week")
    while (to_day - from_day).days > MOST_PERIODS * DAYS_OF[every]:
        every = EVERIES[EVERIES.index(every) + 1]
    chosen: dict[str, Any] = {field: _values(asked, name) for name, field in DIMENSIONS.items()}
    by = next((one for one in _bys(page, view) if one == asked.get("by")), USUAL_BY[view])
    return Filters(from_day, to_day, by, every, **chosen)


def _unusual(page: Page, view: View, filters: Filters) -> list[tuple[str, str]]:
    """What the other views are asked with: not what is merely usual for this one."""
    usual_from, usual_to = _usual_days(page, view)
    usual = set(_pairs(Filters(usual_from, usual_to, USUAL_BY[view])))
    return [pair for pair in _pairs(filters) if pair not in usual]


def _usual_days(page: Page, view: View) -> tuple[date, date]:
    return page.desk.trends.latest_days() if view == "change" else page.desk.trends.default_days()


def _bys(page: Page, view: View) -> tuple[By, ...]:
    seen: tuple[By, ...] = BYS if page.person.may("trend.see") else ("all", "channel", "topic", "language")
    return tuple(one for one in seen if one != "all" or USUAL_BY[view] == "all")


def _pairs(filters: Filters) -> list[tuple[str, str]]:
    pairs = [
        ("from", filters.from_day.isoformat()),
        ("to", (filters.to_day - timedelta(days=1)).isoformat()),
        ("by", filters.by),
        ("every", filters.every),
    ]
    return pairs + [(name, value) for name, field in DIMENSIONS.items() for value in getattr(filters, field)]


def _day(asked: QueryParams, name: str) -> date | None:
    try:
        found = date.fromisoformat(asked.get(name, ""))
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(2200, 1, 1) else None


def _values(asked: QueryParams, name: str) -> tuple[str, ...]:
    sent = (value.strip() for value in asked.getlist(name))
    return tuple(sorted({value for value in sent if 0 < len(value) <= LONGEST_VALUE}))
