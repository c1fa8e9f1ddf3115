"""Templates: Jinja2 with autoescape and one environment a language, so that a page can't speak two."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from desk.translations import LANGUAGES, translations
from desk.web import labels

if TYPE_CHECKING:
    from desk.web.page import Page

FOLDER: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"


class Templates:
    """Renders templates for pages."""

    def __init__(self) -> None:
        stamp = _stamp()
        self._environments = {code: _environment(code, stamp) for code in LANGUAGES}

    def render(self, template: str, page: Page, values: dict[str, Any]) -> str:
        known: dict[str, Any] = {
            "page": page,
            "actor": page.actor,
            "account": "" if page.actor is None else page.actor.account_id,
            "offline": False,
            "say": page.speech,
            "csrf": page.csrf,
            "now": page.desk.now(),
            "path": page.request.url.path,
            "said": labels.SAID.get(page.request.query_params.get("said", "")),
        }
        return self._environments[page.speech.code].get_template(template).render({**known, **values})


@cache
def _environment(code: str, stamp: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    words = translations(code)
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(labels=labels, stamp=stamp, language=code)
    return environment


def _stamp() -> str:
    """Changes with any static file: the address of a style or script names the version that a page wants."""
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted(STATIC.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
