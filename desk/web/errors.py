"""What the desk refuses, in words for the person before the screen: what happened, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi.responses import JSONResponse

from desk.errors import DeskError, Invalid, TooMany
from desk.translations import N_
from desk.web.language import Speech
from schemas.errors import Retryable, TafolError


@dataclass(frozen=True)
class ErrorWords:
    """`title` and `advice` are message ids. `problems`: (field, code) of a form."""

    status: int
    code: str
    title: str
    advice: str
    retry_after_s: float | None = None
    problems: tuple[tuple[str, str], ...] = ()

    def as_json(self, say: Speech) -> JSONResponse:
        """For our own scripts."""
        body = {
            "code": self.code,
            "title": say.gettext(self.title),
            "advice": say.gettext(self.advice),
            "problems": [{"field": field, "code": code} for field, code in self.problems],
        }
        return JSONResponse(body, status_code=self.status)


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "not_signed_in": (N_("You are not signed in"), N_("Sign in and try again.")),
    "not_allowed": (
        N_("Your account may not do this"),
        N_("Your roles do not include it. If they should, ask an administrator."),
    ),
    "not_found": (
        N_("There is no such page"),
        N_("It may have been moved or ended, or it is not yours to see. Start again from the home page."),
    ),
    "no_own_work": (
        N_("Your work is not known here yet"),
        N_(
            "Your account does not say which transactions are yours. "
            "Ask an administrator to enter your id as a colleague."
        ),
    ),
    "lease_lost": (
        N_("Your time with this item has ended"),
        N_(
            "It went back to the queue, and somebody else may have it now. Your draft is kept: "
            "if you get the item again, you go on where you stopped."
        ),
    ),
    "task_closed": (
        N_("This item has already been finished"),
        N_("Nothing that you wrote is lost, but it is not sent. Take the next item."),
    ),
    "unmapped": (
        N_("Your account is not ready for reviews yet"),
        N_(
            "Somebody must first say whether you serve customers yourself, so that you never get your own work. "
            "Ask an administrator."
        ),
    ),
    "absent": (N_("You are marked as away"), N_("End your absence on your account page to take items again.")),
    "own_work": (N_("This is your own work"), N_("Nobody reviews themselves. Take another item.")),
    "other_copy": (
        N_("You have already reviewed this transaction"),
        N_("It is reviewed twice on purpose, by two people who do not know of each other."),
    ),
    "language": (N_("This item is in a language that you do not review"), N_("Take another item.")),
    "skill": (N_("This item needs a skill that you are not recorded with"), N_("Ask a supervisor.")),
    "assigned": (N_("This item is kept for another reviewer"), N_("Take another item.")),
    "leased": (N_("Somebody else has this item just now"), N_("It comes back to its queue if they stop.")),
    "inactive": (N_("This account is closed"), N_("An administrator can open it again.")),
    "too_many_held": (
        N_("You already hold as many items as one person may"),
        N_("Finish one of them, or give it back."),
    ),
    "csrf": (
        N_("This form is out of date"),
        N_("For your safety it was not sent. Go back, load the page again and send it once more."),
    ),
    "too_large": (N_("That is too much for one form"), N_("Shorten it and send it again.")),
    "invalid": (N_("Something is missing or does not fit"), N_("Go back and correct it. What you wrote is kept.")),
    "too_many": (N_("Too many attempts"), N_("Wait a while, then try again.")),
    "away": (
        N_("A part of Tafol does not answer"),
        N_("Nothing is lost. Wait a moment and try again; if it stays like this, tell the engineer on call."),
    ),
    "analytics_away": (
        N_("The analytics store does not answer just now"),
        N_("Trends, alerts and coverage come from it. Reviews go on without it, and nothing is lost. Try again soon."),
    ),
    "no_analytics": (
        N_("No analytics store is connected to this desk"),
        N_("Trends, alerts and coverage come from ClickHouse. The engineer on call can connect one."),
    ),
    "conflict": (
        N_("This can no longer be done"),
        N_("Somebody else may have changed it meanwhile. Load the page again to see how it stands."),
    ),
    "broken": (
        N_("Something went wrong on our side"),
        N_("It has been noted. Try again; if it stays like this, tell the engineer on call."),
    ),
}


def error_words(error: TafolError) -> ErrorWords:
    """The words for an error of the desk or of a part behind it."""
    if isinstance(error, Retryable):
        return _words(503, "away", retry_after_s=error.retry_after_s)
    if not isinstance(error, DeskError):
        return _words(500, "broken")
    wait = error.retry_after_s if isinstance(error, TooMany) else None
    problems = tuple((one.field, one.code) for one in error.problems) if isinstance(error, Invalid) else ()
    return _words(error.status, error.code, wait, problems)


def status_words(status: int) -> ErrorWords:
    """The words for an HTTP status that no part of ours chose: an unknown address, a wrong method, a crash."""
    code = {401: "not_signed_in", 403: "not_allowed", 404: "not_found", 405: "not_found", 413: "too_large"}.get(status)
    return _words(status, code or ("broken" if status >= 500 else "invalid"))


def _words(
    status: int, code: str, retry_after_s: float | None = None, problems: tuple[tuple[str, str], ...] = ()
) -> ErrorWords:
    title, advice = _WORDS.get(code) or _WORDS["conflict" if status == 409 else "invalid"]
    return ErrorWords(status, code, title, advice, retry_after_s, problems)
