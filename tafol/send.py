"""Sends transactions, one JSON object a line, from a file or a pipe to the topics of their channels.

The line's bytes go out as they are, keyed by the transaction's id. A line that Tafol would reject is refused here with
its number and the reason, and its neighbours go on. No line is ever held in memory beyond the largest that is taken.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple, Protocol, cast

from kafka.errors import KafkaError, KafkaTimeoutError

from schemas.catalogue import SOURCE_TOPIC
from schemas.errors import InvalidRecord
from schemas.transaction import MAX_TRANSACTION_BYTES, read_transaction
from tafol.errors import Corrupt

GZIP_MAGIC: Final = b"\x1f\x8b"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
SKIP_BYTES: Final = 1024 * 1024
PROGRESS_EVERY_LINES: Final = 200
FLUSH_AFTER_INTERRUPT_S: Final = 5.0
SETTLED_WITHIN_S: Final = 2.0
NO_NEWS_S: Final = 60.0
"""A broker that acknowledges nothing for so long is away. kafka-python would wait for ever: what was under way when the
broker died does not always come to its delivery timeout (3.0.12, observed)."""


class Line(NamedTuple):
    """One line without its end. `value` None: it is longer than what is taken; `size`: its length in bytes."""

    number: int
    value: bytes | None
    size: int


class Refused(NamedTuple):
    """A line that was not sent. `reason`: a code of `schemas.rejected.RejectReason`."""

    line: int
    reason: str
    message: str


class Future(Protocol):
    """kafka-python's future of one record."""

    def add_callback(self, called: Callable[..., Any], /) -> Any: ...

    def add_errback(self, called: Callable[..., Any], /) -> Any: ...


class Producer(Protocol):
    """What is used of kafka-python's producer."""

    def send(self, topic: str, *, value: bytes, key: bytes) -> Future: ...

    def flush(self, timeout: float | None = None) -> None: ...


@dataclass(slots=True)
class Sending:
    """What has become of the lines so far."""

    lines: int = 0
    bytes: int = 0
    """Of the values handed to the producer."""
    handed_over: int = 0
    acknowledged: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Lines by reason."""
    by_channel: dict[str, int] = field(default_factory=dict)
    """Lines handed over."""
    failure: Exception | None = None
    """Why the broker did not take a line; nothing was sent after that was seen."""
    interrupted: bool = False
    _not_taken: int = 0
    _settled: threading.Condition = field(default_factory=threading.Condition)

    def note_acknowledged(self, _: object) -> None:
        """For the producer's own thread."""
        with self._settled:
            self.acknowledged += 1
            self._settled.notify_all()

    def note_failed(self, error: Exception) -> None:
        """For the producer's own thread."""
        with self._settled:
            self._not_taken += 1
            self.failure = self.failure or error
            self._settled.notify_all()

    def wait_until_settled(self, seconds: float) -> None:
        """A flush returns a moment before the last futures have told their callers."""
        with self._settled:
            self._settled.wait_for(lambda: self.acknowledged + self._not_taken == self.handed_over, seconds)

    @property
    def refused_lines(self) -> int:
        return sum(self.refused.values())


def opened(stream: IO[bytes]) -> IO[bytes]:
    """`stream` with gzip taken off, if there is any. The stream must be buffered (`peek`)."""
    first: bytes = stream.peek(len(GZIP_MAGIC))  # type: ignore[attr-defined]
    return cast("IO[bytes]", gzip.open(stream)) if first.startswith(GZIP_MAGIC) else stream


def lines(stream: IO[bytes], longest: int = MAX_TRANSACTION_BYTES) -> Iterator[Line]:
    """The lines of `stream` that are not empty, numbered from 1. Raises Corrupt when a gzip file is damaged.

    Reads at most `longest` bytes of a line (and its end) into memory; what is longer is counted and skipped.
    """
    number = 0
    try:
        while raw := stream.readline(longest + 2):
            number += 1
            if len(raw) >= longest + 2 and not raw.endswith(b"\n"):
                yield Line(number, None, _size_of_whole(raw, stream))
                continue
            value = raw.rstrip(b"\r\n")
            if number == 1:
                value = value.removeprefix(BYTE_ORDER_MARK)
            if len(value) > longest:
                yield Line(number, None, len(value))
            elif value.strip():
                yield Line(number, value, len(value))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Corrupt(
            f"the gzip file is damaged or cut short after line {number}: {error}",
            hint="What was acknowledged is safe. Send the whole file again once it is whole: repeats are recognised.",
        ) from None


def send(
    stream: IO[bytes],
    producer: Producer,
    *,
    on_refused: Callable[[Refused], None],
    on_progress: Callable[[Sending], None],
    keep_going: bool = True,
) -> Sending:
    """Send every line of `stream`; returns when each was acknowledged, or when the broker refused one or is away.

    Ctrl-C and damage end it early: what was handed over is then given a moment to be acknowledged. Raises Corrupt with
    the state so far told to `on_progress`.
    """
    state = Sending()
    try:
        for line in lines(stream):
            state.lines += 1
            if state.failure is not None:
                break
            refused = _send_line(line, producer, state)
            if refused is not None:
                state.refused[refused.reason] = state.refused.get(refused.reason, 0) + 1
                on_refused(refused)
                if not keep_going:
                    break
            if state.lines % PROGRESS_EVERY_LINES == 0:
                on_progress(state)
        _flush(producer, state)
    except KeyboardInterrupt:
        state.interrupted = True
        _flush_for_a_moment(producer, state)
    except Corrupt:
        _flush_for_a_moment(producer, state)
        on_progress(state)
        raise
    except KafkaError as error:
        state.failure = state.failure or error
    on_progress(state)
    return state


def _send_line(line: Line, producer: Producer, state: Sending) -> Refused | None:
    if line.value is None:
        message = f"{line.size} bytes; at most {MAX_TRANSACTION_BYTES} are taken"
        return Refused(line.number, "too_large", message)
    try:
        transaction, _ = read_transaction(line.value)
    except InvalidRecord as error:
        return Refused(line.number, error.reason, error.message)
    future = producer.send(SOURCE_TOPIC[transaction.channel], value=line.value, key=transaction.id.encode())
    state.handed_over += 1
    future.add_callback(state.note_acknowledged)
    future.add_errback(state.note_failed)
    state.bytes += line.size
    state.by_channel[transaction.channel] = state.by_channel.get(transaction.channel, 0) + 1
    return None


def _flush(producer: Producer, state: Sending) -> None:
    """Wait for the rest to be acknowledged, as long as there is news. Raises KafkaTimeoutError."""
    while True:
        before = state.acknowledged
        try:
            producer.flush(timeout=NO_NEWS_S)
        except KafkaTimeoutError:
            if state.acknowledged == before:
                raise
        else:
            state.wait_until_settled(SETTLED_WITHIN_S)
            return


def _flush_for_a_moment(producer: Producer, state: Sending) -> None:
    try:
        producer.flush(timeout=FLUSH_AFTER_INTERRUPT_S)
        state.wait_until_settled(SETTLED_WITHIN_S)
    except KafkaError:
        return  # what is not acknowledged by now is not counted as such


def _size_of_whole(begun: bytes, stream: IO[bytes]) -> int:
    """Reads on to the end of a line; the bytes of all of it, its end not counted."""
    size, last = len(begun), begun[-2:]
    while not last.endswith(b"\n") and (piece := stream.readline(SKIP_BYTES)):
        size, last = size + len(piece), (last + piece)[-2:]
    return size - len(last) + len(last.rstrip(b"\r\n"))
