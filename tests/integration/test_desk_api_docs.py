"""docs/desk-api.md does what it says: its commands and its program run against a desk, and its table is the API's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from desk.app import create_app
from desk.web.settings import WebSettings
from tafol.local.process import any_free_port
from tests.fixtures.desk import DeskForTests, make_task

PAGE = (Path(__file__).parents[2] / "docs" / "desk-api.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def served(a_desk: DeskForTests) -> Iterator[dict[str, str]]:
    """A desk with one task, over HTTP; what the page's examples take from the environment."""
    a_desk.add(make_task())
    issued = a_desk.desk.people.issue_token(a_desk.person("ann"), "tool", ["queue.read", "review.write"])
    port = any_free_port()
    app = create_app(a_desk.desk, WebSettings(csrf_key=bytes(32)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.05)
    yield {"DESK": f"http://127.0.0.1:{port}", "TOKEN": issued.secret}
    server.should_exit = True
    thread.join()


def test_the_program_reviews_a_task(served: dict[str, str], tmp_path: Path) -> None:
    for expected in ("100.0\n", ""):  # the second time there is nothing left
        done = subprocess.run(
            [sys.executable, "-c", block("python")],
            env=served,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode, done.stdout) == (0, expected), done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_list_and_claim(served: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-eu", "-c", block("bash")],
        env={**served, "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["queue"] == "chat"
    assert json.loads((tmp_path / "form.json").read_text())["lease"]["token"] == 1


def test_the_table_names_every_call(a_desk: DeskForTests) -> None:
    app = create_app(a_desk.desk, WebSettings(csrf_key=bytes(32)))
    there = {f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|PUT) /api/v1/[^`]+)`", PAGE)) == there
