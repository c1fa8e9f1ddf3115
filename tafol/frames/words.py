"""Conditions, draws, caps and routes in plain English, as quality managers speak of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from schemas.conditions import AttributeTest, Condition, NumberTest, TextTest
from schemas.frame import Cap, QuotaDraw, RandomDraw, Route, Stratum, SystematicDraw, Targeted, TargetedCap

FIELD_WORDS: Final = {
    "team_id": "team", "colleague_id": "colleague", "duration_s": "length in seconds", "csat_0_100": "customer's score",
    "auto_score_0_100": "automatic score", "chat_lines": "number of chat lines",
}  # fmt: skip
FLAGS_WORDS: Final = {"has_recording": "a recording", "has_transcript": "a transcript"}


def condition(when: Condition) -> str:
    """`channel is chat and language is cy`; `everything` for an empty one."""
    parts: list[str] = []
    for name, wanted in when.named.items():
        if name == "attributes":
            parts += [f"attribute {key} {_test(test)}" for key, test in wanted.items()]
        elif isinstance(wanted, bool):
            parts.append(f"there is {'' if wanted else 'not '}{FLAGS_WORDS[name]}")
        else:
            parts.append(f"{field(name)} {_test(wanted)}")
    return " and ".join(parts) or "everything"


def field(name: str) -> str:
    """What a condition field is called."""
    return FIELD_WORDS.get(name, name)


def draw(stratum: Stratum) -> str:
    """How a stratum is drawn, with its cap."""
    return drawn(stratum.draw) + ("" if stratum.cap is None else f", {cap(stratum.cap)}")


def drawn(method: Any) -> str:
    """How a draw works, without a cap."""
    match method:
        case RandomDraw(rate=rate):
            return f"{percent(rate)} at random"
        case SystematicDraw(every=every):
            return f"every {ordinal(every)} ({percent(1 / every)})"
        case QuotaDraw(per=per):
            unit = "for the whole stratum" if per == "stratum" else f"for each {per}"
            return f"{_in_windows(method)} {unit}"
        case _:
            return "nothing is drawn"


def cap(one: Cap | TargetedCap) -> str:
    """A cap of a stratum or an overlay."""
    each = {"all": "in all", "team": "for each team"}.get(getattr(one, "per", "colleague"), "for each colleague")
    return f"at most {_in_windows(one)} {each}"


def overlay(one: Targeted) -> str:
    """What an overlay takes."""
    return f"takes what matches: {condition(one.when)}" + ("" if one.cap is None else f"; {cap(one.cap)}")


def route(one: Route) -> str:
    """Where a route sends, without its condition."""
    skills = f", needs {listed(one.skills)}" if one.skills else ""
    return (
        f"queue {one.queue}, scorecard {one.scorecard}, priority {one.priority}, "
        f"due in {one.due_working_hours:g} working hours{skills}"
    )


def percent(share: float) -> str:
    """0.075 -> `7.5 %`."""
    return f"{float(f'{100 * share:.4g}'):g} %"


def ordinal(number: int) -> str:
    """10 -> `10th`."""
    ending = "th" if 11 <= number % 100 <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def listed(values: Sequence[Any], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    texts = [str(value) for value in values]
    return f" {last} ".join(filter(None, [", ".join(texts[:-1]), texts[-1]])) if texts else "nothing"


def _in_windows(one: Any) -> str:
    parts = f", in {one.parts} parts" if one.parts > 1 else ""
    return f"{one.n} a {one.window}{parts}"


def _test(wanted: Any) -> str:
    if isinstance(wanted, tuple):
        return f"is {listed(wanted, 'or')}"
    words: list[str] = []
    if isinstance(wanted, TextTest | AttributeTest):
        words += [f"is {listed(wanted.one_of, 'or')}"] if wanted.one_of else []
        words += [f"is not {listed(wanted.none_of, 'or')}"] if wanted.none_of else []
    if isinstance(wanted, NumberTest | AttributeTest):
        words += [f"is at least {wanted.at_least:g}"] if wanted.at_least is not None else []
        words += [f"is at most {wanted.at_most:g}"] if wanted.at_most is not None else []
    if wanted.present is not None:
        words.append("is given" if wanted.present else "is not given")
    return " and ".join(words)
