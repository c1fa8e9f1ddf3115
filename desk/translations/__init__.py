"""The words of the pages in English and Welsh: gettext catalogues, read as they are written.

English is the language of the message ids, so `cy.po` is the one catalogue; it is compiled in memory at start, and a
fresh clone needs no build step. `python -m desk.translations` takes new strings over from the sources.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from schemas.errors import ConfigError

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "cy")
WELSH_CATALOGUE: Final = FOLDER / "cy.po"
SOURCES: Final = FOLDER.parent / "web"
HEADER: Final = "# The pages of the review desk in Welsh. New strings come by `python -m desk.translations`."
METHODS: Final = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
JINJA_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true", "extensions": "jinja2.ext.i18n"}
}
KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def N_(text: str) -> str:  # noqa: N802  gettext's own name for a string that is translated later
    """Marks a string for the catalogue where it stands; it is translated where it is shown."""
    return text


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The words of `language`. Raises ConfigError when the catalogue can't be read."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, welsh())
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def welsh() -> Catalog:
    """The Welsh catalogue as it is written."""
    try:
        with WELSH_CATALOGUE.open("rb") as file:
            return read_po(file, locale="cy", abort_invalid=True)
    except OSError as error:
        raise ConfigError(f"{WELSH_CATALOGUE} cannot be read: {error.strerror}") from None


def extracted() -> Catalog:
    """Every string that the sources of the pages mark for translation."""
    found = Catalog(project="Tafol", charset="utf-8")
    for name, line, message, comments, context in extract_from_dir(
        SOURCES, METHODS, {name: dict(options) for name, options in JINJA_OPTIONS.items()}, KEYWORDS
    ):
        found.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return found


def update() -> tuple[int, int]:
    """Take new strings over into the Welsh catalogue and drop unused ones; (all, untranslated)."""
    catalogue = welsh() if WELSH_CATALOGUE.exists() else Catalog(locale="cy", charset="utf-8")
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.header_comment = HEADER
    catalogue.fuzzy = False
    catalogue.version = catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Tafol"
    catalogue.obsolete.clear()
    with WELSH_CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=120, include_lineno=False, sort_by_file=True, omit_header=False)
    wanting = sum(1 for message in catalogue if message.id and not _complete(message.string))
    return len(catalogue), wanting


def _complete(words: object) -> bool:
    return all(words) if isinstance(words, list | tuple) else bool(words)
