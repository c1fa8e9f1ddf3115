"""Spot and planned checks: makes check requests and publishes them (contracts, "Requests").

A request holds from six minutes after it is in the log, so "now" means about six minutes. Planned checks are requests
too, made ahead of time from a calendar under ids that name plan and occurrence: whoever applies the calendar again, or
twice at once, asks for nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from pydantic import ValidationError

from schemas.base import IDENTIFIER_PATTERN, Channel
from schemas.catalogue import CHECK_REQUESTS, MESSAGES
from schemas.check_plan import CheckCalendar, CheckPlan
from schemas.conditions import Condition
from schemas.errors import ConfigError, TafolError
from schemas.headers import without_origin
from schemas.notice import NoticeRegister
from schemas.request import CheckRequest, Observation
from schemas.transaction import explain
from streams.connection import Connection
from streams.registers import REQUEST_LEAD, Appended, Requests, Timeline
from streams.stage import instant
from tafol.kafka_clients import SEND_WITHIN_S, log_consumer, producer, read_to_end

MARGIN: Final = timedelta(seconds=30)
"""Beyond the lead: time for the request to reach the log."""
LONGEST: Final = timedelta(days=31)
SOURCE: Final = "checks"
UNITS_S: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@dataclass(frozen=True, slots=True)
class Asked:
    """What publishing requests came to."""

    published: tuple[CheckRequest, ...]
    there_already: tuple[CheckRequest, ...]


def span_of(text: str, option: str) -> timedelta:
    """'90m', '4h', '28d' or '2w'. Raises ConfigError naming the option."""
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not number.isdecimal() or int(number) == 0:
        raise ConfigError(f"{option} {text}: a span such as 90m, 4h, 28d or 2w is wanted")
    return timedelta(seconds=int(number) * UNITS_S[unit])


def spot_check(
    colleague: str,
    *,
    n: int,
    within: timedelta,
    pick: str,
    channel: Channel | None,
    asked_by: str,
    reason: str,
    now: datetime,
    name: str,
) -> CheckRequest:
    """A request for `n` transactions of one colleague, from as soon as a request can hold. Raises ConfigError."""
    if within > LONGEST:
        raise ConfigError(f"--within: a spot check looks ahead no longer than {LONGEST.days} days")
    for option, name_given in (("--colleague", colleague), ("--by", asked_by)):
        if re.match(IDENTIFIER_PATTERN, name_given) is None:
            raise ConfigError(f"{option} {name_given!r}: an id holds letters, digits and . _ : @ / # + - only")
    earliest = (now + REQUEST_LEAD + MARGIN).replace(microsecond=0)
    when = {"colleague_id": colleague, "channel": channel}
    try:
        return CheckRequest.model_validate(
            {
                "id": name,
                "version": 1,
                "holds_from": earliest,
                "holds_until": earliest + within,
                "purpose": "spot",
                "when": Condition.model_validate(when),
                "n": n,
                "pick": pick,
                "asked_by": asked_by,
                "reason": reason,
            }
        )
    except ValidationError as error:
        raise ConfigError(f"this check cannot be asked for: {explain(error)}") from None


def planned(calendar: CheckCalendar, now: datetime, ahead: timedelta) -> list[CheckRequest]:
    """The requests of all occurrences that begin in time to be asked for and no later than `ahead` from now."""
    earliest, zone = now + REQUEST_LEAD + MARGIN, ZoneInfo(calendar.time_zone)
    requests = [
        request
        for plan in calendar.plans
        for local in _occurrences(plan, earliest.astimezone(zone), (now + ahead).astimezone(zone))
        for request in _requests_of(plan, calendar.asked_by, local, zone)
    ]
    return sorted(
        (one for one in requests if earliest <= one.holds_from <= now + ahead), key=lambda one: (one.holds_from, one.id)
    )


def without_notice(
    requests: Iterable[CheckRequest], notices: Timeline[NoticeRegister]
) -> list[tuple[CheckRequest, Literal["customer", "colleague"]]]:
    """The observations at whose time no notice holds for one of those concerned, and for whom there is none. Pure.

    Whether a transaction may be reviewed is judged by the notices that it names. Here there is no transaction yet.
    """
    found: list[tuple[CheckRequest, Literal["customer", "colleague"]]] = []
    for one in requests:
        if one.observation is None:
            continue
        entry = notices.at(one.holds_from)
        holding = [
            notice.audience
            for notice in (entry.notices if entry is not None else ())
            if notice.valid_at(one.holds_from, one.observation.channel)
        ]
        missing: Iterable[Literal["customer", "colleague"]] = ("customer", "colleague")
        found += [(one, audience) for audience in missing if audience not in holding][:1]
    return found


def requests_in_log(connection: Connection) -> list[Appended[CheckRequest]]:
    """All requests, in the order of the log. Raises Unreachable, ConfigError, TafolError."""
    found = []
    with log_consumer(connection) as consumer:
        for record in read_to_end(consumer, [CHECK_REQUESTS]):
            try:
                entry = CheckRequest.model_validate_json(record.value or b"")
            except ValidationError as error:
                raise TafolError(
                    f"{record.topic}[{record.partition}]@{record.offset} is no check request: {explain(error)}",
                    hint="Only `tafol check` writes this topic; is this tafol older than what was published?",
                ) from None
            found.append(Appended(entry, instant(record.timestamp)))
    return found


def ask(connection: Connection, requests: Sequence[CheckRequest]) -> Asked:
    """Publish those that are not there yet. Raises TafolError when one came too late to hold, Unreachable."""
    there = {one.entry.id for one in requests_in_log(connection)}
    new = [one for one in requests if one.id not in there]
    if new:
        with producer(connection) as client:
            sent = [
                client.send(
                    CHECK_REQUESTS,
                    key=one.ref.key.encode(),
                    value=one.model_dump_json().encode(),
                    headers=without_origin(MESSAGES[CHECK_REQUESTS].kind, one.ref.key, SOURCE),
                )
                for one in new
            ]
            for future in sent:
                future.get(timeout=SEND_WITHIN_S)
        _refuse_void(new, Requests.of(requests_in_log(connection)))
    return Asked(tuple(new), tuple(one for one in requests if one.id in there))


def _refuse_void(new: Iterable[CheckRequest], held: Requests) -> None:
    void = {one.id for one in held.void}
    late = next((one for one in new if one.id in void), None)
    if late is not None:
        raise TafolError(
            f"check request {late.id} reached the log too late to hold from {late.holds_from.isoformat()}: it is void",
            hint="The broker was slow to take it. Ask again.",
        )


def _occurrences(plan: CheckPlan, earliest: datetime, latest: datetime) -> list[datetime]:
    """Local times without a zone. A day more on both sides, for clocks that change."""
    day = timedelta(days=1)
    rule = rrulestr(plan.rule, dtstart=plan.starts)
    return list(rule.between(earliest.replace(tzinfo=None) - day, latest.replace(tzinfo=None) + day, inc=True))


def _requests_of(plan: CheckPlan, asked_by: str, local: datetime, zone: ZoneInfo) -> Iterator[CheckRequest]:
    """What one occurrence asks for: a check of transactions, or an observation of each colleague."""
    begins = local.replace(tzinfo=zone).astimezone(UTC)
    name = f"{plan.id}/{local:%Y-%m-%dT%H:%M}"
    common: dict[str, Any] = {
        "holds_from": begins,
        "holds_until": begins + timedelta(hours=plan.hours),
        "purpose": "planned",
        "asked_by": asked_by,
        "reason": plan.reason,
        "plan": plan.id,
    }
    if plan.observe is None:
        yield CheckRequest(id=name, when=plan.when, n=plan.n, pick=plan.pick, **common)
        return
    channel, colleagues = plan.observed
    for colleague in colleagues:
        yield CheckRequest(
            id=f"{name}/{colleague}",
            when=Condition(channel=(channel,), colleague_id=(colleague,)),
            observation=Observation(channel=channel, colleague_id=colleague, **plan.observe.model_dump()),
            **common,
        )
