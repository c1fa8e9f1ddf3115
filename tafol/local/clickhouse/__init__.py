"""The local ClickHouse: chDB, ClickHouse's engine as a library, behind ClickHouse's own HTTP interface on loopback.

One process owns a chDB folder, and the sink, the desk, the command line and a dashboard all query: so one process of
ours owns it, and everything talks to it through clickhouse-connect exactly as to a server.

    process.py      start, stop, status: what other parts of Tafol use
    __main__.py     the server's process
    server.py       HTTP; with request.py (URL and headers), intake.py (bodies), answer.py, compression.py, native.py
    statement.py    how much of SQL must be understood for that
    engine.py       chDB
    refusals.py     errors in ClickHouse's shape
    folder.py       what lies where, the password
    limits.py       what a request may cost

What a ClickHouse server does and this one does not: sessions (session_id is taken and means nothing; what would need it
is refused), users and roles, external tables in forms, `compress=1` (ClickHouse's block compression; HTTP compression
works), FROM INFILE, INTO OUTFILE, INSERT ... SELECT ... FROM input(), progress headers.
"""

from tafol.local.clickhouse.limits import Limits
from tafol.local.clickhouse.process import (
    Access,
    ClickHouseConfig,
    ClickHouseStatus,
    LocalClickHouse,
    access,
    start_detached,
    status,
    stop,
)

__all__ = [
    "Access",
    "ClickHouseConfig",
    "ClickHouseStatus",
    "Limits",
    "LocalClickHouse",
    "access",
    "start_detached",
    "status",
    "stop",
]
