"""What a local server needs of the operating system: one owner a folder, a child that ends with us, a free port.

Who owns a folder is decided by a kernel lock (flock) that the server process inherits and never lets go, not by a
process id in a file: the lock is gone the moment the last holder dies, so a stale file or a process id that was
given to another program can never be taken for a live server. `holder.json` beside the lock only says who it is.
"""

import contextlib
import dataclasses
import fcntl
import json
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from tafol.errors import ConfigError, HeldByAnother, PortBusy

LOOPBACK = "127.0.0.1"
PORTS_TRIED = 50
POLL_INTERVAL_S = 0.05
ENDED_LOOK_S = 0.01  # between two looks at whether a child has ended
PRIVATE = 0o700
CLAIM_ATTEMPTS = 10  # a status query holds the lock for an instant: half a second outlasts any of them
_LAUNCHER = Path(__file__).with_name("die_with_parent.py")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a folder."""

    pid: int  # of the process to stop: the server itself when detached, else the program that started it
    command: str
    server_pid: int | None = None  # None while the server is not started yet
    address: str | None = None  # host:port once the server is started
    detached: bool = False  # lives on by itself

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


class FolderClaim:
    """Sole ownership of a server's folder, from `take` until `release` and the end of every child that inherited it."""

    def __init__(self, folder: Path, fd: int) -> None:
        self._folder = folder
        self._fd: int | None = fd

    @classmethod
    def take(cls, folder: Path) -> "FolderClaim":
        """Claim `folder`, making it if need be, and close it to other users: customers' words lie in there.

        Raises `HeldByAnother` naming the holder, `ConfigError`.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            if folder.stat().st_uid == os.geteuid():  # one that was given to us is its owner's affair
                folder.chmod(PRIVATE)
            fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(folder, error) from error
        for attempt in range(CLAIM_ATTEMPTS):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt + 1 < CLAIM_ATTEMPTS:
                    time.sleep(POLL_INTERVAL_S)
            else:
                claim = cls(folder, fd)
                claim.describe(Holder(os.getpid(), this_command()))
                return claim
        os.close(fd)
        raise held(folder, holder_of(folder))

    @property
    def fd(self) -> int:
        """To be inherited by the server."""
        if self._fd is None:
            raise ValueError("the claim was released")
        return self._fd

    def describe(self, holder: Holder) -> None:
        partial = self._folder / "holder.json.partial"
        partial.write_text(json.dumps(dataclasses.asdict(holder)), "utf-8")
        partial.replace(self._folder / "holder.json")

    def release(self) -> None:
        """Let go. A child that inherited the claim keeps it: closing is not unlocking."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def holder_of(folder: Path) -> Holder | None:
    """Who holds `folder` now; None when nobody does, whatever files an earlier holder left there.

    Raises `ConfigError` for a folder that may not be read.
    """
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        # Shared, so that two who ask never take each other for a holder.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            return Holder(**json.loads((folder / "holder.json").read_text("utf-8")))
        except FileNotFoundError:  # the very first claim of this folder, an instant ago
            return Holder(0, "just starting")
    finally:
        os.close(fd)
    return None


def held(folder: Path, holder: Holder | None) -> HeldByAnother:
    """The error that names the holder of `folder`; None when the holder let go in the meantime."""
    if holder is None:
        return HeldByAnother(f"The data folder {folder} was held by another process just now.", hint="Try again.")
    return HeldByAnother(
        f"The data folder {folder} is held by {holder}.",
        pid=holder.pid,
        command=holder.command,
        hint="Stop that process first, or choose another data folder.",
    )


def _unusable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"The data folder {folder} cannot be used: {error.strerror or error}.", hint="Choose a folder you may write."
    )


def this_command() -> str:
    """The command line of this process as a person would know it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


class _Ended:
    """Whether a child has ended; set once, by the thread that owns it.

    No lock, unlike threading.Event: Ctrl-C may hit the main thread between an Event's taking and giving back of its
    lock, which then stays taken, and neither the child's owner nor who stops it comes any further.
    """

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, for so long at the most; whether it has come."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while not self._set and (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(ENDED_LOOK_S, left_s))
        return self._set


class Child:
    """A server process in a session of its own, so that Ctrl-C in the terminal reaches its parent alone.

    With `dies_with_parent` the kernel kills it when this process ends, kill -9 included (Linux).
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        console: Path,
        inherit_fds: tuple[int, ...] = (),
        dies_with_parent: bool = True,
    ) -> None:
        """Start `argv` in `folder`; its stdout and stderr go to the file `console`, emptied first.

        Raises OSError when the program cannot be run.
        """
        if dies_with_parent:
            argv = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *argv]
        self.ended = _Ended()
        self.exit_code: int | None = None  # negative: the signal that ended it
        started: Future[int] = Future()
        # The kernel's notice of a parent's death is sent at the end of the *thread* that forked. So one thread forks
        # and then waits for the child: it lives exactly as long as it must.
        threading.Thread(
            target=self._own,
            args=(argv, folder, console, inherit_fds, started),
            name=f"owner-of-{console.stem}",
            daemon=True,
        ).start()
        self.pid = started.result()

    def _own(
        self, argv: Sequence[str], folder: Path, console: Path, inherit_fds: tuple[int, ...], started: Future[int]
    ) -> None:
        try:
            with console.open("wb") as output:
                process = subprocess.Popen(  # noqa: S603 - no shell; the program is ours to name
                    argv,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=inherit_fds,
                    start_new_session=True,
                )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process.pid)
        self.exit_code = process.wait()
        self.ended.set()

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL when it has not ended within `grace_s`; returns when it has ended."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended.is_set():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            self.ended.wait(grace_s)
        self.ended.wait()


def stop_detached(folder: Path, holder: Holder, grace_s: float) -> None:
    """End the detached server that holds `folder`: SIGTERM, after `grace_s` SIGKILL; returns when the folder is free.

    The process id is safe to signal: while the lock is held by a detached server, that server is alive.
    """
    assert holder.detached
    assert holder.server_pid is not None
    for number in (signal.SIGTERM, signal.SIGKILL):
        if holder_of(folder) != holder:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder.server_pid, number)
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and holder_of(folder) == holder:
            time.sleep(POLL_INTERVAL_S)
    if holder_of(folder) == holder:
        raise held(folder, holder)


def is_port_free(port: int) -> bool:
    """True when a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT does not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """A free port of the kernel's choice on the loopback address."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def next_free_port(first: int) -> int:
    """The first free port at or above `first`. Raises `PortBusy` when a stretch of 50 is taken."""
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        if is_port_free(port):
            return port
    raise PortBusy(f"No port from {first} to {first + PORTS_TRIED - 1} is free.", hint="Give a port in the settings.")


def listen(first: int, *, tried: int = PORTS_TRIED) -> socket.socket:
    """A socket that listens on the first free port of the loopback address from `first` on; at most so many are tried.

    Nobody can come in between a look and a bind, and whoever comes before its server answers waits. Raises PortBusy.
    """
    last = min(first + tried, 65536) - 1
    for port in range(first, last + 1):
        with contextlib.suppress(OSError):
            return socket.create_server((LOOPBACK, port))
    raise PortBusy(
        f"Port {first} on {LOOPBACK} is taken by another program."
        if tried == 1
        else f"No port from {first} to {last} is free.",
        hint="Free it, give another port, or give none: then the next free one is used.",
    )


def require_free_port(port: int) -> None:
    """Raises `PortBusy` when this very port, asked for by number, is taken."""
    if not is_port_free(port):
        raise PortBusy(
            f"Port {port} on {LOOPBACK} is taken by another program.",
            hint="Free it, give another port, or give none: then the next free one is used.",
        )
