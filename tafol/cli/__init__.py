"""The command line: `tafol [--config FILE] [--data-dir DIR] COMMAND`.

    program    options for all commands, errors and exit codes in one place
    screen     what commands print with: sentences, tables, JSON
    session    what the options of the program mean for a command
    running    demo, up, worker
    playing    simulate
    desk       desk run, people import, account add, audit verify
    records    send, rejected list|replay
    registers  frame, notices, scorecard, detectors publish
    frames     frame check|diff|list|key|sign|verify-signature, explain, ineligible
    frame_history  frame preview|plan|verify
    servers    topics apply|check, migrate, broker, clickhouse
    watching   status, doctor
    trends     trends, trends compare|league; trend_tables shows them
    detect     detect alerts|acknowledge|resolve|backtest|agree
    reference  schema export, docs; pages makes the generated pages

Modules here import typer and the standard library at the top and everything else within the command, so that
`tafol --help` answers at once (a test holds them to it).

Exit codes: 0 done; 1 failed; 2 used wrongly; 3 done, but some lines were refused; 130 interrupted.
"""

from tafol.cli.program import app


def main() -> None:
    """The entry point `tafol`."""
    app(prog_name="tafol")


__all__ = ["app", "main"]
