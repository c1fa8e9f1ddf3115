"""The documents are true: links lead somewhere, commands and settings exist, examples validate, hints find their page.

Pages that are made from the code have tests of their own (tests/unit/cli/test_pages.py, test_schema_export.py).
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import typer

from schemas.decided import ExcludeReason
from schemas.rejected import RejectReason
from schemas.transaction import read_transaction
from tafol.cli import app
from tafol.settings import NOT_SETTINGS, PREFIX, Settings, setting_paths

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = sorted(
    file
    for folder in ("schemas", "streams", "sinks", "desk", "tafol")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in (".py", ".sql", ".yaml", ".toml")
)
PROGRAM = typer.main.get_command(app)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NAMED_PAGE = re.compile(r"""docs/([\w./-]+\.(?:md|yaml|json))(?:[,:]?\s+["']([A-Z][^"'\n]*)["'])?""")


class Fence(NamedTuple):
    """A fenced block. `language`: the word after the fence, empty for none."""

    language: str
    text: str


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _fences(page: Path, *languages: str) -> list[Fence]:
    found = [Fence(*match.groups()) for match in FENCE.finditer(page.read_text())]
    return [one for one in found if one.language in languages]


def _prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def _slugs(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(_prose(page))]
    return set(plain)


def _commands() -> Iterator[tuple[str, str]]:
    """(page, command line) of every call of tafol in a shell block, and in a span of text."""
    for page in PAGES:
        for fence in _fences(page, "sh"):
            for line in fence.text.splitlines():
                if line.startswith(("tafol ", ".venv/bin/tafol ")):
                    yield _name(page), line
        for span in SPAN.findall(_prose(page)):
            if span.startswith(("tafol ", ".venv/bin/tafol ")) and "..." not in span:
                yield _name(page), span


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(_prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in _slugs(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize(("page", "line"), sorted(set(_commands())))
def test_every_command_line_is_one_that_tafol_takes(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command, context = PROGRAM, None
    while True:
        commands: dict[str, Any] = getattr(command, "commands", {})
        at = next((at for at, word in enumerate(words) if word in commands), None)
        if at is None:
            break
        command.make_context("tafol", words[:at], parent=context, resilient_parsing=True)
        command, words = commands[words[at]], words[at + 1 :]
    group = hasattr(command, "commands") and not getattr(command, "invoke_without_command", False)
    assert not group or not words, f"{page}: no such command: {line}"
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    assert unknown == [], f"{page}: {line}"
    if words:
        command.make_context(command.name, list(words))  # raises what a person would be told


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_target_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join([*(one.text for one in _fences(page, "sh")), *SPAN.findall(_prose(page))])
    assert set(re.findall(r"(?m)^make ([a-z-]+)", text)) <= targets


def test_the_example_transaction_is_valid() -> None:
    examples = [line for fence in _fences(ROOT / "README.md", "json") for line in fence.text.splitlines()]
    assert examples
    for line in examples:
        _, unknown = read_transaction(line.encode())
        assert unknown == ()


def test_the_example_settings_are_taken() -> None:
    examples = _fences(ROOT / "README.md", "toml")
    assert examples
    for one in examples:
        Settings.model_validate(tomllib.loads(one.text))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_variable_is_that_of_a_setting(page: Path) -> None:
    known = {PREFIX + path.upper().replace(".", "__") for path in setting_paths()}
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", page.read_text())) <= known | NOT_SETTINGS


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_setting_that_is_named_is_there(page: Path) -> None:
    known = set(setting_paths())
    sections = {path.partition(".")[0] for path in known if "." in path}
    named = {span for span in SPAN.findall(_prose(page)) if re.fullmatch(r"[a-z]+\.[a-z_]+", span)}
    assert {one for one in named if one.partition(".")[0] in sections} <= known


def test_every_reason_has_its_row() -> None:
    semantics = (ROOT / "docs" / "semantics.md").read_text()
    rows = set(re.findall(r"^\| `(\w+)` \|", semantics, re.MULTILINE))
    assert {*get_args(RejectReason), *get_args(ExcludeReason)} <= rows


def test_sections_that_the_code_names_are_there() -> None:
    absent, named = [], 0
    for file in CODE:
        for page, section in NAMED_PAGE.findall(file.read_text()):
            if section:
                named += 1
                if section not in HEADING.findall((ROOT / "docs" / page).read_text()):
                    absent.append(f"{_name(file)}: docs/{page} {section}")
    assert named >= 5
    assert absent == []


def test_every_decision_record_is_listed_and_whole() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    records = {file.name for file in folder.glob("0*.md")}
    assert records == listed
    for name in records:
        assert HEADING.findall((folder / name).read_text())[1:] == ["Context", "Decision", "Consequences"]
