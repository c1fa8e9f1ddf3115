"""The home page: what each role needs to see first."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from desk.web.page import SignedInPage
from desk.web.routes import page_router

router = page_router()
SHOWN = 5


@router.get("/")
def home(page: SignedInPage) -> Response:
    """The parts of the page follow from what the actor may do, not from role names."""
    actor, desk = page.person, page.desk
    values: dict[str, Any] = {
        "queues": (),
        "mine": (),
        "overdue": (),
        "workload": (),
        "registers": (),
        "about_me": (),
        "scores": (),
        "planned": (),
        "me": desk.people.me(actor),
    }
    if actor.may("queue.list"):
        values["queues"] = desk.queues.queues(actor)
    if actor.may("task.work"):
        values["mine"] = desk.queues.mine(actor)
    if actor.may("task.see_all"):
        values["overdue"] = desk.queues.tasks(actor, overdue=True, limit=SHOWN)
        values["workload"] = desk.people.workload(actor)
    if actor.may("register.agree"):
        versions = (*desk.scorecards.versions(actor), *desk.frames.versions(actor))
        values["registers"] = tuple(one for one in versions if one.state in ("proposed", "agreed"))
    if actor.may("observation.record"):
        values["planned"] = desk.observations.planned(actor)[:SHOWN]
    if actor.may("score.own"):
        values["about_me"] = desk.reviews.about_me(actor, limit=SHOWN)
        values["scores"] = desk.reviews.my_scores(actor, limit=30)
    return page.html("home.html", **values)
