"""Who owns a folder: decided by a lock that dies with its holder, whatever the files beside it say."""

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tafol.errors import ConfigError, HeldByAnother
from tafol.local.process import Child, FolderClaim, Holder, holder_of, stop_detached, this_command

pytestmark = pytest.mark.unit

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
# Says when it has set itself up to ignore SIGTERM: a signal before that would end it.
STUBBORN = (
    "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "pathlib.Path('ready').touch(); time.sleep(600)"
)


def test_a_folder_has_one_owner_who_is_named(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path / "data")
    with pytest.raises(HeldByAnother) as raised:
        FolderClaim.take(tmp_path / "data")
    assert raised.value.pid == os.getpid()
    assert raised.value.command == this_command()
    assert str(os.getpid()) in raised.value.message
    claim.release()
    assert holder_of(tmp_path / "data") is None
    FolderClaim.take(tmp_path / "data").release()


def test_a_folder_is_closed_to_other_users_also_one_that_was_open_to_them(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    opened.mkdir()
    opened.chmod(0o755)
    for folder in (opened, tmp_path / "data" / "kafka"):
        FolderClaim.take(folder).release()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_never_used_has_no_owner_and_asking_makes_nothing(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "data") is None
    assert not (tmp_path / "data").exists()


def test_a_stale_file_that_names_a_live_process_is_not_believed(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path)
    innocent = Child(SLEEP, folder=tmp_path, console=tmp_path / "console")
    stale = Holder(innocent.pid, "broker", innocent.pid, "127.0.0.1:1", detached=True)
    claim.describe(stale)
    claim.release()
    try:
        assert holder_of(tmp_path) is None
        stop_detached(tmp_path, stale, grace_s=0)
        assert not innocent.ended.is_set()
        FolderClaim.take(tmp_path).release()
    finally:
        innocent.stop(grace_s=10)


def test_a_server_keeps_the_claim_it_inherited_until_it_ends(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path)
    server = Child(SLEEP, folder=tmp_path, console=tmp_path / "console", inherit_fds=(claim.fd,))
    mine = Holder(server.pid, "server", server.pid, detached=True)
    claim.describe(mine)
    claim.release()
    assert holder_of(tmp_path) == mine
    os.kill(server.pid, signal.SIGKILL)
    server.ended.wait()
    assert server.exit_code == -signal.SIGKILL
    assert holder_of(tmp_path) is None


def test_a_detached_server_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path)
    argv = [sys.executable, "-I", "-S", "-c", STUBBORN]
    server = Child(argv, folder=tmp_path, console=tmp_path / "console", inherit_fds=(claim.fd,))
    mine = Holder(server.pid, "server", server.pid, detached=True)
    claim.describe(mine)
    claim.release()
    while not (tmp_path / "ready").exists():
        assert not server.ended.wait(0.01)
    stop_detached(tmp_path, mine, grace_s=0.2)
    server.ended.wait()
    assert server.exit_code == -signal.SIGKILL
    assert holder_of(tmp_path) is None


def test_a_stop_meant_for_an_earlier_server_leaves_the_next_one_alone(tmp_path: Path) -> None:
    claim = FolderClaim.take(tmp_path)
    server = Child(SLEEP, folder=tmp_path, console=tmp_path / "console", inherit_fds=(claim.fd,))
    mine = Holder(server.pid, "server", server.pid, detached=True)
    claim.describe(mine)
    stop_detached(tmp_path, replace(mine, address="another"), grace_s=0)
    assert not server.ended.is_set()
    claim.release()
    server.stop(grace_s=10)


def test_a_child_has_a_session_of_its_own_so_that_ctrl_c_passes_it_by(tmp_path: Path) -> None:
    child = Child(SLEEP, folder=tmp_path, console=tmp_path / "console")
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    child.stop(grace_s=10)
    assert child.ended.is_set()


def test_ctrl_c_at_any_instruction_of_a_wait_leaves_the_child_to_be_waited_for_and_stopped(tmp_path: Path) -> None:
    child = Child(SLEEP, folder=tmp_path, console=tmp_path / "console")
    instruction = 0
    while interrupted_at(instruction, lambda: child.ended.wait(0.001)):
        another = threading.Thread(target=child.ended.wait, args=(0,), daemon=True)
        another.start()
        another.join(10)
        assert not another.is_alive(), f"interrupted at instruction {instruction}, it waits for ever"
        instruction += 1
    assert instruction > 10  # else nothing was interrupted
    child.stop(grace_s=10)
    assert child.ended.is_set()


def interrupted_at(instruction: int, work: Callable[[], object]) -> bool:
    """Do `work` and raise KeyboardInterrupt at its nth instruction of Python; False when it has fewer."""
    left = instruction

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_program_that_does_not_exist_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child([str(tmp_path / "nothing")], folder=tmp_path, console=tmp_path / "console", dies_with_parent=False)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="file/data"):
        FolderClaim.take(tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match="file/data"):
        holder_of(tmp_path / "file" / "data")
