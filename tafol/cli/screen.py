"""What commands print with. Results go to stdout, everything said meanwhile to stderr, so that pipes stay clean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def console(*, stderr: bool = False) -> Console:
    """A console for results, or with `stderr` for what is said meanwhile. Text is text: no markup is read in it."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, soft_wrap=True, emoji=False)


def say(sentence: str) -> None:
    """A sentence for the person who waits."""
    console(stderr=True).print(printable(sentence))


def show(text: str) -> None:
    """A result, in words."""
    console().print(printable(text))


def show_json(value: Any) -> None:
    """A result for a program."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = (), whole: Sequence[str] = ()
) -> None:
    """A result as a table. `numbers`: columns that stand at the right; `whole`: those whose cells are never broken,
    for people copy them.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in numbers else "left", overflow="fold", no_wrap=column in whole
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console_ = console()
    console_.soft_wrap = False
    console_.print(table)


def show_verdict(verdict: str, finding: str, cure: str) -> None:
    """One finding, its verdict as a word and a colour; what to do about it below."""
    from rich.text import Text

    lines = Text(f"{verdict:<6}", style=STYLES[verdict])
    lines.append(printable(finding), style="default")
    if cure:
        lines.append(f"\n      -> {printable(cure)}", style="default")
    console().print(lines)


def progress_bar(total: int | None) -> Progress:
    """A bar over bytes, on stderr; nothing when that is not a terminal. The caller adds the task."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    rest = [TimeRemainingColumn()] if total else []
    err = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        *rest,
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def printable(text: str) -> str:
    """`text` without anything that would steer a terminal; what comes from records may hold such."""
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)
