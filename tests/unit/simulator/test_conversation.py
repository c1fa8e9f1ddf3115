"""Chats read like chats, in both languages."""

import re
from random import Random

import pytest

from tafol.simulator.centre import TOPICS
from tafol.simulator.conversation import LANGUAGES, Turn, converse, phrases

pytestmark = pytest.mark.unit


def chat(seed: int = 1, **fields: object) -> list[Turn]:
    said: dict[str, object] = {
        "language": "en", "topic": "billing", "account": "12345678", "quality": 0.9, "resolved": True, "told": True,
        "turns": 16,
    }  # fmt: skip
    return converse(Random(seed), **(said | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_can_be_talked_about_at_any_length(language: str, topic: str) -> None:
    for seed, turns in enumerate(range(6, 31)):
        for quality in (0.1, 0.9):
            said = chat(seed, language=language, topic=topic, turns=turns, quality=quality, told=seed % 2 == 0)
            assert 6 <= len(said) <= turns
            assert not any("{" in text or "}" in text or not text.strip() for _, text in said)
            assert said[-1][0] == "colleague"
            assert ("system" in {speaker for speaker, _ in said}) == (seed % 2 == 0)


def test_both_languages_say_the_same_number_of_things() -> None:
    english, welsh = phrases("en"), phrases("cy")
    for name in ("greeting", "verify", "hold", "curt", "extra", "closing", "days", "on_days", "products"):
        assert len(getattr(english, name)) == len(getattr(welsh, name)), name
    assert english.topics.keys() == welsh.topics.keys() == set(TOPICS)
    for topic in TOPICS:
        cases = zip(english.topics[topic].cases, welsh.topics[topic].cases, strict=True)
        for in_english, in_welsh in cases:
            assert len(in_english.details) == len(in_welsh.details)
            slots = re.compile(r"{[a-z]+(?=[_}])")
            assert set(slots.findall(in_english.problem)) == set(slots.findall(in_welsh.problem))


def test_a_customer_who_gets_nowhere_says_so() -> None:
    english = phrases("en")
    texts = {text for seed in range(50) for _, text in chat(seed, resolved=False)}
    assert texts & set(english.unhappy)
    assert not texts & set(english.happy)


def test_a_good_colleague_checks_who_it_is_more_often_than_a_bad_one() -> None:
    checked = set(phrases("en").verified)

    def times_checked(quality: float) -> int:
        return sum(any(text in checked for _, text in chat(seed, quality=quality)) for seed in range(200))

    assert times_checked(0.9) > 2 * times_checked(0.2)
