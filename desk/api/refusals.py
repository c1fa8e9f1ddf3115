"""Errors of an API call as JSON of one shape, with the status that belongs to each."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from desk.api.models import Refusal, Wrong
from desk.errors import DeskError, Invalid, NotSignedIn, Problem
from schemas.errors import Retryable, TafolError

log = logging.getLogger(__name__)
DECLARED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Refusal, "description": "No token, or one that is unknown, revoked or over"},
    403: {"model": Refusal, "description": "The token's scopes or the account's roles do not include this"},
    404: {"model": Refusal, "description": "There is no such thing for you"},
    409: {"model": Refusal, "description": "The state does not allow it: lease_lost, task_closed, not eligible ..."},
    422: {"model": Refusal, "description": "What was sent does not fit; `problems` names each field"},
    503: {"model": Refusal, "description": "The desk's store is away for now: wait `retry_after_s`"},
}


class ApiRoute(APIRoute):
    """A route whose errors are Refusals."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                return refusal(_not_fitting(error))
            except TafolError as error:
                return refusal(error)

        return guarded


def refusal(error: TafolError) -> JSONResponse:
    """The answer for an error."""
    headers = {}
    status, code = 500, "broken"
    retry_after_s = getattr(error, "retry_after_s", None)
    if isinstance(error, DeskError):
        status, code = error.status, error.code
    elif isinstance(error, Retryable):
        status, code = 503, "away"
    else:
        log.error("an API call failed: %s", error.message)
    if retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_s))
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    problems = error.problems if isinstance(error, Invalid) else ()
    body = Refusal(
        code=code,
        message=error.message,
        hint=error.hint,
        problems=[Wrong(field=one.field, code=one.code, message=one.message) for one in problems],
        retry_after_s=retry_after_s,
    )
    return JSONResponse(body.model_dump(), status, headers)


def _not_fitting(error: RequestValidationError) -> Invalid:
    """Names fields and what is wrong, never what was sent."""
    return Invalid(
        "the request does not fit",
        tuple(
            Problem(".".join(str(part) for part in one["loc"]), str(one["type"]), str(one["msg"]))
            for one in error.errors()
        ),
    )
