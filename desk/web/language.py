"""In which language a page speaks, and how dates, numbers and durations read in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal, format_percent
from fastapi import Request

from desk.translations import LANGUAGES, translations
from schemas.base import BilingualText

COOKIE: Final = "tafol-language"
COOKIE_AGE_S: Final = 365 * 24 * 3600
PageLanguage = Literal["en", "cy"]
NO_NUMBER: Final = "\N{EN DASH}"
LOCALES: Final = {"en": Locale("en", "GB"), "cy": Locale("cy", "GB")}


@dataclass(frozen=True)
class Speech:
    """One language with one time zone: what templates call to say things."""

    code: PageLanguage
    zone: ZoneInfo

    @property
    def gettext(self) -> Callable[[str], str]:
        return translations(self.code).gettext

    @property
    def ngettext(self) -> Callable[[str, str, int], str]:
        return translations(self.code).ngettext

    def words(self, message: str) -> str:
        """A message id in this language; for text that templates hold as a value."""
        return self.gettext(message) if message else ""

    def label(self, table: Mapping[str, str], code: str) -> str:
        """The words for a code of `desk.web.labels`; the code itself where it is the organisation's own."""
        return self.gettext(table[code]) if code in table else code.replace("-", " ").replace("_", " ")

    def text(self, words: BilingualText) -> str:
        """The side of a bilingual text that this language reads."""
        return words.cy if self.code == "cy" else words.en

    def number(self, value: float, places: int = 0) -> str:
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return format_decimal(value, format=pattern, locale=LOCALES[self.code])

    def score(self, value: float | None) -> str:
        """A score of 0 to 100 with one place; a dash where there is none."""
        return NO_NUMBER if value is None else self.number(value, 1)

    def change(self, value: float) -> str:
        """A change in points with its sign, so that 'from -3.0 to +1.2' can't be misread."""
        pattern = "+#,##0.0;\N{MINUS SIGN}#,##0.0"
        return format_decimal(round(value, 1) + 0.0, format=pattern, locale=LOCALES[self.code])

    def percent(self, share: float) -> str:
        return format_percent(share, format="#,##0.#%" if share < 0.1 else "#,##0%", locale=LOCALES[self.code])

    def day(self, when: date | datetime) -> str:
        local = when.astimezone(self.zone) if isinstance(when, datetime) else when
        return format_date(local, format="d MMM y", locale=LOCALES[self.code])

    def moment(self, when: datetime) -> str:
        """Day and time in the organisation's zone."""
        return format_datetime(when, format="d MMM y, HH:mm", tzinfo=self.zone, locale=LOCALES[self.code])

    def clock(self, when: datetime) -> str:
        """Hour and minute in the organisation's zone."""
        return format_time(when, format="HH:mm", tzinfo=self.zone, locale=LOCALES[self.code])

    def hour(self, when: datetime) -> str:
        return format_time(when, format="HH:mm:ss", tzinfo=self.zone, locale=LOCALES[self.code])

    def duration(self, seconds: float) -> str:
        """About how long: '3 minutes', '2 days'."""
        span = timedelta(seconds=max(0.0, seconds))
        return format_timedelta(span, threshold=1, locale=LOCALES[self.code])


@cache
def speech(code: PageLanguage, zone: str) -> Speech:
    return Speech(code, ZoneInfo(zone))


def language_of(request: Request, preferred: str | None = None) -> PageLanguage:
    """The cookie's language, else the account's, else the browser's first that the desk speaks, else English."""
    for wish in (request.cookies.get(COOKIE), preferred, *_accepted(request.headers.get("accept-language", ""))):
        if wish == "cy":
            return "cy"
        if wish == "en":
            return "en"
    return "en"


def _accepted(header: str) -> list[str]:
    """Primary tags of an Accept-Language header in the order in which the browser gives them."""
    tags = [part.split(";")[0].strip().lower().split("-")[0] for part in header[:200].split(",")]
    return [tag for tag in tags if tag in LANGUAGES]
