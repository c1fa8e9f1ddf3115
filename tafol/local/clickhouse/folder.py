"""The data folder of the local ClickHouse: what lies where, the password, the port of the last start.

engine/     chDB's own: databases, tables, parts
incoming/   rows on their way in and answers that wait; emptied at every start
log/        server.log, rolling; console.txt, what chDB and Python printed
password    one line, readable by its owner alone
port        of the last start
ready       the process id of the last server that came up
lock, holder.json   who owns the folder (tafol.local.process)
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from tafol.errors import ConfigError

USER = "tafol"
PASSWORD_BYTES = 24


class DataFolder:
    """Paths in the data folder at `path`; makes nothing by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.engine = self.path / "engine"
        self.incoming = self.path / "incoming"
        self.log = self.path / "log"
        self.password_file = self.path / "password"
        self._port_file = self.path / "port"
        self._ready_file = self.path / "ready"

    def prepare(self) -> None:
        """Make what is missing and sweep what a killed server left in `incoming`. Only for the folder's owner."""
        self.path.chmod(0o700)
        for folder in (self.engine, self.incoming, self.log):
            folder.mkdir(mode=0o700, exist_ok=True)
        for left in self.incoming.iterdir():
            left.unlink()
        self._ready_file.unlink(missing_ok=True)

    def make_password(self) -> str:
        """The password, made on first use. Only for the folder's owner. Raises ConfigError as `read_password`."""
        if not self.password_file.exists():
            # Written aside and renamed: the file is never there without its whole content.
            aside = self.path / "password.partial"
            aside.unlink(missing_ok=True)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(PASSWORD_BYTES) + "\n")
            aside.rename(self.password_file)
        return self.read_password()

    def read_password(self) -> str:
        """The password. Raises ConfigError when there is none, or when others may read it."""
        try:
            mode = self.password_file.stat().st_mode
            password = self.password_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The password file {self.password_file} can't be read: {error}.",
                hint="Delete it and start the local ClickHouse again: it makes a new one.",
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                f"The password file {self.password_file} can be read by others.", hint=f"chmod 600 {self.password_file}"
            )
        if not password:
            raise ConfigError(f"The password file {self.password_file} is empty.", hint="Delete it and start again.")
        return password

    def note_ready(self, pid: int) -> None:
        """Say that the server with this process id answers on the port that was noted."""
        self._ready_file.write_text(f"{pid}\n", "ascii")

    def is_ready(self, pid: int) -> bool:
        """True once the server with this process id has come up."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._ready_file.read_text("ascii")) == pid
        return False

    def last_port(self) -> int | None:
        """The port of the last start, if one was noted."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._port_file.read_text("ascii"))
        return None

    def note_port(self, port: int) -> None:
        """Remember `port` for the next start, so that addresses in other programs stay right."""
        self._port_file.write_text(f"{port}\n", "ascii")
