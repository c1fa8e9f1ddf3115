"""Pages of docs/ that are made from the code: every command, setting, metric and topic. Tests keep them current."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer

from schemas.catalogue import MESSAGES
from sinks.metrics import metrics_markdown
from streams.topics import DAY_MS, Topic, topics
from tafol import settings

MADE: Final = "Made by `tafol docs` from {source}; a test keeps it current. Change it there, not here."
EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 failed; 2 used wrongly; 3 done, but some lines were refused (`send`); 130 interrupted."
)


def pages() -> dict[str, str]:
    """Text of every page by file name."""
    return {
        "cli.md": cli_page(),
        "configuration.md": configuration_page(),
        "metrics.md": metrics_markdown(),
        "topics.md": topics_page(),
    }


def cli_page() -> str:
    """Every command with its arguments and options."""
    from tafol.cli.program import app  # the app lists the command that makes this page

    root = typer.main.get_command(app)
    lines = ["# Command line", "", MADE.format(source="the commands themselves"), "", EXIT_CODES, ""]
    for path, command in commands(root, ("tafol",)):
        lines += [f"{'#' * min(len(path) + 1, 4)} `{' '.join(path)}`", "", _paragraphs(command.help or ""), ""]
        rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The command and all below it, with the words that call each."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


def configuration_page() -> str:
    """Every setting: path, environment variable, default, meaning."""
    lines = [
        "# Configuration",
        "",
        MADE.format(source="`tafol/settings.py`"),
        "",
        "Settings stand in a TOML file (`--config FILE`, `TAFOL_CONFIG`, or `tafol.toml` in the folder where you are)",
        "and in the environment, which wins. `kafka.bootstrap` is `bootstrap` below `[kafka]` in the file and",
        "`TAFOL_KAFKA__BOOTSTRAP` in the environment. Unknown names are refused. Secrets are files of mode 600.",
        "",
        "Settings decide when and how fast. Whatever enters a decision is published instead: `tafol frame publish`,",
        "`tafol notices publish`, `tafol scorecard publish`.",
        "",
        "| setting | variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for path, info in settings.setting_paths().items():
        variable = settings.PREFIX + path.upper().replace(".", "__")
        lines.append(f"| `{path}` | `{variable}` | {_default(path, info)} | {_cell(info.description or '')} |")
    return "\n".join(lines) + "\n"


def topics_page() -> str:
    """Every topic: what is on it, how it is kept, who writes and reads it."""
    usual = settings.TopicSettings()
    declared = topics(usual.partitions, usual.source_retention_days, usual.record_retention_days)
    lines = [
        "# Topics",
        "",
        MADE.format(source="`streams/topics.py` and `schemas/catalogue.py`"),
        "",
        "`tafol topics apply` makes them. Partition counts are fixed at creation; growth is a migration with a drain.",
        "Every topic has `message.timestamp.type=LogAppendTime`.",
        "",
        "| topic | records | key | partitions | cleanup | kept | largest | written by | read by |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_topic(topic, usual.partitions) for topic in declared),
        "",
        "Partitions: *n* is `topics.partitions`. Kept: with the settings as they come. The records that other tools",
        "may use are described in [asyncapi.yaml](asyncapi.yaml).",
    ]
    return "\n".join(lines) + "\n"


def _topic(topic: Topic, usual_partitions: int) -> str:
    message = MESSAGES.get(topic.name)
    kept = "for ever" if topic.retention_ms is None else f"{topic.retention_ms / DAY_MS:g} days"
    cells = (
        f"`{topic.name}`",
        "Tafol's own" if message is None else f"{message.model.__name__}: {message.content}",
        "-" if message is None else message.key,
        "*n*" if topic.partitions == usual_partitions else str(topic.partitions),
        topic.cleanup,
        kept,
        f"{topic.max_message_bytes // 1024**2} MiB",
        topic.writer,
        topic.readers,
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _parameter(parameter: Any) -> str:
    """One row: an argument or option, what it means, what values it takes."""
    meaning = parameter.help or ""
    if parameter.param_type_name == "argument":
        return f"| `{parameter.metavar or parameter.name.upper()}` | {_cell(meaning)} |"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.min is not None or parameter.max is not None:
        meaning += f" From {parameter.min}" + ("." if parameter.max is None else f" to {parameter.max}.")
    if parameter.default is not None and not isinstance(parameter.default, bool):
        meaning += f" Default: {parameter.default}."
    elif parameter.default is True:
        meaning += f" Default: `{parameter.opts[0]}`."
    if parameter.required:
        meaning += " Required."
    return f"| {names} | {_cell(meaning)} |"


def _default(path: str, info: Any) -> str:
    if path == "data_dir":
        return "`~/.local/share/tafol`"
    return (
        "unset"
        if info.default is None
        else f"`{str(info.default).lower() if info.default in (True, False) else info.default}`"
    )


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.splitlines() if part.strip())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
