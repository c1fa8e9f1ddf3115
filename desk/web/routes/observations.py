"""Observations: planned, then recorded on the spot, also while the network is away."""

from __future__ import annotations

import uuid
from typing import Any, Final, Literal, get_args

from fastapi import Response
from fastapi.responses import FileResponse, JSONResponse

from desk.errors import Invalid, Problem
from desk.services.observations import ObservationRecord
from desk.views import Draft, ObservationForm
from desk.web.forms import SentDraft, moment_of, number_of, read_draft, text_of
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router
from desk.web.routes.tasks import form_values
from desk.web.templating import STATIC

router = page_router()
How = Literal["recorded_message", "spoken", "written", "sign"]
HOW: Final[tuple[How, ...]] = get_args(How)
SAID_ON_THE_SPOT: Final[tuple[How, ...]] = ("spoken", "sign", "written")


@router.get("/observations")
def observations(page: SignedInPage) -> Response:
    """What is planned, and what was recorded."""
    actor, service = page.person, page.desk.observations
    planned, recorded = service.planned(actor), service.recorded(actor)
    observers = page.desk.people.names([one.observer_id for one in planned if one.observer_id])
    return page.html("observations.html", planned=planned, recorded=recorded, observers=observers)


@router.get("/observations/plan")
def plan_page(page: SignedInPage) -> Response:
    """The form of a planned check."""
    return _plan(page, {}, {})


@router.post("/observations/plan")
def plan(page: SignedInPage, form: Form) -> Response:
    """Plan a routine check."""
    fields = ("colleague_id", "team_id", "site", "topic", "language", "scorecard_id", "place", "observer_id")
    sent = {name: text_of(form, name) for name in (*fields, "planned_for")}
    try:
        page.desk.observations.plan(
            page.person,
            colleague_id=sent["colleague_id"],
            team_id=sent["team_id"],
            site=sent["site"],
            topic=sent["topic"],
            language=sent["language"],
            scorecard_id=sent["scorecard_id"],
            place=sent["place"],
            planned_for=moment_of(form, "planned_for", page.speech.zone),
            observer_id=sent["observer_id"] or None,
        )
    except Invalid as error:
        return _plan(page, sent, {one.field: one.code for one in error.problems} or {"form": "unknown"})
    return page.go("/observations", "planned")


@router.get("/observations-worker.js")
def worker() -> Response:
    """The script that gives out the form while the network is away; from this address it may serve /observations."""
    return FileResponse(
        STATIC / "observations-worker.js", media_type="text/javascript", headers={"cache-control": "no-cache"}
    )


@router.post("/observations/{observation_id:path}/cancel")
def cancel(page: SignedInPage, observation_id: str, form: Form) -> Response:
    """It will not take place."""
    page.desk.observations.cancel(page.person, observation_id, text_of(form, "reason"))
    return page.go("/observations", "cancelled")


@router.get("/observations/{observation_id:path}/offline")
def observation_offline(page: SignedInPage, observation_id: str) -> Response:
    """The same screen for the device to keep: no names, no colleague, no token. What is written is added there."""
    view = page.desk.observations.form(page.person, observation_id)
    return _show(page, view, kept={"actor": None, "csrf": "", "offline": True})


@router.get("/observations/{observation_id:path}")
def observation(page: SignedInPage, observation_id: str) -> Response:
    """The observer's screen."""
    return _show(page, page.desk.observations.form(page.person, observation_id))


@router.post("/observations/{observation_id:path}")
def record(page: SignedInPage, observation_id: str, form: Form) -> Response:
    """Record it. The same `sent_id` again is answered as the first time, so a device may try until it hears."""
    # The form itself names its scorecard: asking for the observation would refuse one that is recorded already.
    card, version = text_of(form, "scorecard_id"), number_of(form, "scorecard_version")
    sent = read_draft(form, page.desk.scorecards.scorecard(page.person, card, version), page.desk.now())
    wants_json = page.request.headers.get("accept", "").startswith("application/json")
    try:
        page.desk.observations.record(page.person, observation_id, _record(page, form, sent))
    except Invalid as error:
        if wants_json:
            raise
        return _show(page, page.desk.observations.form(page.person, observation_id), form, sent, error)
    if wants_json:
        return JSONResponse({"recorded": True, "next": "/observations?said=recorded"})
    return page.go("/observations", "recorded")


def _record(page: Page, form: Form, sent: SentDraft) -> ObservationRecord:
    zone, draft = page.speech.zone, sent.checked()
    told_how = text_of(form, "told_how")
    how = next((one for one in HOW if one == told_how), None)
    if not text_of(form, "sent_id"):
        raise Invalid("no sent_id", (Problem("sent_id", "missing", "the form's own number is missing"),))
    return ObservationRecord(
        sent_id=text_of(form, "sent_id"),
        started_at=moment_of(form, "started_at", zone),
        ended_at=moment_of(form, "ended_at", zone),
        place=text_of(form, "place"),
        customer_told=how is not None,
        customer_told_how=how,
        colleague_told=bool(text_of(form, "colleague_told")),
        ratings=draft.ratings,
        strengths=draft.strengths,
        development_points=draft.development_points,
        transaction_id=text_of(form, "transaction_id") or None,
    )


def _show(
    page: Page,
    view: ObservationForm,
    form: Form | None = None,
    sent: SentDraft | None = None,
    refused: Invalid | None = None,
    *,
    kept: dict[str, Any] | None = None,
) -> Response:
    fields = {name: str(value) for name, value in form.items()} if form is not None else {}
    values = form_values(Draft(), sent, refused)
    values |= {"view": view, "sent": fields, "how": SAID_ON_THE_SPOT, "new_id": str(uuid.uuid4())}
    values |= kept or {}
    return page.html("observe.html", status=200 if refused is None else 422, **values)


def _plan(page: Page, sent: dict[str, str], problems: dict[str, str]) -> Response:
    actor, desk = page.person, page.desk
    cards = sorted({one.id for one in desk.scorecards.versions(actor) if one.state in ("holds", "later", "earlier")})
    observers = desk.people.workload(actor)
    status = 422 if problems else 200
    values = {"sent": sent, "problems": problems, "scorecards": cards, "observers": observers}
    return page.html("plan.html", status=status, **values)
