"""What a refused insert means: wait and try again, look for the one bad row, or stop. Pure.

ONE table of ClickHouse's error codes; a code that is not in it stops the worker, for nothing is lost by stopping and
much may be by going on. No answer at all (refused connection, cut connection, time-out, a proxy's 50x) is waited out
for ever: the wait shows in `tafol_sink_retries_total` and in the lag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple


class Verdict(Enum):
    """`RETRY`: the same insert later. `SPLIT`: some row is bad, find it. `STOP`: waiting does not mend it."""

    RETRY = "retry"
    SPLIT = "split"
    STOP = "stop"


class Known(NamedTuple):
    """A code of ClickHouse, by its own name. `hint`: what a person should do."""

    name: str
    verdict: Verdict
    hint: str | None = None


_MIGRATE: Final = "Run: tafol migrate"
_ACCESS: Final = "Check user, password and grants of the ClickHouse settings."
_UNANSWERED: Final = "Does it run, and do clickhouse.url and clickhouse.ca_file fit it?"
_SPACE: Final = "Free or add disk space for ClickHouse, then start the worker again: it goes on where it stood."

CODES: Final[dict[int, Known]] = {
    # the server is busy, restarting, or lost its own peers
    3: Known("UNEXPECTED_END_OF_FILE", Verdict.RETRY),
    32: Known("ATTEMPT_TO_READ_AFTER_EOF", Verdict.RETRY),
    95: Known("CANNOT_READ_FROM_SOCKET", Verdict.RETRY),
    96: Known("CANNOT_WRITE_TO_SOCKET", Verdict.RETRY),
    159: Known("TIMEOUT_EXCEEDED", Verdict.RETRY),
    160: Known("TOO_SLOW", Verdict.RETRY),
    201: Known("QUOTA_EXCEEDED", Verdict.RETRY),
    202: Known("TOO_MANY_SIMULTANEOUS_QUERIES", Verdict.RETRY),
    203: Known("NO_FREE_CONNECTION", Verdict.RETRY),
    209: Known("SOCKET_TIMEOUT", Verdict.RETRY),
    210: Known("NETWORK_ERROR", Verdict.RETRY),
    225: Known("NO_ZOOKEEPER", Verdict.RETRY),
    236: Known("ABORTED", Verdict.RETRY),
    241: Known("MEMORY_LIMIT_EXCEEDED", Verdict.RETRY),
    242: Known("TABLE_IS_READ_ONLY", Verdict.RETRY),
    252: Known("TOO_MANY_PARTS", Verdict.RETRY),
    285: Known("TOO_FEW_LIVE_REPLICAS", Verdict.RETRY),
    286: Known("UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", Verdict.RETRY),
    289: Known("REPLICA_IS_NOT_IN_QUORUM", Verdict.RETRY),
    319: Known("UNKNOWN_STATUS_OF_INSERT", Verdict.RETRY),
    394: Known("QUERY_WAS_CANCELLED", Verdict.RETRY),
    439: Known("CANNOT_SCHEDULE_TASK", Verdict.RETRY),
    473: Known("DEADLOCK_AVOIDED", Verdict.RETRY),
    692: Known("TOO_MANY_MUTATIONS", Verdict.RETRY),
    999: Known("KEEPER_EXCEPTION", Verdict.RETRY),
    1000: Known("POCO_EXCEPTION", Verdict.RETRY),
    # a row is not what its column takes
    6: Known("CANNOT_PARSE_TEXT", Verdict.SPLIT),
    25: Known("CANNOT_PARSE_ESCAPE_SEQUENCE", Verdict.SPLIT),
    26: Known("CANNOT_PARSE_QUOTED_STRING", Verdict.SPLIT),
    27: Known("CANNOT_PARSE_INPUT_ASSERTION_FAILED", Verdict.SPLIT),
    33: Known("CANNOT_READ_ALL_DATA", Verdict.SPLIT),
    38: Known("CANNOT_PARSE_DATE", Verdict.SPLIT),
    41: Known("CANNOT_PARSE_DATETIME", Verdict.SPLIT),
    53: Known("TYPE_MISMATCH", Verdict.SPLIT),
    69: Known("ARGUMENT_OUT_OF_BOUND", Verdict.SPLIT),
    70: Known("CANNOT_CONVERT_TYPE", Verdict.SPLIT),
    72: Known("CANNOT_PARSE_NUMBER", Verdict.SPLIT),
    117: Known("INCORRECT_DATA", Verdict.SPLIT, f"If the field is new: {_MIGRATE}"),
    130: Known("CANNOT_READ_ARRAY_FROM_TEXT", Verdict.SPLIT),
    321: Known("VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE", Verdict.SPLIT),
    349: Known("CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", Verdict.SPLIT),
    467: Known("CANNOT_PARSE_BOOL", Verdict.SPLIT),
    469: Known("VIOLATED_CONSTRAINT", Verdict.SPLIT),
    # somebody has to do something; most are met at start
    16: Known("NO_SUCH_COLUMN_IN_TABLE", Verdict.STOP, _MIGRATE),
    60: Known("UNKNOWN_TABLE", Verdict.STOP, _MIGRATE),
    75: Known("CANNOT_WRITE_TO_FILE_DESCRIPTOR", Verdict.STOP, _SPACE),
    81: Known("UNKNOWN_DATABASE", Verdict.STOP, _MIGRATE),
    164: Known("READONLY", Verdict.STOP, _ACCESS),
    192: Known("UNKNOWN_USER", Verdict.STOP, _ACCESS),
    194: Known("REQUIRED_PASSWORD", Verdict.STOP, _ACCESS),
    243: Known("NOT_ENOUGH_SPACE", Verdict.STOP, _SPACE),
    497: Known("ACCESS_DENIED", Verdict.STOP, _ACCESS),
    516: Known("AUTHENTICATION_FAILED", Verdict.STOP, _ACCESS),
}


def verdict(code: int | None) -> Verdict:
    """What to do after an insert failed with `code`; None: there was no answer."""
    if code is None:
        return Verdict.RETRY
    known = CODES.get(code)
    return Verdict.STOP if known is None else known.verdict


def named(code: int | None) -> str:
    """The code in words, for messages and labels: never what the server said beside it."""
    if code is None:
        return "no answer"
    known = CODES.get(code)
    return f"code {code}" if known is None else known.name


def hint(code: int | None) -> str | None:
    """What a person should do about `code`, where that is known; None: there was no answer."""
    if code is None:
        return _UNANSWERED
    known = CODES.get(code)
    return None if known is None else known.hint


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with full jitter: a uniform share of min(longest_s, first_s * 2^attempt), so that many sinks that
    lost the same server do not come back in step.
    """

    first_s: float = 0.2
    longest_s: float = 30.0

    def delay_s(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 0). `random`: uniform in [0, 1)."""
        doublings = min(attempt, 60)  # beyond that a float is no longer exact, and longest_s was reached long ago
        return random() * min(self.longest_s, self.first_s * 2.0**doublings)
