"""The fast decoder of transactions, made from the pydantic model, which stays the one source of truth.

`schemas.transaction.Transaction` costs 20 microseconds an event; msgspec structs with the same fields, bounds, patterns
and defaults cost 2. The structs are derived from the model when this module is imported, and a constraint or validator
that the derivation does not know stops the import, so the two cannot drift apart in silence.

Invariant: a value is taken here only when the model would take it, with the same result. Whatever the structs do not
take at once - unknown fields, another spelling of a time, plain nonsense - goes to `read_transaction`, which decides
and words the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, cast

import msgspec

from schemas.base import EARLIEST_YEAR, IDENTIFIER_PATTERN, LANGUAGE_PATTERN, LATEST_YEAR, Channel
from schemas.transaction import MAX_DURATION_S, MAX_TRANSACTION_BYTES, Transaction, read_transaction
from streams.sampling.derive import Derivation, for_python

KNOWN_IDENTIFIERS_LIMIT: Final = 50_000
"""Identifiers remembered as well formed, about 9 MB at most; a memory that is full starts again."""

KNOWN_LANGUAGES_LIMIT: Final = 1000

PATTERNS_BY_HAND: Final = {
    "language": LANGUAGE_PATTERN,
    **dict.fromkeys(
        ("id", "colleague_id", "team_id", "site", "topic", "outcome", "monitoring_notice.colleague",
         "monitoring_notice.customer.notice_id"),
        IDENTIFIER_PATTERN,
    ),
}  # fmt: skip
"""Fields whose pattern `_keeps_rules` checks: a look-up in a set is far quicker than msgspec's call of a regex."""
INSTANTS_BY_HAND: Final = frozenset({"started_at", "ended_at", "monitoring_notice.customer.at", "chat.at"})
"""Fields whose calendar years `_keeps_rules` checks."""
RULES_BY_HAND: Final = frozenset({"Transaction._times_in_order"})

MAX_DURATION: Final = timedelta(seconds=MAX_DURATION_S)


class ToldCustomer(Protocol):
    """How and when the customer was told."""

    notice_id: str
    how: str
    at: datetime


class ToldParties(Protocol):
    """Who was told."""

    customer: ToldCustomer | None
    colleague: str | None


class SpokenLine(Protocol):
    """One turn of a chat."""

    at: datetime | None


class Event(Protocol):
    """One valid transaction as the stage reads it. Times are in UTC."""

    id: str
    channel: Channel
    colleague_id: str
    team_id: str
    site: str
    topic: str
    started_at: datetime
    ended_at: datetime
    language: str
    customer_ref: str
    outcome: str
    monitoring_notice: ToldParties
    flags: tuple[str, ...]
    csat_0_100: float | None
    auto_score_0_100: float | None
    recording_ref: str | None
    transcript_ref: str | None
    chat: tuple[SpokenLine, ...]
    place: str | None
    attributes: dict[str, str | int | float | bool]


def read_event(raw: bytes) -> tuple[Event, tuple[str, ...]]:
    """Decode and validate one value of a source topic: the event, and the names of its unknown top-level fields.

    Same verdict, same values and same errors as `schemas.transaction.read_transaction`. Raises InvalidRecord.
    """
    if len(raw) <= MAX_TRANSACTION_BYTES and not ((_POINT in raw or _BACKSLASH in raw) and _ODD_TIME(raw)):
        try:
            event = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            if _keeps_rules(event):
                return event, ()
    transaction, unknown = read_transaction(raw)
    return event_of(transaction), unknown


def event_of(transaction: Transaction) -> Event:
    """The event with the values of the model."""
    return cast("Event", msgspec.convert(transaction.model_dump(), _STRUCT))


_POINT, _BACKSLASH = b".\\"
_ODD_TIME = re.compile(rb"\.\d{7}|\\u00(?:2[eE]|3\d)").search
"""Fractions beyond a microsecond, which pydantic cuts and msgspec rounds; also with point or digits escaped."""

_identifier = re.compile(for_python(IDENTIFIER_PATTERN)).match
_language = re.compile(for_python(LANGUAGE_PATTERN)).match
_known: set[str | None] = {None}
_languages: set[str] = set()


def _keeps_rules(event: Event) -> bool:
    """The rules of the model that a struct cannot state; turns times to UTC."""
    started, ended, notice = event.started_at, event.ended_at, event.monitoring_notice
    if not (EARLIEST_YEAR <= started.year < LATEST_YEAR and EARLIEST_YEAR <= ended.year < LATEST_YEAR):
        return False
    if started.tzinfo is not UTC:
        event.started_at = started = started.astimezone(UTC)
    if ended.tzinfo is not UTC:
        event.ended_at = ended = ended.astimezone(UTC)
    customer, customer_notice = notice.customer, None
    if customer is not None:
        customer_notice = customer.notice_id
        if not EARLIEST_YEAR <= customer.at.year < LATEST_YEAR:
            return False
        if customer.at.tzinfo is not UTC:
            customer.at = customer.at.astimezone(UTC)
    named = (event.colleague_id, event.team_id, event.site, event.topic, event.outcome, notice.colleague,
             customer_notice)  # fmt: skip
    return (
        started <= ended
        and ended - started <= MAX_DURATION
        and _identifier(event.id) is not None
        and (_known.issuperset(named) or _well_formed(named))
        and (event.language in _languages or _well_formed_language(event.language))
        and (not event.chat or _lines_in_calendar(event.chat))
    )


def _well_formed(identifiers: Iterable[str | None]) -> bool:
    if len(_known) >= KNOWN_IDENTIFIERS_LIMIT:
        _known.clear()
        _known.add(None)
    for identifier in identifiers:
        if identifier is not None and _identifier(identifier) is None:
            return False
        _known.add(identifier)
    return True


def _well_formed_language(language: str) -> bool:
    if _language(language) is None:
        return False
    if len(_languages) >= KNOWN_LANGUAGES_LIMIT:
        _languages.clear()
    _languages.add(language)
    return True


def _lines_in_calendar(lines: Iterable[SpokenLine]) -> bool:
    for line in lines:
        at = line.at
        if at is not None:
            if not EARLIEST_YEAR <= at.year < LATEST_YEAR:
                return False
            if at.tzinfo is not UTC:
                line.at = at.astimezone(UTC)
    return True


def _derive() -> type[msgspec.Struct]:
    derivation = Derivation(by_hand=frozenset(PATTERNS_BY_HAND))
    struct = derivation.struct(Transaction)
    patterns = {path: for_python(pattern) for path, pattern in PATTERNS_BY_HAND.items()}
    left_over = (derivation.patterns, frozenset(derivation.instants), frozenset(derivation.rules))
    if left_over != (patterns, INSTANTS_BY_HAND, RULES_BY_HAND):
        raise TypeError("streams.sampling.decode checks other rules by hand than Transaction has")
    return struct


_STRUCT: Final = _derive()
_decode = cast("msgspec.json.Decoder[Event]", msgspec.json.Decoder(_STRUCT)).decode
