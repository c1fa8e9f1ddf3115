"""Errors of the command line and of the local servers: the branches that only `tafol` needs of the one tree.

    schemas.errors.TafolError       anything Tafol can explain in plain words (the rest of the tree stands there)
    ├── schemas.errors.ConfigError  a setting, file or argument is wrong; nothing was started
    ├── Unreachable                 a server or the network does not answer
    ├── StartFailed                 a server of ours was started and did not come up
    ├── HeldByAnother               another live process owns the folder, file or port
    ├── PortBusy                    a port that was asked for by number is taken
    └── Corrupt                     bytes are not what they must be (a hash differs)

The command line prints `message` and, below it, `hint` (what to do), and exits non-zero; it shows a traceback only
for errors that are not in this tree.
"""

from schemas.errors import ConfigError, TafolError

__all__ = ["ConfigError", "Corrupt", "HeldByAnother", "PortBusy", "StartFailed", "TafolError", "Unreachable"]


class Unreachable(TafolError):
    """A server or the network does not answer."""


class StartFailed(TafolError):
    """A server of ours was started and did not come up; the message quotes the end of its log."""


class HeldByAnother(TafolError):
    """Another live process owns what was asked for.

    `pid` and `command` name the holder where they are known.
    """

    def __init__(
        self, message: str, *, pid: int | None = None, command: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.pid = pid
        self.command = command


class PortBusy(TafolError):
    """A port that was asked for by number is taken."""


class Corrupt(TafolError):
    """Bytes are not what they must be: a hash differs, a file is cut short. Never repaired in silence."""
