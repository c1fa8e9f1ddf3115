"""The SQL files of the query library. Each says in its head what it returns, in which units, and why it is right."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


@cache
def sql(name: str) -> str:
    """The text of `name`.sql."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
