"""Conditions over the fields of a transaction: what strata, exclusions, overlays, routes and check requests are for.

A condition holds when every field that it names passes its test; an empty one holds always. A test is a value, a list
of values (one of them), or a record: `one_of` and `none_of` for texts, `at_least` and `at_most` for numbers, `present`
for what may be absent. What is absent passes `none_of` and `present: false`, and nothing else. Of `flags`, `one_of`
wants at least one of the values and `none_of` none of them.

Attributes are compared as they are stored, as texts; a text that is a JSON number counts as that number, so that 7,
7.0 and "7" are the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from schemas.base import Channel, Identifier, Language, Record

AttributeKey = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
OneOrMore = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=500)]
Words = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...], Field(min_length=1, max_length=500)
]
Bound = Annotated[float, Field(ge=-(2.0**53), le=2.0**53)]

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
GROUPABLE: Final = ("channel", "colleague_id", "team_id", "site", "topic", "language", "outcome")
"""Fields that every transaction has, and that a nested stratum can be made by."""
ROUTABLE: Final = frozenset({*GROUPABLE, "duration_s"})
"""Fields that a selection carries, so that a route can look at them."""

GroupField = Literal["channel", "colleague_id", "team_id", "site", "topic", "language", "outcome"]


def plain(value: str | bool | float) -> str:
    """A value as conditions compare it: a truth value as JSON writes it, a number in one spelling, a text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _NUMBER.match(value) is None:
        return value
    return repr(float(value))


def _listed(value: object) -> object:
    """One value is a list of one; numbers and truth values are taken as texts."""
    if isinstance(value, str | bool | int | float):
        value = (value,)
    if isinstance(value, list | tuple):
        return tuple(plain(one) if isinstance(one, bool | int | float) else one for one in value)
    return value


class _Test(Record):
    """A test that asks for something."""

    @model_validator(mode="after")
    def _asks_something(self) -> _Test:
        if all(wanted is None for _, wanted in self):
            raise ValueError(f"asks nothing; give it {' or '.join(type(self).model_fields)}")
        return self


class TextTest(_Test):
    """A test of a text, or of several (`flags`)."""

    one_of: Words | None = None
    none_of: Words | None = None
    present: bool | None = None

    _one_is_a_list = field_validator("one_of", "none_of", mode="before")(_listed)

    def holds(self, values: tuple[str, ...]) -> bool:
        """Whether the texts of one field pass; an empty tuple stands for an absent one."""
        return (
            (self.one_of is None or any(value in self.one_of for value in values))
            and (self.none_of is None or not any(value in self.none_of for value in values))
            and (self.present is None or self.present == bool(values))
        )


class NumberTest(_Test):
    """A test of a number. Both bounds are inclusive."""

    at_least: Bound | None = None
    at_most: Bound | None = None
    present: bool | None = None

    def holds(self, value: float | None) -> bool:
        """Whether a number passes; None stands for an absent one."""
        if value is None:
            return self.at_least is None and self.at_most is None and self.present is not True
        return (
            self.present is not False
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
        )


class AttributeTest(_Test):
    """A test of an attribute, which may be a text, a number or a truth value."""

    one_of: Words | None = None
    none_of: Words | None = None
    at_least: Bound | None = None
    at_most: Bound | None = None
    present: bool | None = None

    _one_is_a_list = field_validator("one_of", "none_of", mode="before")(_listed)

    def holds(self, value: str | bool | float | None) -> bool:
        """Whether the value of an attribute passes; None stands for an absent one."""
        if value is None:
            return self.one_of is None and self.at_least is None and self.at_most is None and self.present is not True
        text = plain(value)
        bounded = self.at_least is not None or self.at_most is not None
        number = float(text) if bounded and _NUMBER.match(text) else None
        return (
            self.present is not False
            and (self.one_of is None or text in map(plain, self.one_of))
            and (self.none_of is None or text not in map(plain, self.none_of))
            and (not bounded or number is not None)
            and (self.at_least is None or (number is not None and number >= self.at_least))
            and (self.at_most is None or (number is not None and number <= self.at_most))
        )


def _kind(value: object) -> str:
    return "test" if isinstance(value, dict | _Test) else "list"


_Ids = Annotated[
    Annotated[OneOrMore, Tag("list")] | Annotated[TextTest, Tag("test")],
    Discriminator(_kind),
]
_Channels = Annotated[
    Annotated[tuple[Channel, ...], Field(min_length=1), Tag("list")] | Annotated[TextTest, Tag("test")],
    Discriminator(_kind),
]
_Languages = Annotated[
    Annotated[tuple[Language, ...], Field(min_length=1, max_length=100), Tag("list")]
    | Annotated[TextTest, Tag("test")],
    Discriminator(_kind),
]
_Attribute = Annotated[
    Annotated[Words, Tag("list")] | Annotated[AttributeTest, Tag("test")],
    Discriminator(_kind),
]
_LISTED_FIELDS: Final = (*GROUPABLE, "flags")


class Condition(Record):
    """Holds when every field that is named passes its test; an empty condition holds always."""

    channel: _Channels | None = None
    team_id: _Ids | None = None
    site: _Ids | None = None
    topic: _Ids | None = None
    language: _Languages | None = None
    colleague_id: _Ids | None = None
    outcome: _Ids | None = None
    flags: _Ids | None = None
    place: TextTest | None = None
    csat_0_100: NumberTest | None = None
    auto_score_0_100: NumberTest | None = None
    duration_s: NumberTest | None = None
    chat_lines: NumberTest | None = None
    has_recording: bool | None = None
    has_transcript: bool | None = None
    attributes: Annotated[dict[AttributeKey, _Attribute], Field(min_length=1, max_length=32)] | None = None

    @field_validator(*_LISTED_FIELDS, mode="before")
    @classmethod
    def _one_value_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("attributes", mode="before")
    @classmethod
    def _attribute_values_are_lists(cls, value: object) -> object:
        return {name: _listed(one) for name, one in value.items()} if isinstance(value, Mapping) else value

    @field_validator("place", mode="before")
    @classmethod
    def _places_are_a_test(cls, value: object) -> object:
        return {"one_of": value} if isinstance(value, str | list | tuple) else value

    @property
    def always(self) -> bool:
        return all(wanted is None for _, wanted in self)

    @property
    def named(self) -> dict[str, Any]:
        """The tests by field."""
        return {name: wanted for name, wanted in self if wanted is not None}

    def holds(self, transaction: Any) -> bool:
        """Whether `transaction` passes: an event, the fields of a selection, or a decided transaction."""
        return all(holds_for(wanted, READ[name](transaction)) for name, wanted in self.named.items())


def holds_for(wanted: Any, found: Any) -> bool:
    """Whether what `READ` found of one field passes what a condition wants of it."""
    if isinstance(wanted, bool):
        return bool(found) == wanted
    if isinstance(wanted, tuple):
        return any(value in wanted for value in found)
    if isinstance(wanted, Mapping):
        return all(
            one.holds(found.get(name))
            if isinstance(one, AttributeTest)
            else name in found and plain(found[name]) in map(plain, one)
            for name, one in wanted.items()
        )
    return bool(wanted.holds(found))


def asker(condition: Condition, without: Collection[str] = ()) -> Callable[[Any], bool] | None:
    """`condition.holds` but for the fields in `without`, ready to be asked often; None where nothing is left to ask."""
    tests = [(READ[name], wanted) for name, wanted in condition.named.items() if name not in without]
    if not tests:
        return None
    return lambda transaction: all(holds_for(wanted, read(transaction)) for read, wanted in tests)


def _text(name: str) -> Callable[[Any], tuple[str, ...]]:
    def read(transaction: Any) -> tuple[str, ...]:
        value = getattr(transaction, name)
        return (value,) if value else ()

    return read


def _duration_s(transaction: Any) -> float:
    return float((transaction.ended_at - transaction.started_at).total_seconds())


def _chat_lines(transaction: Any) -> int:
    lines = getattr(transaction, "chat_lines", None)
    return len(transaction.chat) if lines is None else int(lines)


def _kept(flag: str, reference: str) -> Callable[[Any], bool]:
    def read(transaction: Any) -> bool:
        found = getattr(transaction, flag, None)
        return getattr(transaction, reference) is not None if found is None else bool(found)

    return read


READ: Final[dict[str, Callable[[Any], Any]]] = {
    **{name: _text(name) for name in (*GROUPABLE, "place")},
    "flags": lambda transaction: transaction.flags,
    "csat_0_100": lambda transaction: transaction.csat_0_100,
    "auto_score_0_100": lambda transaction: transaction.auto_score_0_100,
    "duration_s": _duration_s,
    "chat_lines": _chat_lines,
    "has_recording": _kept("has_recording", "recording_ref"),
    "has_transcript": _kept("has_transcript", "transcript_ref"),
    "attributes": lambda transaction: transaction.attributes,
}
"""What a condition field reads of a transaction, of an event as it came or of a decided one as it is stored."""
