"""Scorecards and sampling frames: see, propose, agree, put in force."""

from __future__ import annotations

from typing import Literal

from fastapi import Response

from desk.errors import Invalid
from desk.people.authorisation import require
from desk.views import RegisterVersion
from desk.web.forms import text_of
from desk.web.page import Form, SignedInPage
from desk.web.routes import page_router

router = page_router()
Kind = Literal["scorecards", "frames"]


@router.get("/scorecards")
def scorecards(page: SignedInPage) -> Response:
    """All versions."""
    return page.html("registers.html", kind="scorecards", versions=page.desk.scorecards.versions(page.person))


@router.get("/scorecards/{register_id}/{version}")
def scorecard(page: SignedInPage, register_id: str, version: int) -> Response:
    """The form as reviewers will see it."""
    view = page.desk.scorecards.scorecard(page.person, register_id, version)
    entry = _entry(page.desk.scorecards.versions(page.person), register_id, version)
    return page.html("scorecard.html", scorecard=view, entry=entry)


@router.get("/frames")
def frames(page: SignedInPage) -> Response:
    """All versions."""
    return page.html("registers.html", kind="frames", versions=page.desk.frames.versions(page.person))


@router.get("/frames/{register_id}/{version}")
def frame(page: SignedInPage, register_id: str, version: int) -> Response:
    """One frame in words and tables, without its seed."""
    view = page.desk.frames.frame(page.person, register_id, version)
    return page.html("frame.html", view=view, frame=view.frame, entry=view.version)


@router.get("/{kind}/propose")
def propose_page(page: SignedInPage, kind: Kind) -> Response:
    """Where the YAML of a new version is pasted."""
    require(page.person, "register.propose")
    return page.html("propose.html", kind=kind, text="", problems=())


@router.post("/{kind}/propose")
def propose(page: SignedInPage, kind: Kind, form: Form) -> Response:
    """A new version, to be agreed."""
    text = text_of(form, "yaml")
    service = page.desk.scorecards if kind == "scorecards" else page.desk.frames
    try:
        made = service.propose(page.person, text)
    except Invalid as error:
        return page.html("propose.html", status=422, kind=kind, text=text, problems=error.problems)
    return page.go(f"/{kind}/{made.id}/{made.version}", "proposed")


@router.post("/{kind}/{register_id}/{version}/agree")
def agree(page: SignedInPage, kind: Kind, register_id: str, version: int, _form: Form) -> Response:
    """This named person agrees."""
    service = page.desk.scorecards if kind == "scorecards" else page.desk.frames
    service.agree(page.person, register_id, version)
    return page.go(f"/{kind}/{register_id}/{version}", "agreed")


@router.post("/{kind}/{register_id}/{version}/publish")
def publish(page: SignedInPage, kind: Kind, register_id: str, version: int, _form: Form) -> Response:
    """Put an agreed version on its register."""
    if kind == "scorecards":
        page.desk.scorecards.publish(page.person, register_id, version)
    else:
        page.desk.frames.activate(page.person, register_id, version)
    return page.go(f"/{kind}/{register_id}/{version}", "published")


def _entry(versions: tuple[RegisterVersion, ...], register_id: str, version: int) -> RegisterVersion | None:
    return next((one for one in versions if (one.id, one.version) == (register_id, version)), None)
