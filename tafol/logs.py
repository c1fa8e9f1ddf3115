"""Logging: one line a record, as JSON where a program reads it and as plain words where a person does.

Never a payload, never a customer reference. aiokafka writes hundreds of thousands of error lines while a broker is
away (155,000 in a minute, measured): equal lines of a library are let through once in QUIET_FOR_S.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

QUIET_FOR_S: Final = 10.0
LIBRARIES: Final = ("aiokafka", "kafka", "faust", "mode", "asyncio", "clickhouse_connect", "urllib3")


class JsonLines(logging.Formatter):
    """{"at", "level", "logger", "message"[, "trace"]} on one line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class NotAgain(logging.Filter):
    """Lets a library's line through once in QUIET_FOR_S; lines are equal when their unformatted texts are."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic_s = monotonic_s
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(LIBRARIES):
            return True
        now_s, line = self._monotonic_s(), (record.name, str(record.msg)[:200])
        if now_s - self._last.get(line, float("-inf")) < QUIET_FOR_S:
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[line] = now_s
        return True


def set_up(level: str, monotonic_s: Callable[[], float]) -> None:
    """Log to stderr from `level` on; libraries from warning on, or from `level` where that is higher."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(plain if sys.stderr.isatty() else JsonLines())
    handler.addFilter(NotAgain(monotonic_s))
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=least, handlers=[handler], force=True)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(least if level == "debug" else max(least, logging.WARNING))
