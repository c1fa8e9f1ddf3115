"""demo, up, worker: what runs until it is stopped."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from tafol.cli import session
from tafol.cli.screen import console, say

DEMO_DAYS = 28
DEMO_TRANSACTIONS_PER_WEEK = 5_500


class Role(StrEnum):
    """What a worker does."""

    sampling = "sampling"
    scoring = "scoring"
    sink = "sink"
    all = "all"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel=session.RUN)(demo)
    app.command(rich_help_panel=session.RUN)(up)
    app.command(rich_help_panel=session.RUN)(worker)


def demo(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=2, max=35, help="Simulated days, ending now.")] = DEMO_DAYS,
    per_week: Annotated[
        int, typer.Option("--per-week", min=100, max=1_000_000, help="Transactions a week.")
    ] = DEMO_TRANSACTIONS_PER_WEEK,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--no-stay", help="Then open the review desk, until Ctrl-C. Default: on a terminal."),
    ] = None,
) -> None:
    """Play four weeks of a simulated contact centre through the whole pipeline, and show that the counts agree.

    Needs nothing: Kafka and ClickHouse run on this machine, in a folder of the demo's own, which --data-dir names.
    """
    from tafol.demo import Plan, run

    stays = sys.stdin.isatty() and sys.stdout.isatty() if stay is None else stay
    raise typer.Exit(run(session.of(context).data_dir, Plan(days, per_week), console(), stay=stays))


def up(context: typer.Context) -> None:
    """Run everything on this machine: the local servers and a worker of each role. Ctrl-C stops it all."""
    from tafol.stack import up as run

    here = session.of(context)
    raise typer.Exit(run(here.settings(), here.config_file, say))


def worker(
    context: typer.Context,
    role: Annotated[
        Role,
        typer.Option("--role", help="sampling: sample and route; scoring: combine; sink: ClickHouse; all: the three."),
    ],
) -> None:
    """Run one worker until Ctrl-C or SIGTERM. Topics and tables must be there: topics apply, migrate."""
    from tafol.worker import run

    raise typer.Exit(run(role.value, session.of(context).settings()))
