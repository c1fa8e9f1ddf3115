"""The program: options that hold for all commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from schemas.errors import TafolError
from tafol.cli import (
    checks,
    desk,
    detect,
    frames,
    playing,
    records,
    reference,
    registers,
    running,
    servers,
    trends,
    watching,
)
from tafol.cli.screen import printable
from tafol.cli.session import Session

FAILED: Final = 1
INTERRUPTED: Final = 130
LIBRARIES: Final = ("kafka", "aiokafka", "faust", "mode", "asyncio", "clickhouse_connect", "urllib3.connectionpool")
"""Loggers to be quiet. urllib3's by its full name: importing clickhouse-connect sets the level of the one above it."""


class Program(TyperGroup):
    """Turns what a command raises into a message on stderr and an exit code; wrong use is typer's own affair."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. With --debug, errors go through as they are."""
        debug = bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _complain("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except TafolError as error:
            if debug:
                raise
            _complain(f"Error: {error.message}", error.hint)
            raise typer.Exit(FAILED) from None
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:  # the program's edge: whatever it is, a person reads it
            if debug:
                raise
            _complain(
                f"Error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}",
                "This is a defect of Tafol. `tafol --debug ...` shows where it happened; please report it with that.",
            )
            raise typer.Exit(FAILED) from None


app = typer.Typer(
    name="tafol",
    cls=Program,
    help="Weighs the quality of customer service: draws a sample of every transaction, puts it before reviewers, and "
    "turns their scores into trends.",
    epilog="Begin with: tafol demo. Settings: docs/configuration.md. What is wrong: tafol doctor.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (running, playing, desk, records, registers, frames, checks, servers, watching, trends, detect, reference):
    part.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"tafol {metadata.version('tafol')}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings, TOML. Default: TAFOL_CONFIG, or tafol.toml here."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Folder of everything that Tafol keeps on this machine."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and what libraries log.")] = False,
    version: Annotated[  # noqa: ARG001 - the callback answers it
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Options that hold for all commands."""
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for library in LIBRARIES:
        # What they have to say, the errors say in words.
        logging.getLogger(library).setLevel(logging.INFO if debug else logging.CRITICAL)
    context.obj = Session(config, data_dir, debug)


def _complain(message: str, hint: str | None = None) -> None:
    typer.secho(printable(message), fg="red", err=True)
    if hint:
        typer.secho(printable(hint), err=True)
