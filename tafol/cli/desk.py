"""desk run, people import, account add, audit verify, erase: the review desk and what its engineer needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tafol.cli import session
from tafol.cli.screen import say, show, show_json

BROKEN = 1
WRONG_FILE = 3


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    desk = typer.Typer(no_args_is_help=True, help="The review desk: queues, scorecards, people.")
    desk.callback()(_nothing_more)
    desk.command("run")(run)
    people = typer.Typer(no_args_is_help=True, help="Who uses the desk.")
    people.callback()(_nothing_more)
    people.command("import")(people_import)
    account = typer.Typer(no_args_is_help=True, help="Single accounts.")
    account.callback()(_nothing_more)
    account.command("add")(account_add)
    audit = typer.Typer(no_args_is_help=True, help="The audit trail.")
    audit.callback()(_nothing_more)
    audit.command("verify")(audit_verify)
    desk.command("erase")(erase)
    for name, group in (("people", people), ("account", account), ("audit", audit)):
        desk.add_typer(group, name=name)
    app.add_typer(desk, name="desk", rich_help_panel=session.RUN)


def run(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Make accounts to try it with, and show them at the door.")] = (
        False
    ),
) -> None:
    """Run the review desk until Ctrl-C or SIGTERM. Topics must be there: topics apply."""
    from tafol.desk import run as run_desk

    raise typer.Exit(run_desk(session.of(context).settings(), demo=demo))


def people_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a line of column names.")],
) -> None:
    """Make and change accounts from a CSV: login,name,roles,colleague_id,not_a_colleague,languages,skills,teams.

    All or nothing: with any mistake nothing is changed, each is named with its line, and the exit code is 3.
    """
    from schemas.errors import ConfigError
    from tafol.desk import ENGINEER, opened

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    with opened(session.of(context).settings()) as desk:
        report = desk.people.import_csv(ENGINEER, text)
    for line, sentence in report.problems:
        say(f"line {line}: {sentence}")
    if report.problems:
        raise typer.Exit(WRONG_FILE)
    show(f"{report.created} made, {report.changed} changed, {report.unchanged} as they were.")


def account_add(
    context: typer.Context,
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Sign-in name, or the e-mail address for OIDC.")],
    *,
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[
        list[str],
        typer.Option(help="reviewer, supervisor, quality_manager, colleague, judge or administrator; repeat for more."),
    ],
    colleague_id: Annotated[str | None, typer.Option(help="Their id in the transactions.")] = None,
    not_a_colleague: Annotated[
        bool, typer.Option("--not-a-colleague", help="They serve no customers: they may review anybody.")
    ] = False,
    language: Annotated[list[str] | None, typer.Option(help="They review in it; repeat for more. Default: en.")] = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="They sign in with OIDC alone.")] = False,
) -> None:
    """Make one account; the password is asked for, or read from a pipe."""
    from desk.people.authorisation import ROLES
    from desk.views import NewPerson
    from schemas.errors import ConfigError
    from tafol.desk import ENGINEER, opened

    unknown = [one for one in role if one not in ROLES]
    if unknown:
        raise ConfigError(f"there is no role {unknown[0]!r}", hint=f"Roles are {', '.join(ROLES)}.")
    password = None if no_password else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    person = NewPerson(
        login=login,
        name=name,
        roles=tuple(one for one in ROLES if one in role),
        colleague_id=colleague_id,
        not_a_colleague=not_a_colleague,
        languages=tuple(language or ("en",)),
    )
    with opened(session.of(context).settings()) as desk:
        made = desk.people.create(ENGINEER, person, password)
    show(f"{made.login} is {made.account_id}.")


def audit_verify(context: typer.Context, as_json: session.Json = False) -> None:
    """Check every hash of the audit trail, from the first entry on. Exit code 1 when one does not fit.

    Note the head that is printed somewhere else: with it, a later run also shows whether entries were cut off the end.
    """
    from tafol.desk import ENGINEER, opened

    with opened(session.of(context).settings()) as desk:
        check = desk.audit.verify(ENGINEER)
    if as_json:
        show_json(
            {
                "entries": check.entries,
                "first_bad_seq": check.first_bad_seq,
                "head": check.head_hex,
                "intact": check.intact,
            }
        )
    elif check.intact:
        show(f"{check.entries} entries, all intact. Head: {check.head_hex}")
    else:
        show(f"Entry {check.first_bad_seq} does not fit the chain: it, or one before it, was changed.")
    raise typer.Exit(0 if check.intact else BROKEN)


def erase(
    context: typer.Context,
    pseudonym: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The customer's pseudonym, where it is known, or was made with an older key."),
    ] = None,
) -> None:
    """Erase what the desk holds of one customer: transcripts, references, notes of evidence.

    The customer's reference is asked for, or read from a pipe, so that no shell history keeps it. What comes of this
    customer later is not kept either. Ratings are about the colleague and stay.
    """
    from tafol.desk import ENGINEER, opened
    from tafol.worker import pseudonyms

    settings = session.of(context).settings()
    if pseudonym is None:
        reference = typer.prompt("Customer reference", hide_input=True).strip()
        pseudonym = pseudonyms(settings).of(reference)
    with opened(settings) as desk:
        done = desk.erasures.erase(ENGINEER, pseudonym)
    show(
        f"Erasure {done.number}: content of {done.transactions} transaction(s) and {done.notes} note(s) are gone. "
        "Kafka and ClickHouse hold the pseudonym until their retention ends."
    )


def _nothing_more() -> None:
    """A group's options: none."""
