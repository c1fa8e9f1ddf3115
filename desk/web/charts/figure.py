"""A figure: what it shows in a sentence, the table behind it, and how it is drawn.

The sentence is the picture's text alternative, and the table says all that the picture does, so that nobody needs to
see it. Picture, page and CSV are made of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Kind = Literal["text", "count", "score", "change", "percent", "day", "moment"]
"""How a cell reads: score and change in points with one place, percent of a share of 1."""
Size = Literal["narrow", "middle", "wide"]
Cell = str | float | int | date | datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """For whom it is drawn. `size`: narrow for a phone; `paper`: white ground and bundled fonts, for PNG."""

    dark: bool = False
    size: Size = "middle"
    paper: bool = False

    @property
    def narrow(self) -> bool:
        return self.size == "narrow"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` names it in CSV, `words` on the page."""

    key: str
    words: str
    kind: Kind = "text"

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "score", "change", "percent")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in the words of one language. `name`: in addresses; `notes`: what a reader must know to trust it."""

    name: str
    title: str
    finding: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    draw: Callable[[Look], dict[str, Any]]
    """The Vega-Lite specification."""
    notes: tuple[str, ...] = ()
