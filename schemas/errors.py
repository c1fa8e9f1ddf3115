"""The one tree of errors. Messages say what happened and where; `hint` says what to do.

TafolError
├── ConfigError          a setting, file or argument is wrong: stop at start and name it
├── Retryable            a part is away for now: wait `retry_after_s` and try the same thing again
├── InvalidRecord        one record is bad: it goes to the rejected topic, its neighbours go on
├── StageStopped         going on would lose or double something: the worker stops and Kafka delivers again
│   ├── GapInLog         a chunk begins above the offset that the state stands at
│   ├── SnapshotUnusable a snapshot of another topic, beyond the end of the log or below its start
│   └── UnknownVersion   a record names a register version that the register does not hold
└── SinkFatal            the store refuses for good: the worker stops, nothing is acknowledged
"""

from __future__ import annotations


class TafolError(Exception):
    """Base of all errors that a person may read. `hint`: one sentence that says what to do, or None."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class ConfigError(TafolError):
    """A setting, a file or an argument is wrong. Raised before any work begins."""


class Retryable(TafolError):
    """A broker, a store or a register is away for now."""

    def __init__(self, message: str, *, retry_after_s: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class InvalidRecord(TafolError):
    """One record cannot be used. `reason`: a code of `schemas.rejected.RejectReason`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StageStopped(TafolError):
    """The stage must not go on. Nothing was acknowledged, so nothing is lost."""


class GapInLog(StageStopped):
    """A chunk begins above the offset that the state of its partition was reached at."""


class SnapshotUnusable(StageStopped):
    """A snapshot belongs to another topic, lies beyond the end of the log, or below its start."""


class UnknownVersion(StageStopped):
    """A record names a register entry that the register does not hold, though it was read to its end."""


class SinkFatal(TafolError):
    """The store refuses an insert for a reason that waiting does not mend."""
