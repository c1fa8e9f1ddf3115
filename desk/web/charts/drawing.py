"""How figures look, and a figure as SVG, PNG or CSV.

Colours are those of Okabe and Ito, told apart with any colour vision, on light and on dark; nothing is said by colour
alone. vl-convert runs Vega in this process: no browser, no network (it is given no address that it may load).
"""

from __future__ import annotations

import csv
import io
import textwrap
import threading
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final

import vl_convert
from babel import Locale
from babel.dates import get_day_names, get_month_names

from desk.web.charts.figure import Figure, Look, Size
from desk.web.language import LOCALES, Speech

VEGA_LITE: Final = "6.4"
PNG_SCALE: Final = 2.0
LINES: Final = "split(datum.label, '\\n')"
"""The labelExpr of an axis with wrapped labels."""
WIDTH_PX: Final[dict[Size, int]] = {"narrow": 250, "middle": 600, "wide": 990}
SCREEN_FONT: Final = "Arial, 'Liberation Sans', Helvetica, Roboto, sans-serif"
"""As wide as the font by which vl-convert lays text out, so that no label is cut."""
PAPER_FONT: Final = "sans-serif"
LABEL_CHARS: Final[dict[Size, int]] = {"narrow": 17, "middle": 34, "wide": 44}
LABEL_LINES: Final[dict[Size, int]] = {"narrow": 3, "middle": 2, "wide": 2}

_ONE_AT_A_TIME: Final = threading.Lock()
"""Altair 6 keeps what `alt.Y(...).title(...)` sets in an object that all threads share (schemapi._PropertySetter): two
pictures that are specified at once get some of each other's axes."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they stand for."""

    ground: str
    ink: str
    soft: str
    line: str
    main: str
    """The thing itself: estimates."""
    alarm: str
    """Falls and alerts."""
    good: str
    """Rises."""
    quiet: str
    """What is only for comparison, and what too few reviews stand behind."""
    heat: tuple[str, str, str]
    """Grounds of cells, low, middle and high: pale enough for `ink` to be read on them."""


LIGHT: Final = Palette(
    "#ffffff",
    "#1b242d",
    "#525d69",
    "#dfdcd4",
    "#0072b2",
    "#c44500",
    "#00704f",
    "#767f88",
    ("#f0a46c", "#f3f1ec", "#7db9e3"),
)
DARK: Final = Palette(
    "#1a2229",
    "#e8ecef",
    "#aab5bf",
    "#36434d",
    "#66bdf0",
    "#ff9a5c",
    "#4fd0a5",
    "#8d98a3",
    ("#8f4a17", "#2b363f", "#22618f"),
)


def palette(look: Look) -> Palette:
    return DARK if look.dark and not look.paper else LIGHT


def width(look: Look) -> int:
    """Of the plot within its axes, in pixels."""
    return WIDTH_PX[look.size]


def wrapped(text: str, look: Look) -> str:
    """A label over as many lines as it needs; axes split it at the line feeds (LINES)."""
    lines = textwrap.wrap(text, LABEL_CHARS[look.size], max_lines=LABEL_LINES[look.size], placeholder="…")
    return "\n".join(lines) or text


def configuration(look: Look) -> dict[str, Any]:
    """Vega-Lite's `config` of all figures."""
    ink = palette(look)
    size = 12 if look.size == "middle" else 13
    return {
        "background": ink.ground if look.paper else None,
        "font": PAPER_FONT if look.paper else SCREEN_FONT,
        "view": {"stroke": None},
        "padding": {"left": 4, "right": 16, "top": 6, "bottom": 4},
        "axis": {
            "labelColor": ink.soft, "titleColor": ink.soft, "labelFontSize": size, "titleFontSize": size,
            "titleFontWeight": "normal", "gridColor": ink.line, "domainColor": ink.line, "tickColor": ink.line,
            "labelLimit": 0,
        },
        "header": {"labelColor": ink.ink, "labelFontSize": size, "labelFontWeight": "bold", "title": None},
        "legend": {"labelColor": ink.ink, "titleColor": ink.soft, "labelFontSize": size, "titleFontSize": size},
        "text": {"color": ink.ink, "fontSize": size},
        "title": {"color": ink.ink, "fontSize": size + 1, "anchor": "start"},
    }  # fmt: skip


def as_svg(figure: Figure, look: Look, say: Speech) -> str:
    """The picture as SVG, without script or style of its own."""
    with _ONE_AT_A_TIME:
        drawn: str = vl_convert.vegalite_to_svg(_specification(figure, look), **_options(say))
    return drawn


def as_png(figure: Figure, say: Speech) -> bytes:
    """The picture for documents: light, with its title, at twice the pixels."""
    with _ONE_AT_A_TIME:
        specification = _specification(figure, Look(paper=True)) | {"title": figure.title}
        drawn: bytes = vl_convert.vegalite_to_png(specification, scale=PNG_SCALE, **_options(say))
    return drawn


def as_csv(figure: Figure) -> str:
    """The table: full precision, times with their zone, empty where there is nothing."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.key for column in figure.columns)
    writer.writerows([_plain(cell) for cell in row] for row in figure.rows)
    return out.getvalue()


def _specification(figure: Figure, look: Look) -> dict[str, Any]:
    return figure.draw(look) | {"config": configuration(look)}


def _options(say: Speech) -> dict[str, Any]:
    numbers, times = _locale(say.code)
    return {
        "vl_version": VEGA_LITE,
        "format_locale": numbers,
        "time_format_locale": times,
        "allowed_base_urls": [],
    }


@cache
def _locale(code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """d3's number and time locale for a language of the pages."""
    locale: Locale = LOCALES[code]
    numbers = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["£", ""]}
    days = {width: get_day_names(width, "format", locale) for width in ("wide", "abbreviated")}
    months = {width: get_month_names(width, "format", locale) for width in ("wide", "abbreviated")}
    sunday_first = (6, 0, 1, 2, 3, 4, 5)
    times = {
        "dateTime": "%e %B %Y %H:%M",
        "date": "%d/%m/%Y",
        "time": "%H:%M",
        "periods": ["AM", "PM"],
        "days": [days["wide"][n] for n in sunday_first],
        "shortDays": [days["abbreviated"][n] for n in sunday_first],
        "months": [months["wide"][n] for n in range(1, 13)],
        "shortMonths": [months["abbreviated"][n] for n in range(1, 13)],
    }
    return numbers, times


def _plain(cell: object) -> object:
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    return "" if cell is None else cell
