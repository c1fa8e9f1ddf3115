"""Spot checks, pure: the request that one is, and how it stands.

A request binds every worker only from six minutes after it is in the log (contracts, "Requests"): one that reaches the
log later than its beginning less six minutes is void for all. So a check begins as early as that allows, plus a margin
for the outbox and the broker; where these take longer, it is void, and the page says so.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import ValidationError

from desk.errors import Invalid, Problem
from schemas.base import CHANNELS, IDENTIFIER_PATTERN
from schemas.conditions import Condition
from schemas.request import LEAD_MINUTES, CheckRequest

CheckState = Literal["on_its_way", "to_come", "running", "over", "void"]
Pick = Literal["next", "random"]
LEAD: Final = timedelta(minutes=LEAD_MINUTES)
MARGIN: Final = timedelta(minutes=1)
"""Beyond the lead: the outbox sends within a second, and a broker that starts again answers within half a minute."""
SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=31)
MOST: Final = 100
"""Transactions (schemas.request.CheckRequest.n)."""
LONGEST_REASON: Final = 500
ID_PATTERN: Final = re.compile(r"spot-[0-9a-f]{16,40}")


def begins_at(now: datetime) -> datetime:
    """The earliest instant from which a check that is asked for now can hold, to the second."""
    return (now + LEAD + MARGIN).replace(microsecond=0)


def spot_check(
    check_id: str,
    *,
    about: dict[str, str],
    n: int,
    within: timedelta,
    pick: Pick,
    asked_by: str,
    reason: str,
    now: datetime,
) -> CheckRequest:
    """The request for `n` transactions. `about`: colleague_id, team_id, channel; empty ones ask nothing.

    Raises Invalid, with each field that does not fit.
    """
    asked = {field: value.strip() for field, value in about.items() if value.strip()}
    found = [
        Problem(field, "wrong", "letters, digits and . _ : @ / # + - only")
        for field, value in asked.items()
        if len(value) > 128 or re.match(IDENTIFIER_PATTERN, value) is None
    ]
    if not asked:
        found.append(Problem("colleague_id", "missing", "name a colleague, a team or a channel"))
    if asked.get("channel", CHANNELS[0]) not in CHANNELS:
        found.append(Problem("channel", "unknown", f"one of {', '.join(CHANNELS)}"))
    if not 1 <= n <= MOST:
        found.append(Problem("n", "off_scale", f"1 to {MOST}"))
    if not SHORTEST <= within <= LONGEST:
        found.append(Problem("within", "off_scale", "5 minutes to 31 days"))
    if len(reason) > LONGEST_REASON:
        found.append(Problem("reason", "too_long", f"at most {LONGEST_REASON} characters"))
    if ID_PATTERN.fullmatch(check_id) is None:
        found.append(Problem("check_id", "wrong", "the form's own number is missing"))
    if found:
        raise Invalid("this check cannot be asked for", tuple(found))
    begins = begins_at(now)
    try:
        return CheckRequest(
            id=check_id,
            holds_from=begins,
            holds_until=begins + within,
            purpose="spot",
            when=Condition.model_validate(asked),
            n=n,
            pick=pick,
            asked_by=asked_by,
            reason=reason,
        )
    except ValidationError:
        raise Invalid("this check cannot be asked for", (Problem("check_id", "wrong", "does not fit"),)) from None


def state(request: CheckRequest, appended_at: datetime | None, now: datetime) -> CheckState:
    """How a request stands. `appended_at`: when the log took it; None: it has not been seen there yet."""
    if appended_at is None:
        return "on_its_way"
    if appended_at > request.holds_from - LEAD:
        return "void"
    if now < request.holds_from:
        return "to_come"
    return "running" if now < request.holds_until else "over"
