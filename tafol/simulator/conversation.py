"""Words for a chat: a notice, a greeting, a problem, checks, questions, an answer, a goodbye, in English or Welsh.

The better a transaction is handled, the likelier the courtesies are: a colleague on a bad day skips the security
questions, answers curtly and forgets to ask whether that was all. So what a reviewer reads fits what they find.
"""

from __future__ import annotations

import functools
from importlib import resources
from random import Random
from typing import Annotated, Final

import yaml
from pydantic import Field

from schemas.base import Record

FEWEST_TURNS: Final = 6
LANGUAGES: Final = ("en", "cy")
TROUBLES: Final = frozenset({"billing", "technical-support", "complaint", "cancellation"})
"""Topics in which a kind word is in place."""
_POSTCODES: Final = ("CF10", "CF24", "LL57", "LL55", "SA1", "SA2")
_POSTCODE_LETTERS: Final = "ABDEFGHJLN"

Turn = tuple[str, str]
"""Speaker and text."""
Lines = Annotated[tuple[str, ...], Field(min_length=1)]
Pair = tuple[str, str]


class Case(Record):
    """One thing that a customer may want. `details`: what the colleague asks, what the customer answers."""

    problem: str
    details: tuple[Pair, ...]
    resolved: str


class TopicPhrases(Record):
    """What is said about one topic. `details` go with any of its cases."""

    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    details: tuple[Pair, ...]
    unresolved: str


class Phrases(Record):
    """What is said in one language."""

    notice: Lines
    colleagues: Lines
    months: Annotated[Lines, Field(min_length=12, max_length=12)]
    days: Lines
    on_days: Lines
    products: Lines
    greeting: Lines
    curt_greeting: Lines
    customer_greeting: Lines
    empathy: Lines
    verify: tuple[Pair, ...]
    verified: Lines
    hold: tuple[Pair, ...]
    back: Lines
    curt: tuple[Pair, ...]
    extra: tuple[Pair, ...]
    anything_else: Lines
    nothing_else: Lines
    happy: Lines
    unhappy: Lines
    closing: Lines
    curt_closing: Lines
    topics: dict[str, TopicPhrases]


@functools.cache
def phrases(language: str) -> Phrases:
    """The phrases of a language in LANGUAGES."""
    text = resources.files("tafol.simulator").joinpath("phrases", f"{language}.yaml").read_text("utf-8")
    return Phrases.model_validate(yaml.safe_load(text))


def converse(
    chances: Random, *, language: str, topic: str, account: str, quality: float, resolved: bool, told: bool, turns: int
) -> list[Turn]:
    """A chat of FEWEST_TURNS to about `turns` turns.

    `quality` 0 to 1; `resolved`: whether the customer gets what they came for; `told`: whether the chat banner with
    the monitoring notice was shown.
    """
    said = phrases(language)
    about = said.topics[topic]
    case = chances.choice(about.cases)
    pick = chances.choice
    courteous = chances.random() < quality
    opening: list[Turn] = [("system", pick(said.notice))] if told else [("customer", pick(said.customer_greeting))]
    opening += [
        ("colleague", pick(said.greeting if courteous else said.curt_greeting)),
        ("customer", f"{pick(said.customer_greeting)} {case.problem}" if told else case.problem),
    ]
    ending: list[Turn] = [
        ("colleague", case.resolved if resolved else about.unresolved),
        ("customer", pick(said.happy if resolved else said.unhappy)),
        ("colleague", pick(said.closing if courteous else said.curt_closing)),
    ]
    room = turns - len(opening) - len(ending)
    middle: list[Turn] = []
    details = chances.sample(case.details + about.details, len(case.details + about.details))
    for block in _blocks(chances, said, details, quality, trouble=topic in TROUBLES):
        if len(block) <= room:
            middle += block
            room -= len(block)
    if room >= 2 and chances.random() < quality:
        ending[2:2] = [("colleague", pick(said.anything_else)), ("customer", pick(said.nothing_else))]
    slots = _slots(chances, said, account)
    return [(speaker, text.format_map(slots)) for speaker, text in (*opening, *middle, *ending)]


def _blocks(chances: Random, said: Phrases, details: list[Pair], quality: float, *, trouble: bool) -> list[list[Turn]]:
    """What may come between problem and answer, in order; each block is said whole or not at all."""
    pick = chances.choice
    blocks: list[list[Turn]] = []
    if trouble and chances.random() < quality:
        blocks.append([("colleague", pick(said.empathy))])
    if chances.random() < quality + 0.15:
        asked = [turn for pair in said.verify for turn in _asked(pair)]
        blocks.append([*asked, ("colleague", pick(said.verified))])
    blocks += [_asked(pair) for pair in details]
    if chances.random() > quality:
        blocks.append(_asked(pick(said.curt)))
    blocks.append([*_asked(pick(said.hold)), ("colleague", pick(said.back))])
    blocks += [[("customer", asked), ("colleague", answered)] for asked, answered in chances.sample(said.extra, 2)]
    return blocks


def _asked(pair: Pair) -> list[Turn]:
    return [("colleague", pair[0]), ("customer", pair[1])]


def _slots(chances: Random, said: Phrases, account: str) -> dict[str, str]:
    weekday = chances.randrange(len(said.days))
    letters = "".join(chances.choices(_POSTCODE_LETTERS, k=2))
    return {
        "account": account,
        "amount": f"{chances.randrange(8, 180)}.{chances.choice(('00', '50', '99', '25'))}",
        "colleague": chances.choice(said.colleagues),
        "day": said.days[weekday],
        "month": chances.choice(said.months),
        "on_day": said.on_days[weekday],
        "postcode": f"{chances.choice(_POSTCODES)} {chances.randrange(1, 10)}{letters}",
        "product": chances.choice(said.products),
        "ref": f"{chances.randrange(16**6):06X}",
    }
