"""One task: the form beside the evidence, its drafts and its lease, and the ways in which it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from desk.errors import Conflict, Invalid, LeaseLost, TaskClosed
from desk.views import Draft, FormView, Preview
from desk.web import labels
from desk.web.errors import error_words
from desk.web.forms import SentDraft, number_of, read_draft, text_of, write_marks
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router
from schemas.scorecard import ERROR_CLASSES, CriticalRule

router = page_router()


@router.get("/tasks/{number}")
def task(page: SignedInPage, number: int) -> Response:
    """The form for who holds the task; for who may see all, the task as it stands."""
    return _show(page, page.desk.queues.form(page.person, number))


@router.post("/tasks/{number}/claim")
def claim(page: SignedInPage, number: int, _form: Form) -> Response:
    """This very task."""
    return page.go(f"/tasks/{page.desk.queues.claim(page.person, number).task.number}")


@router.post("/tasks/{number}/draft")
def save_draft(page: SignedInPage, number: int, form: Form) -> Response:
    """Keep the form as it is: JSON for the page's script, the page again for a button."""
    sent = _sent(page, form)
    saved, preview = page.desk.queues.save_draft(page.person, number, number_of(form, "token"), sent.draft)
    if page.request.headers.get("accept", "").startswith("application/json"):
        saved_at = saved.saved_at or page.desk.now()
        return JSONResponse({"saved_at": page.speech.hour(saved_at), "preview": _preview_fields(page, preview)})
    return page.go(f"/tasks/{number}", "saved")


@router.post("/tasks/{number}/heartbeat")
def heartbeat(page: SignedInPage, number: int, form: Form) -> Response:
    """Prolong the lease; for the page's script, or by a button."""
    lease = page.desk.queues.heartbeat(page.person, number, number_of(form, "token"))
    if page.request.headers.get("accept", "").startswith("application/json"):
        left_s = (lease.ends_at - page.desk.now()).total_seconds()
        return JSONResponse({"left_s": left_s, "every_s": lease.heartbeat_every_s})
    return page.go(f"/tasks/{number}")


@router.post("/tasks/{number}/submit")
def submit(page: SignedInPage, number: int, form: Form) -> Response:
    """Submit the review; what is missing is shown beside its criterion, and a lost lease keeps every word."""
    sent = _sent(page, form)
    token = number_of(form, "token")
    try:
        page.desk.queues.submit(page.person, number, token, sent.checked())
    except Invalid as error:
        if sent.problems:
            page.desk.queues.save_draft(page.person, number, token, sent.draft)
        return _show(page, page.desk.queues.form(page.person, number), sent, error)
    except (LeaseLost, TaskClosed) as error:
        return page.html("lost.html", status=error.status, words=error_words(error), draft=sent.draft, number=number)
    return page.go("/queues", "submitted")


@router.post("/tasks/{number}/skip")
def skip(page: SignedInPage, number: int, form: Form) -> Response:
    """End the task without a review, with a reason."""
    reason = text_of(form, "reason")
    # Reasons are kept in English whichever language the page spoke, so that they can be counted.
    reason = labels.SKIP_REASONS[int(reason)] if reason.isdigit() and int(reason) < len(labels.SKIP_REASONS) else ""
    words = ": ".join(part for part in (reason, text_of(form, "words")) if part)
    page.desk.queues.skip(page.person, number, number_of(form, "token"), words)
    return page.go("/queues", "skipped")


@router.post("/tasks/{number}/return")
def give_back(page: SignedInPage, number: int, form: Form) -> Response:
    """Back to its queue; the draft stays with this person."""
    page.desk.queues.give_back(page.person, number, number_of(form, "token"))
    return page.go("/queues", "returned")


@router.post("/tasks/{number}/reassign")
def reassign(page: SignedInPage, number: int, form: Form) -> Response:
    """Keep it for one reviewer, or give it free for all."""
    to = text_of(form, "to") or None
    page.desk.queues.reassign(page.person, number, to, text_of(form, "reason"))
    return page.go(f"/tasks/{number}", "reassigned")


@router.post("/tasks/{number}/override")
def override(page: SignedInPage, number: int, form: Form) -> Response:
    """A supervisor's word, with a reason."""
    what, reason = text_of(form, "what"), text_of(form, "reason")
    service = page.desk.queues
    if what == "priority":
        service.override(page.person, number, "priority", reason, priority=number_of(form, "priority"))
    elif what == "end_lease":
        service.override(page.person, number, "end_lease", reason)
    elif what == "withdraw":
        service.override(page.person, number, "withdraw", reason)
    else:
        raise Conflict(f"there is no such override: {what[:20]!r}")
    return page.go(f"/tasks/{number}", "changed")


def _sent(page: Page, form: Form) -> SentDraft:
    """The form as its scorecard reads it. The page names the scorecard; services hold it against the task's own."""
    card, version = text_of(form, "scorecard_id"), number_of(form, "scorecard_version")
    return read_draft(form, page.desk.scorecards.scorecard(page.person, card, version), page.desk.now())


def _show(page: Page, view: FormView, sent: SentDraft | None = None, refused: Invalid | None = None) -> Response:
    if view.lease is None:
        people = page.desk.people.workload(page.person) if page.person.may("task.reassign") else ()
        return page.html("task.html", view=view, people=people)
    values: dict[str, Any] = {
        "view": view,
        "rules": {one: _rule_fields(view.scorecard.critical_rule(one)) for one in ERROR_CLASSES},
        "left_s": max(0.0, (view.lease.ends_at - page.desk.now()).total_seconds()),
        **form_values(view.draft, sent, refused),
    }
    return page.html("review.html", status=200 if refused is None else 422, **values)


def form_values(draft: Draft, sent: SentDraft | None, refused: Invalid | None) -> dict[str, Any]:
    """What the criteria's part of a form shows: ratings and evidence by criterion, problems by field."""
    shown = draft if sent is None else sent.draft
    marks: Mapping[str, str] = {one.criterion: write_marks(one.marks) for one in draft.ratings}
    return {
        "draft": shown,
        "ratings": {one.criterion: one for one in shown.ratings},
        "marks": marks if sent is None else sent.marks,
        "problems": {} if refused is None else {one.field: one.code for one in refused.problems},
    }


def _rule_fields(rule: CriticalRule) -> dict[str, Any]:
    return {"effect": rule.effect, "cap": rule.cap_0_100}


def _preview_fields(page: Page, preview: Preview) -> dict[str, Any]:
    return {
        "total": preview.total_0_100,
        "shown": page.speech.score(preview.total_0_100),
        "rated": preview.rated,
        "missing": list(preview.missing),
        "critical": [page.speech.label(labels.ERROR_CLASS, one) for one in preview.critical_errors],
    }
