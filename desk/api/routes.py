"""The API of the desk, version 1: what another review tool needs to work on the desk's queues.

A tool acts for the account whose token it bears: the same roles, the same rules, the same trail. Within version 1
fields are added, never taken away or changed.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from desk.api.models import Correction, DraftUnderLease, Saved, SkipUnderLease, UnderLease
from desk.api.refusals import DECLARED, ApiRoute
from desk.errors import NotSignedIn
from desk.people.authorisation import Actor
from desk.services import Desk
from desk.views import FormView, Lease, QueueSummary, Receipt, ReviewView, TaskView

PREFIX: Final = "/api/v1"
BEARER: Final = HTTPBearer(auto_error=False, description="A token from 'My account' in the desk")
Number = Annotated[int, Path(ge=1, le=2**53, description="The desk's number of the task")]
Queue = Annotated[str, Path(min_length=1, max_length=128)]
Limit = Annotated[int, Query(ge=1, le=500)]


def of_desk(request: Request) -> Desk:
    """The desk of the application."""
    found = request.app.state.desk
    assert isinstance(found, Desk)
    return found


OfDesk = Annotated[Desk, Depends(of_desk)]


def who(desk: OfDesk, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> Actor:
    """Who the request's token stands for. Raises NotSignedIn."""
    if credentials is None:
        raise NotSignedIn("a bearer token is wanted", hint="Authorization: Bearer tafol_...")
    return desk.people.actor_of_token(credentials.credentials)


Who = Annotated[Actor, Depends(who)]
api = APIRouter(prefix=PREFIX, route_class=ApiRoute, responses=DECLARED, tags=["reviewing"])


@api.get("/queues", summary="Queues with work, and what of it is yours")
def queues(desk: OfDesk, actor: Who) -> tuple[QueueSummary, ...]:
    return desk.queues.queues(actor)


@api.post(
    "/queues/{queue}/claim",
    summary="Take the next task of a queue",
    response_model=FormView,
    responses={204: {"description": "There is nothing for you in this queue now"}},
)
def claim_next(desk: OfDesk, actor: Who, queue: Queue) -> FormView | Response:
    form = desk.queues.claim_next(actor, queue)
    return Response(status_code=204) if form is None else form


@api.get("/tasks", summary="Tasks that you hold or that are assigned to you")
def mine(desk: OfDesk, actor: Who) -> tuple[TaskView, ...]:
    return desk.queues.mine(actor)


@api.get("/tasks/{number}", summary="The form of a task that you hold or once held")
def form(desk: OfDesk, actor: Who, number: Number) -> FormView:
    return desk.queues.form(actor, number)


@api.post("/tasks/{number}/claim", summary="Take this very task")
def claim(desk: OfDesk, actor: Who, number: Number) -> FormView:
    return desk.queues.claim(actor, number)


@api.post("/tasks/{number}/heartbeat", summary="Prolong your lease")
def heartbeat(desk: OfDesk, actor: Who, number: Number, sent: UnderLease) -> Lease:
    return desk.queues.heartbeat(actor, number, sent.token)


@api.put("/tasks/{number}/draft", summary="Keep the form as it is, and prolong your lease")
def save_draft(desk: OfDesk, actor: Who, number: Number, sent: DraftUnderLease) -> Saved:
    draft, preview = desk.queues.save_draft(actor, number, sent.token, sent.draft.draft())
    return Saved(draft=draft, preview=preview)


@api.post("/tasks/{number}/submit", summary="Submit the review; the same again is answered alike")
def submit(desk: OfDesk, actor: Who, number: Number, sent: DraftUnderLease) -> Receipt:
    return desk.queues.submit(actor, number, sent.token, sent.draft.draft())


@api.post("/tasks/{number}/skip", summary="End the task without a review: non-response, with its reason")
def skip(desk: OfDesk, actor: Who, number: Number, sent: SkipUnderLease) -> Receipt:
    return desk.queues.skip(actor, number, sent.token, sent.reason)


@api.post("/tasks/{number}/return", status_code=204, summary="Give the task back to its queue")
def give_back(desk: OfDesk, actor: Who, number: Number, sent: UnderLease) -> None:
    desk.queues.give_back(actor, number, sent.token)


@api.get("/reviews", summary="Your own outcomes, latest first")
def recent(desk: OfDesk, actor: Who, limit: Limit = 50) -> tuple[ReviewView, ...]:
    return desk.reviews.recent(actor, limit)


@api.get("/reviews/{number}", summary="One of your reviews in full")
def review(desk: OfDesk, actor: Who, number: Number) -> ReviewView:
    return desk.reviews.review(actor, number)


@api.post("/reviews/{number}/correct", summary="Correct a review of your own: its next revision")
def correct(desk: OfDesk, actor: Who, number: Number, sent: Correction) -> Receipt:
    return desk.reviews.correct(actor, number, sent.draft.draft(), sent.reason)
