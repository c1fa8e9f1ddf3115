"""The process that owns chDB: `python -m tafol.local.clickhouse --data FOLDER [--port PORT]`.

Runs until SIGTERM or SIGINT (queries in work may end first), or SIGKILL, which loses nothing that was acknowledged.
Exit codes: 0 stopped, 2 wrong use or setting, 3 the folder is held by another process, 4 the port is taken, 1 all else.
"""

import argparse
import asyncio
import json
import logging
import logging.handlers
import os
import signal
import socket
import sys
from pathlib import Path

from tafol.errors import ConfigError, HeldByAnother, PortBusy, TafolError
from tafol.local import process
from tafol.local.clickhouse.folder import USER, DataFolder
from tafol.local.clickhouse.limits import MIB, Limits

DEFAULT_PORT = 18123  # not ClickHouse's 8123: a server of the user's own may be there
LOG_BYTES = 2 * MIB
EXIT_CODES: tuple[tuple[type[TafolError], int], ...] = ((HeldByAnother, 3), (PortBusy, 4), (ConfigError, 2))


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; the exit code."""
    options = _options(argv)
    try:
        ended = asyncio.run(_serve(options))
    except TafolError as error:
        print(error, file=sys.stderr)
        return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
    if not ended:
        logging.getLogger(__name__).warning("A query did not stop when it was cancelled; the process ends without it.")
        logging.shutdown()
        os._exit(1)  # the interpreter would wait for the query's thread
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tafol.local.clickhouse", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the data folder, made if need be")
    parser.add_argument(
        "--port", type=int, help=f"this port or none (default: the last one, or {DEFAULT_PORT}, or the next free)"
    )
    parser.add_argument("--limits", default="{}", help="a JSON object of limits that differ from limits.py")
    parser.add_argument("--claim-fd", type=int, help=argparse.SUPPRESS)  # the folder's lock, inherited from the parent
    return parser.parse_args(argv)


async def _serve(options: argparse.Namespace) -> bool:
    folder = DataFolder(options.data)
    claim = process.FolderClaim.take(folder.path) if options.claim_fd is None else None
    try:
        folder.prepare()
        _log_to(folder.log / "server.log")
        limits = _limits(options.limits)
        listener = _listen(options.port, folder)
        # Here and not above: chDB takes a second to load, and whoever can't have the folder should hear it at once.
        from tafol.local.clickhouse.engine import Engine  # noqa: PLC0415
        from tafol.local.clickhouse.server import Server  # noqa: PLC0415

        password = folder.make_password()
        engine = Engine(folder.engine, limits)
        server = Server(engine, folder.incoming, USER, password, limits)
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await server.start(listener)
        address = "{}:{}".format(*listener.getsockname())
        folder.note_ready(os.getpid())
        if claim is not None:
            me = os.getpid()
            claim.describe(process.Holder(me, process.this_command(), me, address, detached=True))
        logging.getLogger(__name__).info("Serving %s on %s, ClickHouse %s.", folder.path, address, engine.version)
        await told.wait()
        ended = await server.stop()
        if ended:
            engine.close()
        logging.getLogger(__name__).info("Stopped.")
        return ended
    finally:
        if claim is not None:
            claim.release()


def _limits(text: str) -> Limits:
    try:
        return Limits(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"--limits can't be read: {error}.", hint="The names are those in limits.py.") from error


def _listen(port: int | None, folder: DataFolder) -> socket.socket:
    """Listen on the port asked for, or on the first free one from that of the last start on. Raises PortBusy."""
    listener = process.listen(port, tried=1) if port else process.listen(folder.last_port() or DEFAULT_PORT)
    folder.note_port(listener.getsockname()[1])
    return listener


def _log_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_without_values)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _without_values(record: logging.LogRecord) -> bool:
    """Keep of a traceback in the log the kind of error alone: texts of errors can quote rows."""
    if record.exc_info:
        kind = record.exc_info[0]
        record.msg = f"{record.getMessage()} ({kind.__name__ if kind else 'no error'})"
        record.args, record.exc_info, record.exc_text = (), None, None
    return True


if __name__ == "__main__":
    sys.exit(main())
