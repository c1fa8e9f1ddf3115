"""schema export, docs: the files under docs/ that are made from the code, and checked against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tafol.cli import session
from tafol.cli.screen import say, show

STALE = 1
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The docs folder.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 when a file is not current.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    schema = typer.Typer(no_args_is_help=True, help="The records that cross a boundary, for other tools.")
    schema.callback()(_nothing_more)
    schema.command("export")(schema_export)
    app.add_typer(schema, name="schema", rich_help_panel=session.SET_UP)
    app.command(rich_help_panel=session.SET_UP)(docs)


def schema_export(out: Out = Path("docs"), check: Check = False) -> None:
    """Write JSON Schema of every record (DIR/schemas) and one AsyncAPI document (DIR/asyncapi.yaml)."""
    from tafol.schema_export import files

    _bring_in_line(out, files(), check=check)


def docs(out: Out = Path("docs"), check: Check = False) -> None:
    """Write the pages that are made from the code: cli, configuration, metrics, topics."""
    from tafol.cli.pages import pages

    _bring_in_line(out, pages(), check=check)


def _nothing_more() -> None:
    """The group's options: none."""


def _bring_in_line(out: Path, wanted: dict[str, str], *, check: bool) -> None:
    from schemas.errors import ConfigError
    from tafol.schema_export import stale, write

    if check:
        for name in (wrong := stale(out, wanted)):
            say(f"{out / name} is not current")
        raise typer.Exit(STALE if wrong else 0)
    try:
        changed = write(out, wanted)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror or error}") from None
    show(f"{len(changed)} of {len(wanted)} files below {out} written, the others were current.")
