"""Sending lines: which are sent, which are refused and why, and how little is held in memory."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError

from schemas.transaction import MAX_TRANSACTION_BYTES
from tafol.errors import Corrupt
from tafol.send import NO_NEWS_S, Line, Refused, Sending, lines, opened, send

pytestmark = pytest.mark.unit


def transaction(number: int, **fields: Any) -> bytes:
    """One valid transaction as a line without its end."""
    told = {"notice_id": "n", "how": "spoken", "at": "2026-11-20T10:00:05+00:00"}
    return json.dumps(
        {
            "id": f"t{number}", "channel": "phone", "colleague_id": "c", "team_id": "t", "site": "s", "topic": "bill",
            "started_at": "2026-11-20T10:00:00+00:00", "ended_at": "2026-11-20T10:05:00+00:00", "language": "en",
            "customer_ref": "r", "outcome": "resolved", "monitoring_notice": {"customer": told, "colleague": "p"},
        }
        | fields
    ).encode()  # fmt: skip


class FakeFuture:
    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def add_callback(self, called: Callable[..., Any], /) -> None:
        if self._error is None:
            called(object())

    def add_errback(self, called: Callable[..., Any], /) -> None:
        if self._error is not None:
            called(self._error)


class FakeProducer:
    """Takes every record, but for those whose number is in `refuses`."""

    def __init__(self, refuses: frozenset[int] = frozenset(), interrupt_at: int | None = None) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.flushes: list[float | None] = []
        self._refuses = refuses
        self._interrupt_at = interrupt_at

    def send(self, topic: str, *, value: bytes, key: bytes) -> FakeFuture:
        if len(self.sent) == self._interrupt_at:
            raise KeyboardInterrupt
        self.sent.append((topic, key, value))
        return FakeFuture(KafkaTimeoutError("too slow") if len(self.sent) in self._refuses else None)

    def flush(self, timeout: float | None = None) -> None:
        self.flushes.append(timeout)


class LateProducer(FakeProducer):
    """Acknowledges nothing by itself and `at_a_flush` records at each flush, which takes as long as it is given."""

    def __init__(self, at_a_flush: int) -> None:
        super().__init__()
        self._at_a_flush = at_a_flush
        self._waiting: list[Callable[..., Any]] = []

    def send(self, topic: str, *, value: bytes, key: bytes) -> FakeFuture:
        super().send(topic, value=value, key=key)
        future = FakeFuture(None)
        future.add_callback = self._waiting.append  # type: ignore[method-assign]
        return future

    def flush(self, timeout: float | None = None) -> None:
        super().flush(timeout)
        acknowledged, self._waiting = self._waiting[: self._at_a_flush], self._waiting[self._at_a_flush :]
        for called in acknowledged:
            called(object())
        if self._waiting:
            raise KafkaTimeoutError("Timeout waiting for future")


def sent(content: bytes, producer: FakeProducer, *, keep_going: bool = True) -> tuple[Sending, list[Refused]]:
    refused: list[Refused] = []
    state = send(
        io.BytesIO(content), producer, on_refused=refused.append, on_progress=lambda _: None, keep_going=keep_going
    )
    return state, refused


def test_a_line_goes_out_byte_for_byte_to_the_topic_of_its_channel_under_its_id() -> None:
    producer = FakeProducer()
    phone, chat = transaction(1), b"  " + transaction(2, channel="chat", unknown="field") + b" "
    state, refused = sent(phone + b"\r\n" + chat + b"\n", producer)
    assert producer.sent == [("transactions.phone", b"t1", phone), ("transactions.chat", b"t2", chat)]
    assert (state.lines, state.acknowledged, refused) == (2, 2, [])


def test_bad_lines_are_named_and_their_neighbours_go_on() -> None:
    producer = FakeProducer()
    content = b"\n".join([b"{", transaction(1), b"", transaction(2, channel="fax"), b"[]", transaction(3)])
    state, refused = sent(content, producer)
    assert [(one.line, one.reason) for one in refused] == [(1, "undecodable"), (4, "invalid"), (5, "undecodable")]
    assert "channel" in refused[1].message
    assert state.refused == {"undecodable": 2, "invalid": 1}
    assert (state.lines, state.acknowledged) == (5, 2)


def test_it_may_stop_at_the_first_bad_line() -> None:
    producer = FakeProducer()
    state, refused = sent(b"\n".join([transaction(1), b"{", transaction(2)]), producer, keep_going=False)
    assert (len(producer.sent), len(refused), state.lines) == (1, 1, 2)


def test_a_refusal_never_quotes_the_line() -> None:
    _, refused = sent(transaction(1, customer_ref="secret" * 100, ended_at="secret"), FakeProducer())
    assert len(refused) == 1
    assert "secret" not in refused[0].message


def test_nothing_is_sent_after_the_broker_was_seen_to_refuse() -> None:
    producer = FakeProducer(refuses=frozenset({2}))
    state, _ = sent(b"\n".join(transaction(number) for number in range(5)), producer)
    assert isinstance(state.failure, KafkaTimeoutError)
    assert (len(producer.sent), state.acknowledged) == (2, 1)


def test_a_broker_that_went_away_is_waited_for_once_and_then_said_to_be_away() -> None:
    producer = LateProducer(at_a_flush=0)
    state, _ = sent(b"\n".join(map(transaction, range(3))), producer)
    assert isinstance(state.failure, KafkaTimeoutError)
    assert producer.flushes == [NO_NEWS_S]
    assert state.acknowledged == 0


def test_a_slow_broker_is_waited_for_while_there_is_news() -> None:
    producer = LateProducer(at_a_flush=2)
    state, _ = sent(b"\n".join(map(transaction, range(5))), producer)
    assert state.failure is None
    assert state.acknowledged == 5
    assert producer.flushes == [NO_NEWS_S] * 3


def test_ctrl_c_tells_what_was_acknowledged() -> None:
    state, _ = sent(b"\n".join(transaction(number) for number in range(5)), FakeProducer(interrupt_at=3))
    assert state.interrupted
    assert (state.handed_over, state.acknowledged) == (3, 3)


class CountingStream(io.BytesIO):
    """Notes the largest piece that was asked for."""

    largest = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0, "a line without a bound was read"
        self.largest = max(self.largest, size)
        return super().readline(size)


def test_a_giant_line_is_refused_without_being_read_into_memory() -> None:
    giant = b"x" * (20 * 1024 * 1024)
    stream = CountingStream(b"\n".join([transaction(1), giant, transaction(2)]))
    found = list(lines(stream))
    assert [line.number for line in found] == [1, 2, 3]
    assert found[1] == Line(2, None, len(giant))
    assert stream.largest <= MAX_TRANSACTION_BYTES + 2


@given(
    content=st.lists(st.text(alphabet="ab ", max_size=12).map(str.encode), max_size=8),
    end=st.sampled_from([b"\n", b"\r\n"]),
    last_ends=st.booleans(),
    longest=st.integers(1, 10),
)
def test_lines_are_those_of_a_plain_split(content: list[bytes], end: bytes, last_ends: bool, longest: int) -> None:
    whole = end.join(content) + (end if last_ends and content else b"")
    expected = [
        Line(number, value if len(value) <= longest else None, len(value))
        for number, value in enumerate(content, 1)
        if value.strip() or len(value) > longest
    ]
    assert list(lines(io.BytesIO(whole), longest)) == expected


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(lines(io.BytesIO(b"\xef\xbb\xbf{}\n"))) == [Line(1, b"{}", 2)]


def test_gzip_is_taken_off() -> None:
    stream = io.BufferedReader(io.BytesIO(gzip.compress(b"{}\n[]\n")))
    assert [line.value for line in lines(opened(stream))] == [b"{}", b"[]"]


def test_a_gzip_file_cut_short_says_where() -> None:
    whole = gzip.compress(b"".join(transaction(number) + b"\n" for number in range(2000)))
    stream = io.BufferedReader(io.BytesIO(whole[: len(whole) // 2]))
    producer = FakeProducer()
    with pytest.raises(Corrupt, match=r"cut short after line \d+"):
        send(opened(stream), producer, on_refused=lambda _: None, on_progress=lambda _: None)
