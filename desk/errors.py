"""What the desk refuses, as branches of schemas.errors.TafolError. Each has a code for programs and an HTTP status.

DeskError
├── NotSignedIn      401 not_signed_in        no session or token, an ended one, or a wrong password
├── NotAllowed       403 not_allowed          the actor's roles (or the token's scopes) do not include the action
├── NotFound         404 not_found            there is no such thing, or none that the actor may see
│   └── NoOwnWork    404 no_own_work          a colleague's account that names no colleague of the transactions
├── Conflict         409                      the state of the thing does not allow it
│   ├── LeaseLost    409 lease_lost           the fencing token is old: somebody else has the task; the draft is kept
│   ├── TaskClosed   409 task_closed          the task has ended; the draft is kept
│   └── NotEligible  409 <reason>             this person may not take this task (desk.rules.eligibility.Reason)
├── Invalid          422 invalid              what was sent does not fit; `problems` names each field
├── TooMany          429 too_many             wait `retry_after_s`
└── AnalyticsAway    503 analytics_away       ClickHouse does not answer, or none is connected (no_analytics)
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from schemas.errors import TafolError


class Problem(NamedTuple):
    """One thing that is wrong with what was sent. `code` is a key of the translations."""

    field: str
    """'ratings.greeting', 'strengths', 'reason' ..."""
    code: str
    """'missing', 'off_scale', 'na_not_allowed', 'unknown', 'too_long', 'needs_comment'."""
    message: str


class DeskError(TafolError):
    """Base of all that the desk refuses."""

    status: ClassVar[int] = 400
    code: str = "refused"


class NotSignedIn(DeskError):
    """No session or token, or one that has ended; or name and password do not fit."""

    status = 401
    code = "not_signed_in"


class NotAllowed(DeskError):
    """The actor's roles, or the token's scopes, do not include the action."""

    status = 403
    code = "not_allowed"


class NotFound(DeskError):
    """There is no such thing, or none that this actor may see: the two look the same."""

    status = 404
    code = "not_found"


class NoOwnWork(NotFound):
    """The account is a colleague's but says not which of the transactions are theirs."""

    code = "no_own_work"


class Conflict(DeskError):
    """The state of the thing does not allow it."""

    status = 409
    code = "conflict"


class LeaseLost(Conflict):
    """The fencing token is not the task's last: somebody else has the task, or it was given back. Drafts are kept."""

    code = "lease_lost"


class TaskClosed(Conflict):
    """The task has ended: submitted, skipped, expired, shed or withdrawn. Drafts are kept."""

    code = "task_closed"


class NotEligible(Conflict):
    """This person may not take this task; `code` is the reason (desk.rules.eligibility.Reason)."""

    def __init__(self, reason: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = reason


class Invalid(DeskError):
    """What was sent does not fit."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class TooMany(DeskError):
    """Too many attempts: wait."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class AnalyticsAway(DeskError):
    """The analytics store does not answer, or none is connected. Everything else on the desk goes on without it."""

    status = 503
    code = "analytics_away"

    def __init__(self, message: str, *, connected: bool = True) -> None:
        super().__init__(message)
        self.code = "analytics_away" if connected else "no_analytics"
