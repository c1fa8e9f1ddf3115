"""What was reviewed: a reviewer's own, a colleague's own, and one review in full."""

from __future__ import annotations

from fastapi import Response

from desk.errors import Invalid
from desk.views import Draft, ReviewView
from desk.web.forms import SentDraft, read_draft, text_of
from desk.web.page import Form, Page, SignedInPage
from desk.web.routes import page_router
from desk.web.routes.tasks import form_values

router = page_router()


@router.get("/reviews")
def recent(page: SignedInPage) -> Response:
    """This reviewer's own outcomes."""
    return page.html("reviews.html", reviews=page.desk.reviews.recent(page.person))


@router.get("/mine")
def about_me(page: SignedInPage) -> Response:
    """A colleague's own reviews and scores."""
    service, actor = page.desk.reviews, page.person
    return page.html("mine.html", reviews=service.about_me(actor), scores=service.my_scores(actor))


@router.get("/reviews/{number}")
def review(page: SignedInPage, number: int) -> Response:
    """One review in full."""
    view = page.desk.reviews.review(page.person, number)
    scorecard = page.desk.scorecards.scorecard(page.person, view.scorecard_id, view.scorecard_version)
    ratings = {one.criterion: one for one in view.ratings}
    return page.html("review_view.html", view=view, scorecard=scorecard, ratings=ratings)


@router.get("/reviews/{number}/correct")
def correct_page(page: SignedInPage, number: int) -> Response:
    """The form of a review of one's own, to be corrected."""
    return _correction(page, page.desk.reviews.review(page.person, number))


@router.post("/reviews/{number}/correct")
def correct(page: SignedInPage, number: int, form: Form) -> Response:
    """A new revision."""
    view = page.desk.reviews.review(page.person, number)
    scorecard = page.desk.scorecards.scorecard(page.person, view.scorecard_id, view.scorecard_version)
    sent = read_draft(form, scorecard, page.desk.now())
    try:
        page.desk.reviews.correct(page.person, number, sent.checked(), text_of(form, "reason"))
    except Invalid as error:
        return _correction(page, view, sent, error)
    return page.go(f"/reviews/{number}", "corrected")


@router.post("/reviews/{number}/withdraw")
def withdraw(page: SignedInPage, number: int, form: Form) -> Response:
    """Take a review out of the score."""
    page.desk.reviews.withdraw(page.person, number, text_of(form, "reason"))
    return page.go(f"/reviews/{number}", "withdrawn")


def _correction(
    page: Page, view: ReviewView, sent: SentDraft | None = None, refused: Invalid | None = None
) -> Response:
    scorecard = page.desk.scorecards.scorecard(page.person, view.scorecard_id, view.scorecard_version)
    draft = Draft(view.ratings, view.strengths, view.development_points, view.time_spent_s)
    values = form_values(draft, sent, refused)
    status = 200 if refused is None else 422
    return page.html("correct.html", status=status, view=view, scorecard=scorecard, **values)
