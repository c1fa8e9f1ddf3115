"""The main job, as a person starts it: the demo in a shorter span, its totals against the simulator's ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(900)]

SHORT = ["demo", "--days", "7", "--per-week", "3000"]
SHORTER = ["demo", "--days", "7", "--per-week", "700"]
"""Where it counts that it runs, not how much runs through it."""


def _tafol(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tafol", "--data-dir", str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "120"},
        # a shell's background jobs ignore Ctrl-C, and so would what they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def _processes_of(data_dir: Path) -> list[str]:
    """Command lines of living processes that name the folder or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            inside = str((entry / "cwd").readlink()).startswith(str(data_dir))
        except OSError:
            continue  # it has ended
        if str(data_dir) in command or inside:
            found.append(command)
    return found


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "demo"
    yield folder
    deadline = time.monotonic() + 60
    while _processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _processes_of(folder) == [], "nothing is left running"


def test_the_demo_agrees_with_its_ledger_and_runs_again(data_dir: Path) -> None:
    for run, arguments in ((1, SHORT), (2, SHORTER)):
        demo = _tafol(data_dir, *arguments)
        output, _ = demo.communicate(timeout=400)
        assert demo.returncode == 0, output
        assert "All counts agree with the simulator's ledger, and reconcile." in output
        assert ("data of the demo before are removed" in output) == (run == 2)
        assert "Mean score by team and week" in output
        assert f"--data-dir {data_dir}" in output


@pytest.mark.parametrize("after", ["Kafka and ClickHouse run", "sent by the contact centre"])
def test_ctrl_c_stops_the_demo_cleanly(data_dir: Path, after: str) -> None:
    demo = _tafol(data_dir, *SHORT)
    assert demo.stdout is not None
    for line in demo.stdout:
        if after in line:
            break
    if after.startswith("sent"):
        time.sleep(1.0)
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 130, output
    assert "Traceback" not in output


def test_kill_9_of_the_demo_leaves_nothing_behind(data_dir: Path) -> None:
    demo = _tafol(data_dir, *SHORT)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Kafka and ClickHouse run" in line:
            break
    time.sleep(3.0)
    demo.kill()
    demo.communicate(timeout=100)


def test_a_folder_that_is_not_a_demos_is_left_alone(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "precious").write_text("mine")
    demo = _tafol(data_dir, *SHORT)
    output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 1
    assert "holds something that no demo left there" in output
    assert (data_dir / "precious").read_text() == "mine"
