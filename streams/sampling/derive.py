"""msgspec structs derived from pydantic models: same fields, bounds, patterns and defaults.

A constraint, type or validator that the derivation does not know raises TypeError, so that a model cannot gain a rule
which its struct does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
import msgspec
from msgspec import Meta
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Strict, StringConstraints
from pydantic.fields import FieldInfo

from schemas.base import within_calendar, written_out


@dataclass
class Derivation:
    """Makes the struct of a model. `by_hand`: fields (dotted path) whose pattern the caller checks itself.

    Notes in `patterns`, `instants` and `rules` what the struct leaves to the caller: patterns of the fields in
    `by_hand`, instants whose calendar year is bounded, and model validators by "Model.name".
    """

    by_hand: frozenset[str]
    patterns: dict[str, str] = field(default_factory=dict)
    instants: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)

    def struct(self, model: type[BaseModel], path: str = "") -> type[msgspec.Struct]:
        """The struct of `model`. Raises TypeError for what it does not know."""
        validators = model.__pydantic_decorators__
        if validators.field_validators or validators.validators or validators.root_validators:
            raise TypeError(f"{model.__name__} has a field validator, which a struct cannot have")
        self.rules |= {f"{model.__name__}.{name}" for name in validators.model_validators}
        hints = get_type_hints(model, include_extras=True)
        required: list[tuple[str, Any]] = []
        optional: list[tuple[str, Any, Any]] = []
        for name, info in model.model_fields.items():
            kind = self._translate(hints[name], f"{path}{name}")
            if info.is_required():
                required.append((name, kind))
            else:
                optional.append((name, kind, info.default))
        # Unknown fields are refused below the top as well: msgspec skips what it ignores without looking closely, and
        # the model's verdict on a broken text or a deep nest in there would be lost.
        return msgspec.defstruct(
            model.__name__, [*required, *optional], gc=False, forbid_unknown_fields=True, module=__name__
        )

    def _translate(self, hint: Any, path: str) -> Any:
        origin, parts = get_origin(hint), get_args(hint)
        known: Any = None
        if origin is Annotated:
            known = self._bounded(self._translate(parts[0], path), parts[1:], path)
        elif origin in {Union, UnionType}:
            known = Union[tuple(self._translate(part, path) for part in parts)]  # noqa: UP007 - made of a list
        elif origin is tuple and parts[1:] == (Ellipsis,):
            known = tuple[self._translate(parts[0], path), ...]  # type: ignore[misc]
        elif origin is dict:
            known = dict[self._translate(parts[0], path), self._translate(parts[1], path)]  # type: ignore[misc]
        elif hint is AwareDatetime:
            known = Annotated[datetime, Meta(tz=True)]
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            known = self.struct(hint, f"{path}.")
        elif origin is Literal or hint in {str, int, float, bool, NoneType}:
            known = hint
        if known is None:
            raise TypeError(f"{path}: no struct field is known for the type {hint}")
        return known

    def _bounded(self, kind: Any, constraints: Iterable[Any], path: str) -> Any:
        bounds: dict[str, Any] = {}
        for constraint in constraints:
            for one in constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]:
                if isinstance(one, AfterValidator) and one.func is within_calendar:
                    self.instants.add(path)
                elif isinstance(one, BeforeValidator) and one.func is written_out:
                    continue  # msgspec takes no number for a time anyway
                elif isinstance(one, Strict) and not one.strict:
                    continue  # a time: msgspec reads text alone
                else:
                    bounds |= _bounds(one, path)
        if path in self.by_hand and "pattern" in bounds:
            self.patterns[path] = bounds.pop("pattern")
        return Annotated[kind, Meta(**bounds)] if bounds else kind


def for_python(pattern: str) -> str:
    """pydantic's `$` is the end of the text; Python's would let a line break follow."""
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern


def _bounds(constraint: Any, path: str) -> Mapping[str, Any]:
    """One pydantic constraint as arguments of msgspec.Meta."""
    bounds: Mapping[str, Any] = {}
    match constraint:
        case StringConstraints(min_length=shortest, max_length=longest, pattern=str() | None as pattern):
            stated = {"min_length": shortest, "max_length": longest, "pattern": pattern and for_python(pattern)}
            if StringConstraints(min_length=shortest, max_length=longest, pattern=pattern) == constraint:
                bounds = {name: value for name, value in stated.items() if value is not None}
        case annotated_types.Ge(ge=bound):
            bounds = {"ge": bound}
        case annotated_types.Le(le=bound):
            bounds = {"le": bound}
        case annotated_types.MinLen(min_length=length):
            bounds = {"min_length": length}
        case annotated_types.MaxLen(max_length=length):
            bounds = {"max_length": length}
    if not bounds:
        raise TypeError(f"{path}: no struct bound is known for {constraint}")
    return bounds
