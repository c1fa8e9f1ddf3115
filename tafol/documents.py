"""The documents people write - frame, notices, scorecard, detectors - read from YAML into the records that travel.

Every problem of a file is reported at once, each with its line, its field, what is wrong and what was probably meant.
The written form differs from the record in three ways only: the seed of a frame may be left out (publishing makes one,
`FrameDocument.with_seed`), one value may stand where a list of values is wanted, and numbers and times may stand with
or without quotes (see `tafol.yaml_tree`).
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.base import IDENTIFIER_PATTERN, LANGUAGE_PATTERN, Record
from schemas.check_plan import CheckCalendar
from schemas.detector import Detectors
from schemas.draw_number import SEED_BYTES
from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from schemas.scorecard import Scorecard
from tafol.yaml_tree import Fields, Items, Part, YamlProblem, plain, read_yaml

RecordT = TypeVar("RecordT", bound=Record)
Loc = tuple[int | str, ...]

ONE_OR_MORE: Final = frozenset({"channels", "days"})
"""List fields that take a single value; those of a condition do so by themselves."""
STAND_IN_SEED: Final = "0" * (2 * SEED_BYTES)
"""Lets a frame without a seed be checked; it is in no record that leaves this module."""

MOST_CHOICES: Final = 12
"""Named in one message; more would hide it."""
PATTERNS: Final = {
    IDENTIFIER_PATTERN: "an id holds letters, digits and . _ : @ / # + - only, and begins with a letter or a digit",
    LANGUAGE_PATTERN: "a language is two or three small letters, such as en or cy, or en-GB",
    r"^[0-9a-f]{64}$": "a seed is 64 digits 0-9 a-f (32 bytes); leave it out and publishing makes one",
    r"^[a-z0-9][a-z0-9_/.-]*$": "a stratum's name holds small letters, digits and _ / . - only",
}
WORDS: Final = {
    "missing": "is missing",
    "timezone_aware": "has no time zone; write for example 2026-01-01T00:00:00Z, or +01:00 for Z",
    "time_parsing": "is not a time of day; write for example 09:30",
    "time_type": "is not a time of day; write for example 09:30",
    "datetime_parsing": "is not a date and time; write for example 2026-01-01T00:00:00Z",
    "datetime_from_date_parsing": "is not a date and time; write for example 2026-01-01T00:00:00Z",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "float_parsing": "is not a number",
    "float_type": "is not a number",
    "bool_parsing": "is neither true nor false",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "dict_type": "must hold fields of its own",
    "model_type": "must hold fields of its own",
    "model_attributes_type": "must hold fields of its own",
    "union_tag_not_found": "does not say which kind it is",
}
"""What a kind of pydantic error is called here; the others keep pydantic's own words."""


WRITTEN: Final[dict[type[Record], str]] = {
    SamplingFrame: "a sampling frame (tafol frame)",
    NoticeRegister: "a file of notices (tafol notices)",
    Scorecard: "a scorecard (tafol scorecard)",
    Detectors: "a file of detectors (tafol detectors)",
    CheckCalendar: "a calendar of checks (tafol check plan)",
}
"""What each kind of document is called, and which command reads it."""


class Problem(NamedTuple):
    """One thing that is wrong in a file. `line`: counted from 1; `field`: '' for the document as a whole."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field + ': ' if self.field else ''}{self.message}"


class DocumentInvalid(ConfigError):
    """A file does not hold what it must. `problems`: all of them, by line."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path = path
        self.problems = tuple(problems)


@dataclass(frozen=True)
class FrameDocument:
    """A frame file that is right but for the seed it may lack. `fields`: as written, by field name."""

    path: Path
    fields: Mapping[str, object]

    @property
    def has_seed(self) -> bool:
        return self.fields.get("seed") is not None

    def with_seed(self, seed: bytes) -> SamplingFrame:
        """The frame, with `seed` (32 random bytes) if the file has none of its own."""
        return SamplingFrame.model_validate(with_seed(self.fields, seed))


def with_seed(fields: Mapping[str, object], seed: bytes) -> dict[str, object]:
    """`fields` of a frame with `seed`, unless they name one. Raises ValueError when it is not 32 bytes long."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    written = dict(fields)
    return written if written.get("seed") is not None else written | {"seed": seed.hex()}


def read_frame(path: Path) -> FrameDocument:
    """Reads a sampling frame. Raises ConfigError, as DocumentInvalid where the content is wrong."""
    fields, part = _read(path)
    written = fields if fields.get("seed") is not None else fields | {"seed": STAND_IN_SEED}
    _validated(SamplingFrame, path, written, part)
    return FrameDocument(path, fields)


def read_notices(path: Path) -> NoticeRegister:
    """Reads monitoring notices. Raises ConfigError, as DocumentInvalid where the content is wrong."""
    return _validated(NoticeRegister, path, *_read(path))


def read_scorecard(path: Path) -> Scorecard:
    """Reads a scorecard. Raises ConfigError, as DocumentInvalid where the content is wrong."""
    fields, part = _read(path)
    rule = fields.get("scoring_rule")
    if isinstance(rule, str) and rule.isdecimal():
        fields["scoring_rule"] = int(rule)  # one of a list of numbers: the one field that does not read a text as one
    return _validated(Scorecard, path, fields, part)


def read_detectors(path: Path) -> Detectors:
    """Reads detector settings. Raises ConfigError, as DocumentInvalid where the content is wrong."""
    return _validated(Detectors, path, *_read(path))


def read_check_calendar(path: Path) -> CheckCalendar:
    """Reads a calendar of planned checks. Raises ConfigError, as DocumentInvalid where the content is wrong."""
    return _validated(CheckCalendar, path, *_read(path))


def _read(path: Path) -> tuple[dict[str, object], Fields]:
    try:
        part = read_yaml(path)
    except YamlProblem as problem:
        raise DocumentInvalid(path, [Problem(problem.line, problem.field, problem.message)]) from None
    if not isinstance(part, Fields):
        raise DocumentInvalid(path, [Problem(part.line, "", "the file must hold fields, one 'name: value' a line")])
    fields = {name: _singles_as_lists(plain(value), name) for name, value in part.fields.items()}
    return fields, part


def _singles_as_lists(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {field: _singles_as_lists(one, field) for field, one in value.items()}
    if isinstance(value, list):
        return [_singles_as_lists(one) for one in value]
    return [value] if name in ONE_OR_MORE and value is not None else value


def _validated(model: type[RecordT], path: Path, fields: Mapping[str, object], part: Fields) -> RecordT:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        wrongs = error.errors(include_url=False)
        if (other := _rather(model, part.fields)) is not None:
            raise DocumentInvalid(path, [Problem(part.line, "", f"this is {other}, not {WRITTEN[model]}")]) from None
        found = {_problem(wrong, model, part) for wrong in wrongs if not _echo(wrong, part)}
    raise DocumentInvalid(path, sorted(found))


def _rather(model: type[Record], fields: Mapping[str, object]) -> str | None:
    """The kind of document, in words, that has all these fields, where `model` lacks some of them."""
    if fields.keys() <= model.model_fields.keys():
        return None
    return next((words for kind, words in WRITTEN.items() if fields.keys() <= kind.model_fields.keys()), None)


def _problem(wrong: ErrorDetails, model: type[BaseModel], document: Fields) -> Problem:
    tag = str(wrong.get("ctx", {}).get("discriminator", "")).strip("'")
    at_tag = wrong["type"] == "union_tag_invalid"
    place = _place(document, (*wrong["loc"], tag) if at_tag else wrong["loc"])
    line = place.part.line if place.line is None else place.line
    return Problem(line, place.field, _in_words(wrong, model, place))


def _echo(wrong: ErrorDetails, document: Fields) -> bool:
    """Whether pydantic says of a list that it is empty only because the items it has are wrong, which it says too."""
    part = _place(document, wrong["loc"]).part
    return wrong["type"] == "too_short" and not (isinstance(part, Items) and not part.items)


class _Place(NamedTuple):
    """Where a pydantic error stands in the document. `line`: of the key where that is what is wrong."""

    part: Part
    field: str
    line: int | None


def _place(document: Part, loc: Loc) -> _Place:
    """Follows a pydantic location as far as the document goes.

    Steps that are not in the document are the tag of a choice, the position of a single value that stands for a list,
    or the name of a missing field, which is the last.
    """
    part, field, line = document, "", None
    for nth, step in enumerate(loc):
        if isinstance(part, Fields) and step in part.fields:
            name = str(step)
            field, line, part = f"{field}.{name}" if field else name, part.key_lines[name], part.fields[name]
        elif isinstance(part, Items) and isinstance(step, int) and step < len(part.items):
            field, line, part = f"{field}[{step}]", None, part.items[step]
        elif isinstance(part, Fields) and nth == len(loc) - 1 and step != "[key]":
            field = f"{field}.{step}" if field else str(step)
    return _Place(part, field, line)


def _in_words(wrong: ErrorDetails, model: type[BaseModel], place: _Place) -> str:
    kind, given, context = wrong["type"], wrong.get("input"), wrong.get("ctx", {})
    if kind == "extra_forbidden":
        known = _field_names(model, wrong["loc"][:-1])
        return f"is not a field here; {_meant(str(wrong['loc'][-1]), known)}"
    if kind in ("literal_error", "union_tag_invalid"):
        choices = _choices(str(context.get("expected", context.get("expected_tags", ""))))
        named = context.get("tag", given)
        return f"{_quoted(named)}: {_meant(str(named), choices)}"
    if kind == "string_pattern_mismatch":
        return f"{_quoted(given, place)}: {PATTERNS.get(context['pattern'], wrong['msg'])}"
    if kind == "value_error":
        return str(context["error"])
    if given is None and kind != "missing":
        return "has no value"
    said = WORDS.get(kind) or wrong["msg"].removeprefix("Input ").removeprefix("String ")
    shown = isinstance(given, str | int | float) and kind != "missing"
    return f"{_quoted(given, place)} {said}" if shown else said


def _quoted(value: object, place: _Place | None = None) -> str:
    """The value as it was written; never a seed."""
    if place is not None and place.field == "seed":
        return "this"
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6) or [one for one in known if one.startswith(name)]
    if near and name:
        return f"did you mean {near[0]!r}?"
    if len(known) > MOST_CHOICES:
        return f"{', '.join(known[:MOST_CHOICES])} and others are known"
    return f"one of {', '.join(known)} is wanted"


def _choices(expected: str) -> list[str]:
    """The choices in pydantic's "'a', 'b' or 'c'"."""
    return [one.strip(" '") for one in expected.replace(" or ", ",").split(",")]


def _field_names(model: type[BaseModel], loc: Loc) -> list[str]:
    """Names of the fields that the model at a pydantic location has."""
    kind: Any = model
    for step in loc:
        kind = _inside(kind, step)
    models = (one for one in _alternatives(kind) if isinstance(one, type) and issubclass(one, BaseModel))
    return [name for one in models for name in one.model_fields]


def _inside(kind: Any, step: int | str) -> Any:
    """The type one step further in: a field of a model, an item of a list, a value of a dict, a tag of a choice."""
    for one in _alternatives(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            if step in one.model_fields:
                return one.model_fields[str(step)].annotation
            if any(step in get_args(field.annotation) for field in one.model_fields.values()):
                return one
        elif get_origin(one) is tuple and isinstance(step, int):
            return get_args(one)[0]
        elif get_origin(one) is dict:
            return get_args(one)[1]
    return kind


def _alternatives(kind: Any) -> Iterator[Any]:
    """The types that an annotation stands for, without Annotated and with unions opened."""
    if get_origin(kind) in (Union, types.UnionType):
        for one in get_args(kind):
            yield from _alternatives(one)
    elif hasattr(kind, "__metadata__"):
        yield from _alternatives(get_args(kind)[0])
    else:
        yield kind
