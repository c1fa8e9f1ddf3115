"""The command line as a person meets it: help everywhere, errors in words, exit codes that mean something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from schemas.errors import ConfigError
from tafol import examples
from tafol.cli import app, session
from tafol.cli.pages import commands

pytestmark = pytest.mark.unit

COMMANDS = [path[1:] for path, _ in commands(typer.main.get_command(app), ("tafol",))]
HEAVY = ("pydantic", "kafka", "faust", "aiokafka", "clickhouse_connect", "numpy", "chdb", "yaml", "tafol.settings")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs the program in an empty folder, with a data folder of its own and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def call(*arguments: str, **options: Any) -> Any:
        return CliRunner().invoke(app, list(arguments), **options)

    return call


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help(run: Any, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_that_there_is_not_is_refused_with_exit_code_2(run: Any, path: tuple[str, ...]) -> None:
    result = run(*path, "--no-such-option")
    assert result.exit_code == 2
    assert "No such option" in result.stderr
    assert "Traceback" not in result.output


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, tafol.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program, *HEAVY], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_no_command_shows_help(run: Any) -> None:
    result = run()
    assert result.exit_code == 2
    assert "demo" in result.output


def test_a_misspelt_command_is_met_with_the_nearest(run: Any) -> None:
    result = run("statsu")
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--config", "none.toml", "status"), "none.toml: no such settings file"),
        (("send", "none.jsonl"), "none.jsonl cannot be read"),
        (("frame", "publish", "none.yaml"), "none.yaml"),
        (("topics", "check"), "is not running"),
        (("rejected", "replay", "--origin", "somewhere"), "is no origin"),
    ],
)
def test_what_can_be_explained_is_explained_with_exit_code_1(run: Any, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker",), "--role"),
        (("worker", "--role", "cook"), "cook"),
        (("send",), "FILE"),
        (("rejected", "replay"), "--origin"),
        (("rejected", "list", "--reason", "ugly"), "is no reason"),
        (("rejected", "list", "--since", "yesterday"), "--since"),
        (("simulate", "--no-send"), "--review"),
        (("simulate", "--count", "3"), "--load"),
        (("simulate", "--drop-team", "t"), "--drop-from"),
        (("demo", "--days", "99"), "--days"),
    ],
)
def test_wrong_use_is_named_with_exit_code_2(run: Any, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_setting_that_is_misspelt_is_met_with_the_nearest(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAFOL_KAFKA__BOOTSTRP", "somewhere:9092")
    result = run("status")
    assert result.exit_code == 1
    assert "Did you mean TAFOL_KAFKA__BOOTSTRAP?" in result.stderr


def test_a_file_of_settings_that_is_wrong_names_the_setting(run: Any, tmp_path: Path) -> None:
    (tmp_path / "tafol.toml").write_text("[topics]\npartitions = 0\n")
    result = run("status")
    assert result.exit_code == 1
    assert "topics.partitions" in result.stderr


def test_a_document_that_is_wrong_names_line_and_field(run: Any, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text("id: card\nversion: one\nholds_from: 2026-01-01T00:00:00Z\n")
    result = run("scorecard", "publish", "card.yaml")
    assert result.exit_code == 1
    assert "card.yaml: line 2: version" in result.stderr


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the settings, which nearly every command asks for, raise an error."""

    def with_error(error: BaseException) -> None:
        def settings(_: session.Session) -> None:
            raise error

        monkeypatch.setattr(session.Session, "settings", settings)

    return with_error


def test_a_defect_is_one_line_and_the_way_to_its_traceback(run: Any, failing: Any) -> None:
    failing(RuntimeError("broken\nin two"))
    result = run("status")
    assert result.exit_code == 1
    assert "RuntimeError: broken" in result.stderr
    assert "in two" not in result.stderr
    assert "tafol --debug" in result.stderr


@pytest.mark.parametrize("error", [RuntimeError("broken"), ConfigError("wrong", hint="mend it")])
def test_debug_lets_errors_through(run: Any, failing: Any, error: Exception) -> None:
    failing(error)
    assert run("--debug", "status").exception is error


def test_message_and_hint_stand_on_lines_of_their_own(run: Any, failing: Any) -> None:
    failing(ConfigError("this is wrong", hint="mend it"))
    assert run("status").stderr.splitlines() == ["Error: this is wrong", "mend it"]


def test_ctrl_c_ends_with_130(run: Any, failing: Any) -> None:
    failing(KeyboardInterrupt())
    result = run("status")
    assert result.exit_code == 130
    assert result.stderr.splitlines() == ["Interrupted."]


def test_what_steers_a_terminal_is_shown_not_done(run: Any, failing: Any) -> None:
    failing(ConfigError("red \x1b[31m alert"))
    assert "red \\x1b[31m alert" in run("status").stderr


def test_status_without_servers_is_json_that_says_why(run: Any) -> None:
    result = run("status", "--json")
    assert result.exit_code == 1
    assert '"coverage": null' in result.stdout
    assert "is not running" in result.stdout


def test_where_the_settings_name_the_keys_of_frames_no_option_gets_round_them(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("frame", "key", str(tmp_path / "ours.key")).exit_code == 0
    monkeypatch.setenv("TAFOL_FRAME_KEYS", str(tmp_path))
    for option in (("--unsigned",), ("--key", str(tmp_path / "ours.key.pub"))):
        told = run("frame", "publish", str(examples.FRAME), *option)
        assert told.exit_code == 1
        assert f"{option[0]} does not go with the setting frame_keys" in told.stderr
