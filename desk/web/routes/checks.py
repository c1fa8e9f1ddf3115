"""Spot checks: ask for one, and see how those that were asked for stand."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final, get_args

from fastapi import Response

from desk.errors import Invalid, Problem
from desk.people.authorisation import require
from desk.rules.checks import MOST, Pick, begins_at
from desk.web.forms import number_of, text_of
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router

router = page_router()
SPANS_MINUTES: Final = (60, 240, 480, 1440, 2880, 10_080)
"""How long a check may look out: from an hour to a week."""
USUAL_SPAN_MINUTES: Final = 240
ABOUT: Final = ("colleague_id", "team_id", "channel")


@router.get("/checks")
def checks(page: SignedInPage) -> Response:
    """What was asked for, and how it stands."""
    return page.html("checks.html", checks=page.desk.checks.checks(page.person))


@router.get("/checks/ask")
def ask_page(page: SignedInPage, colleague: str = "", team: str = "", channel: str = "") -> Response:
    """The form of a spot check."""
    require(page.person, "check.ask")
    return _form(page, {"colleague_id": colleague, "team_id": team, "channel": channel}, {})


@router.post("/checks/ask")
def ask(page: SignedInPage, form: Form) -> Response:
    """Ask for it. The form's own number lets a second press find the check of the first."""
    sent = {name: text_of(form, name) for name in (*ABOUT, "n", "within", "pick", "reason", "check_id")}
    try:
        page.desk.checks.ask(
            page.person,
            sent["check_id"],
            about={name: sent[name] for name in ABOUT},
            n=number_of(form, "n"),
            within=timedelta(minutes=_within_bounds(number_of(form, "within"))),
            pick=_pick(sent["pick"]),
            reason=sent["reason"],
        )
    except Invalid as error:
        return _form(page, sent, {one.field: one.code for one in error.problems})
    return page.go("/checks", "check_asked")


def _pick(sent: str) -> Pick:
    known: tuple[Pick, ...] = get_args(Pick)
    found = next((one for one in known if one == sent), None)
    if found is None:
        raise Invalid("next or random", (Problem("pick", "missing", "next or random is wanted"),))
    return found


def _within_bounds(minutes: int) -> int:
    """What a timedelta can hold; the rule says what is allowed."""
    return max(0, min(minutes, 10_000_000))


def _form(page: Page, sent: dict[str, str], problems: dict[str, str]) -> Response:
    values = {
        "sent": {"n": "1", "within": str(USUAL_SPAN_MINUTES), "pick": "next", **sent},
        "problems": problems,
        "colleagues": page.desk.checks.colleagues(page.person),
        "spans": SPANS_MINUTES,
        "most": MOST,
        "begins_at": begins_at(page.desk.now()),
        "new_id": sent.get("check_id") or f"spot-{uuid.uuid4().hex}",
    }
    return page.html("check_ask.html", status=422 if problems else 200, **values)
