"""No string outside the catalogue, none untranslated, and every place-holder in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from desk.translations import N_, SOURCES, extracted, translations, welsh

pytestmark = pytest.mark.unit

PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
TEMPLATES = sorted((SOURCES / "templates").rglob("*.html"))
SAME_IN_BOTH = {"Tafol", "English", "Cymraeg", "Shift", "N", "Esc", "j", "k", "n", "c", "e", "g", "f", "t", "p", "s"}
"""Names, keys and languages in their own words."""
CODE_TAGS = {"code", "script"}
SPOKEN = {"aria-label", "title", "placeholder", "alt", "data-label", "data-confirm", "data-on", "data-off"}


class _Visible(HTMLParser):
    """Texts and spoken attributes of a template whose Jinja parts were cut out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE_TAGS:
            self._inside.append(tag)
        self.found += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def without_jinja(text: str) -> str:
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{% block width %\}\w*\{% endblock %\}", "", text)
    text = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "", text, flags=re.DOTALL)
    return re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_a_word_outside_the_catalogue(template: Path) -> None:
    parser = _Visible()
    parser.feed(without_jinja(template.read_text()))
    said = {word for text in parser.found for word in text.split() if re.search(r"[A-Za-z]", word)}
    assert said - SAME_IN_BOTH == set()


def test_no_script_says_a_word_outside_the_catalogue() -> None:
    for script in sorted((SOURCES / "static").glob("*.js")):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", script.read_text(), flags=re.DOTALL)
        shown = re.findall(r"textContent\s*=\s*[\"'`](\w[^\"'`]*)", text) + re.findall(r"\b(?:say|alert)\([\"'`]", text)
        assert shown == [], script.name


def test_the_welsh_catalogue_holds_every_string_and_no_other() -> None:
    wanted = {message.id for message in extracted() if message.id}
    kept = {message.id for message in welsh() if message.id}
    assert kept == wanted, "run python -m desk.translations, then translate what is new"


def test_every_string_has_its_welsh_with_the_same_place_holders() -> None:
    for message in welsh():
        english, cymraeg = _texts(message.id), _texts(message.string)
        if not any(english):
            continue
        assert not message.fuzzy, english
        assert cymraeg, english
        assert all(cymraeg), english
        known = {name for text in english for name in PLACE.findall(text)}
        assert {name for text in cymraeg for name in PLACE.findall(text)} == known, english


def _texts(one: object) -> list[str]:
    return [str(text) for text in one] if isinstance(one, list | tuple) else [str(one or "")]


def test_welsh_is_compiled_from_the_clone_and_english_is_itself() -> None:
    assert translations("cy").gettext("Queues") == "Ciwiau"
    assert translations("en").gettext("Queues") == "Queues"
    assert N_("Queues") == "Queues"
    for n in range(12):
        many = translations("cy").ngettext(
            "One item waits for you.", "%(ready)s items wait for you; you get the most pressing one.", n
        )
        assert ("un eitem" in many) == (n == 1)
