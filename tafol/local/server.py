"""What the local Kafka and the local ClickHouse share: a server that belongs to a data folder, as a child process.

Invariants: a server runs only while its folder is claimed (process.FolderClaim), which it inherits; whatever goes wrong
while it is brought up, Ctrl-C included, leaves nothing running and the folder free.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tafol.local import process


class LocalServer(ABC):
    """A server that belongs to this process. `start` and `stop` may be called again and again, from one thread."""

    def __init__(
        self,
        name: str,
        data_dir: Path,
        *,
        stop_grace_s: float,
        dies_with_parent: bool,
        notify: Callable[[str], None],
    ) -> None:
        """`name`: in a sentence, such as "the broker". `stop_grace_s`: between asking it to end and killing it.

        `notify` takes sentences for a person.
        """
        self._name = name
        self._data_dir = data_dir
        self._stop_grace_s = stop_grace_s
        self._console = data_dir / "log" / "console.txt"
        self._dies_with_parent = dies_with_parent
        self._notify = notify
        self._claim: process.FolderClaim | None = None
        self._child: process.Child | None = None

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self._child is not None, f"{self._name} was not started"
        return self._child.pid

    @property
    def running(self) -> bool:
        """False before `start`, after `stop`, and when the server has ended by itself."""
        return self._child is not None and not self._child.ended.is_set()

    @abstractmethod
    def start(self) -> object:
        """Start and wait until it answers; its status."""

    def stop(self) -> None:
        """End the server: asked first, killed when it takes longer than its grace. Nothing when it does not run."""
        if self._child is not None:
            self._child.stop(self._stop_grace_s)
            self._child = None
        self.let_go()

    def let_go(self) -> None:
        """Give up the claim on the data folder; a server that runs keeps its own."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _begin(self) -> None:
        """To be called first in `start`. Raises ValueError when the server runs."""
        if self.running:
            raise ValueError(f"{self._name} runs already")
        self.stop()  # lets go of what is left of one that ended by itself

    def _own(self, bring_up: Callable[[], None]) -> None:
        """Claim the folder and call `bring_up`. Raises `HeldByAnother`, `ConfigError`, and what `bring_up` raises."""
        self._claim = process.FolderClaim.take(self._data_dir)
        try:
            bring_up()
        except BaseException:  # also Ctrl-C: nothing is left running, whatever happened
            self.stop()
            raise

    @property
    def _claim_fd(self) -> int:
        assert self._claim is not None
        return self._claim.fd

    def _spawn(self, argv: Sequence[str], *, dies_with_parent: bool) -> process.Child:
        """Run `argv` in the claimed folder. Raises OSError when the program cannot be run."""
        self._child = process.Child(
            argv,
            folder=self._data_dir,
            console=self._console,
            inherit_fds=(self._claim_fd,),
            dies_with_parent=dies_with_parent,
        )
        return self._child

    def _describe(self, address: str) -> None:
        """Say in the folder who holds it, and at which host:port the server is."""
        assert self._claim is not None
        stop_this = os.getpid() if self._dies_with_parent else self.pid
        self._claim.describe(
            process.Holder(stop_this, process.this_command(), self.pid, address, detached=not self._dies_with_parent)
        )


def stop_holder(data_dir: Path, grace_s: float) -> None:
    """End the detached server of `data_dir`, if there is one.

    Raises `HeldByAnother` when it belongs to a program that runs: stop that program.
    """
    holder = process.holder_of(data_dir)
    if holder is None:
        return
    if not holder.detached:
        raise process.held(data_dir, holder)
    process.stop_detached(data_dir, holder, grace_s)
