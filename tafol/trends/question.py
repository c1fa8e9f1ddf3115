"""What was typed -> what is asked: days, filters, names that are not there and what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Final, TypeVar

from schemas.errors import ConfigError
from sinks.queries.estimates import Period, Within
from sinks.queries.known_names import known_names
from sinks.store import Asker

USUAL_DAYS: Final[dict[Period, int]] = {"all": 28, "day": 14, "week": 84, "month": 365, "quarter": 730}
"""How far back is looked when no day is given."""
FILTERS: Final = tuple(one.name for one in fields(Within) if one.name not in ("from_day", "to_day", "time_zone"))
NEAREST: Final = 3
SHOWN: Final = 8
"""Names that are shown where none is near."""
Name = TypeVar("Name", bound=str)


def choose(given: str, known: Sequence[Name], option: str) -> Name:
    """The one of `known` that was given, '-' for '_'. Raises ConfigError with the nearest."""
    wanted = given.strip().lower().replace("-", "_")
    for one in known:
        if one == wanted:
            return one
    raise ConfigError(f"{option} {given}: one of {_listed(known, 'or')} is wanted", hint=meant(wanted, known))


def days(first: date | None, after_last: date | None, period: Period, today: date) -> tuple[date, date]:
    """Local days [first, after the last): as given, else up to today from the beginning of a period.

    Raises ConfigError.
    """
    after = after_last or today + timedelta(days=1)
    start = first or beginning(after - timedelta(days=USUAL_DAYS[period]), period)
    if start >= after:
        raise ConfigError(f"--from {start} is not before --to {after}, which is the day after the last")
    return start, after


def beginning(day: date, period: Period) -> date:
    """The first day of the period that `day` lies in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    if period == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def check_names(store: Asker, within: Within) -> None:
    """Raises ConfigError for a filter that no stored selection or score of these days has, with the nearest names."""
    wanted = {name: getattr(within, name) for name in FILTERS if getattr(within, name)}
    if not wanted:
        return
    known = known_names(store, within)
    for name, values in wanted.items():
        for value in values:
            check_name(value, known, name, within)


def check_name(value: str, known: Mapping[str, Sequence[str]], name: str, within: Within) -> None:
    """Raises ConfigError when `value` is none of the names of a filter."""
    if value in known[name]:
        return
    option = one_of(name)
    last = within.to_day - timedelta(days=1)
    raise ConfigError(
        f"no {option} {value!r} was selected or scored from {within.from_day} to {last}",
        hint=meant(value, known[name]) or f"Those that were: {_listed(known[name][:SHOWN]) or 'none'}",
    )


def one_of(filters: str) -> str:
    """The singular of a filter's name, which is the option's: teams -> team, strata -> stratum."""
    return "stratum" if filters == "strata" else filters.removesuffix("s")


def meant(given: str, known: Sequence[str]) -> str | None:
    """A hint with the nearest names; None where none is near."""
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(given.lower(), list(by_lower), n=NEAREST, cutoff=0.6)
    return f"Did you mean {_listed([by_lower[one] for one in near], 'or')}?" if near else None


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
