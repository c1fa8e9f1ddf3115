"""Transaction: one customer-service interaction, as a source system sends it.

Sources are not ours, so unknown fields do not break a record: `read_transaction` moves small ones into `attributes`
and names all of them, so that they can be counted. Event time is `ended_at`; notices are judged at `started_at`.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from schemas.base import Channel, Identifier, Instant, Language, Score0To100
from schemas.errors import InvalidRecord

MAX_TRANSACTION_BYTES = 2 * 1024 * 1024 - 4096
"""Largest value a source may send: max.message.bytes of the source topics less room for key and headers."""
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTE_CHARS = 256
MAX_DURATION_S = 7 * 24 * 3600
MAX_NESTING = 100
"""Levels of arrays and objects in a value. Without a bound of our own, how deep Python's decoder goes would depend on
how deep the caller stands, and a replay could judge otherwise."""

AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
AttributeText = Annotated[str, StringConstraints(max_length=MAX_ATTRIBUTE_CHARS)]
AttributeNumber = Annotated[int, Field(ge=-(2**53), le=2**53)]
AttributeValue = AttributeText | bool | AttributeNumber | float


class FromSource(BaseModel):
    """A part of a record that a source system sends: frozen, typed strictly, unknown fields below the top ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class CustomerNotice(FromSource):
    """How and when the customer was told that the transaction may be monitored."""

    notice_id: Identifier
    how: Literal["recorded_message", "spoken", "written", "sign"]
    at: Instant


class MonitoringNotice(FromSource):
    """Who was told. `customer` None: the customer was not told; `colleague`: id of the policy the colleague signed."""

    customer: CustomerNotice | None = None
    colleague: Identifier | None = None


class ChatLine(FromSource):
    """One turn of a chat, or one spoken turn of a transcript."""

    speaker: Literal["customer", "colleague", "system"]
    text: Annotated[str, StringConstraints(max_length=65_536)]
    at: Instant | None = None


class Transaction(FromSource):
    """One customer-service interaction. Times carry an offset; a time without one is refused."""

    id: Identifier
    channel: Channel
    colleague_id: Identifier
    team_id: Identifier
    site: Identifier
    topic: Identifier
    started_at: Instant
    ended_at: Instant
    language: Language
    customer_ref: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    outcome: Identifier
    monitoring_notice: MonitoringNotice
    flags: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()
    csat_0_100: Score0To100 | None = None
    auto_score_0_100: Score0To100 | None = None
    recording_ref: Annotated[str, StringConstraints(max_length=512)] | None = None
    transcript_ref: Annotated[str, StringConstraints(max_length=512)] | None = None
    chat: Annotated[tuple[ChatLine, ...], Field(max_length=10_000)] = ()
    place: Annotated[str, StringConstraints(max_length=200)] | None = None
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES)] = {}

    @property
    def duration_s(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()

    @model_validator(mode="after")
    def _times_in_order(self) -> Transaction:
        if self.ended_at < self.started_at:
            raise ValueError("ended_at is before started_at")
        if self.duration_s > MAX_DURATION_S:
            raise ValueError(f"lasted {self.duration_s:.0f} s, more than {MAX_DURATION_S} s")
        return self


FIELDS = frozenset(Transaction.model_fields)


def read_transaction(raw: bytes) -> tuple[Transaction, tuple[str, ...]]:
    """Decode and validate one value of a source topic.

    Returns the transaction and the names of unknown top-level fields; those whose value is a short text, a number or
    a truth value were moved into `attributes` while there was room. Raises InvalidRecord with reason `too_large`,
    `undecodable` or `invalid` and a sentence that names the field but never quotes the payload.
    """
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise InvalidRecord("too_large", f"{len(raw)} bytes; at most {MAX_TRANSACTION_BYTES} are taken")
    try:
        text = raw.decode("utf-8")
        if _nested_too_deep(text):
            raise InvalidRecord("undecodable", f"nested more than {MAX_NESTING} levels deep")
        fields = json.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidRecord("undecodable", f"not UTF-8 at byte {error.start}") from None
    except ValueError:
        raise InvalidRecord("undecodable", "not one JSON value") from None
    if not isinstance(fields, dict):
        raise InvalidRecord("undecodable", f"a JSON object is wanted, this is {_json_kind(fields)}")
    unknown = tuple(name for name in fields if name not in FIELDS)
    known = {name: value for name, value in fields.items() if name in FIELDS}
    if unknown and isinstance(known.get("attributes", {}), dict):
        known["attributes"] = _with_small_fields(known.get("attributes", {}), fields, unknown)
    try:
        return Transaction.model_validate_json(json.dumps(known)), unknown
    except ValidationError as error:
        raise InvalidRecord("invalid", explain(error)) from None
    except UnicodeEncodeError:
        raise InvalidRecord("undecodable", "a text holds half of a surrogate pair") from None


def explain(error: ValidationError) -> str:
    """One sentence for people: the fields and what is wrong with each, never the values (they may be personal)."""
    wrongs = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{_place(wrong['loc'])}: {wrong['msg'].removeprefix('Value error, ')}" for wrong in wrongs[:3]]
    more = f" (and {len(wrongs) - 3} more)" if len(wrongs) > 3 else ""
    return ("; ".join(shown) + more)[:500]


def _place(path: tuple[int | str, ...]) -> str:
    """Where in a record. A name that is none of a program, in a field that takes any names, may be personal too."""
    named = [str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "(a name)" for part in path]
    return ".".join(named) or "record"


_NAME = re.compile(r"[A-Za-z_\[][\w.\[\]()|,=:'-]{0,127}", re.ASCII)


def _with_small_fields(attributes: dict[str, Any], fields: dict[str, Any], unknown: tuple[str, ...]) -> dict[str, Any]:
    kept = dict(attributes)
    for name in unknown:
        value = fields[name]
        small = isinstance(value, bool | float) or (isinstance(value, int) and abs(value) <= 2**53)
        small = small or (isinstance(value, str) and len(value) <= MAX_ATTRIBUTE_CHARS)
        usable = name.isascii() and name[:1].isalpha() and name.replace("_", "").isalnum() and len(name) <= 64
        if small and usable and name not in kept and len(kept) < MAX_ATTRIBUTES:
            kept[name] = value
    return kept


def _nested_too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(text):
        mark = found.group()
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_NESTING:
            return True
    return False


_TEXT_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def _json_kind(value: object) -> str:
    kinds = {list: "an array", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
