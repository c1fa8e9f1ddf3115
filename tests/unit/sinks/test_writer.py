"""The writer over a store that fails as it is told: order, retries, the search for a bad row, positions."""

from collections.abc import Callable, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue as c
from schemas.errors import SinkFatal
from sinks.memory import MemoryStore
from sinks.store import LogPartition, StoreError
from sinks.writer import SharedWait, Stopped, Surroundings, Writer
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import Seen, batch, write

pytestmark = pytest.mark.unit
BUSY, NO_TABLE, NO_SPACE = 202, 60, 243


class Told(MemoryStore):
    """Does before each insert what `before` says, and notes every one."""

    def __init__(self, before: Callable[[int, str], None] = lambda number, table: None) -> None:
        super().__init__()
        self.tables: list[str] = []
        self._before = before

    def insert(self, table: str, lines: bytes) -> None:
        self.tables.append(table)
        self._before(len(self.tables), table)
        super().insert(table, lines)


def writer(
    store: MemoryStore,
    seen: Seen | None = None,
    stop_after: int = 10**9,
    told: Callable[[str | None], None] = lambda _: None,
) -> Writer:
    waits: list[float] = []

    def wait_s(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > stop_after

    return Writer(store, Surroundings(lambda: r.NOW, lambda: 0.0, wait_s, lambda: 0.5, told), seen or Seen())


def failing(*codes: int | None) -> Callable[[int, str], None]:
    """The first inserts fail, one with each of `codes`."""

    def before(number: int, table: str) -> None:
        if number <= len(codes):
            raise StoreError("told to fail", code=codes[number - 1])

    return before


def test_positions_are_written_last() -> None:
    store, seen = Told(), Seen()
    write(writer(store, seen), batch(*r.everything(4)))
    assert store.tables[-1] == "sink_positions"
    assert store.tables.count("sink_positions") == 1
    assert len(store.rows("sink_positions")) == len(r.everything(4))
    assert seen.rows["review_ratings"] == 2
    assert "sink_positions" not in seen.rows


def test_a_partition_goes_on_where_it_was_written_to_and_another_topic_id_at_nothing() -> None:
    store = MemoryStore()
    one = writer(store)
    write(one, batch(r.chunk(c.SELECTIONS, r.selection(1), r.selection(2), first_offset=40, partition=3)))
    here, elsewhere = r.at(c.SELECTIONS, 3), LogPartition(c.SELECTIONS, "made anew", 3)
    assert one.positions([here, elsewhere, r.at(c.SCORES)]) == {here: 42, elsewhere: 0, r.at(c.SCORES): 0}


def test_a_store_that_is_away_is_waited_for_and_nothing_is_lost() -> None:
    store, seen = Told(failing(None, BUSY, None)), Seen()
    write(writer(store, seen), batch(r.chunk(c.SELECTIONS, r.selection(1))))
    assert seen.retries == ["no answer", "TOO_MANY_SIMULTANEOUS_QUERIES", "no answer"]
    assert len(store.rows("selections")) == 1
    assert len(store.rows("sink_positions")) == 1


def test_a_wait_is_told_once_when_it_begins_and_once_when_it_is_over() -> None:
    told: list[str | None] = []
    one = writer(Told(failing(None, BUSY)), told=told.append)
    write(one, batch(r.chunk(c.SELECTIONS, r.selection(1))))
    assert told == ["told to fail", None]
    told.clear()
    with pytest.raises(Stopped):
        write(
            writer(Told(failing(*[None] * 9)), stop_after=3, told=told.append),
            batch(r.chunk(c.SELECTIONS, r.selection(1))),
        )
    assert told == ["told to fail", None]
    told.clear()
    with pytest.raises(SinkFatal):
        write(writer(Told(failing(NO_TABLE)), told=told.append), batch(r.chunk(c.SELECTIONS, r.selection(1))))
    assert told == []


def test_a_stop_ends_the_wait_and_writes_no_position() -> None:
    store = Told(failing(*[None] * 100))
    with pytest.raises(Stopped):
        write(writer(store, stop_after=3), batch(r.chunk(c.SELECTIONS, r.selection(1))))
    assert store.tables == ["selections"] * 4
    assert store.rows("sink_positions") == []


@pytest.mark.parametrize("code", [NO_TABLE, NO_SPACE, 987_654])
def test_what_waiting_does_not_mend_stops_the_worker_before_any_position(code: int) -> None:
    store = Told(failing(code))
    with pytest.raises(SinkFatal):
        write(writer(store), batch(r.chunk(c.SELECTIONS, r.selection(1))))
    assert store.rows("sink_positions") == []


def test_a_bad_row_is_found_and_named_and_no_position_passes_it() -> None:
    good = [r.decided(number).model_dump_json().encode() for number in range(40)]
    lines = [b"\n".join(good[first : first + 10]) + b"\n" for first in range(0, 40, 10)]
    lines[2] = lines[2].replace(b'"id":"t-27"', b'"id":""')
    store = MemoryStore()
    with pytest.raises(SinkFatal, match=r"transactions.decided\[0\]@102.*table transactions.*VIOLATED_CONSTRAINT"):
        write(writer(store), batch(r.chunk(c.DECIDED, *lines, first_offset=100)))
    assert store.rows("sink_positions") == []


def test_a_block_that_is_too_much_only_as_a_whole_goes_in_by_halves() -> None:
    def whole_blocks_fail(number: int, table: str) -> None:
        if number == 1:
            raise StoreError("cut short", code=33)

    store = Told(whole_blocks_fail)
    write(writer(store), batch(r.chunk(c.SELECTIONS, *[r.selection(number) for number in range(6)])))
    assert len(store.rows("selections")) == 6
    assert store.positions([c.SELECTIONS]) == {r.at(c.SELECTIONS): 6}


@given(
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    crashes=st.lists(st.integers(1, 30), max_size=6),
)
def test_any_cut_into_batches_and_any_crashes_leave_the_same_tables(cuts: list[int], crashes: list[int]) -> None:
    """A crash may come before or after any insert; the next run begins at `positions`."""
    log = [record for number in range(20) for record in (r.score(number % 7, float(number), as_of_offset=number),)]
    expected = MemoryStore()
    write(writer(expected), batch(r.chunk(c.SCORES, *log)))

    inner = MemoryStore()
    at = r.at(c.SCORES)
    for crash in [*crashes, 10**9]:
        store = _Crashing(inner, after=crash)
        try:
            offset = writer(store).positions([at])[at]
            for cut in cuts * 20:
                if offset < len(log):
                    write(writer(store), batch(r.chunk(c.SCORES, *log[offset : offset + cut], first_offset=offset)))
                    offset += cut
        except _Crash:
            continue
    assert inner.rows("scores") == expected.rows("scores")
    assert inner.rows("score_criteria") == expected.rows("score_criteria")
    assert inner.positions([c.SCORES]) == {at: len(log)}


class _Crash(Exception):
    pass


class _Crashing(MemoryStore):
    """Passes on to `inner`, then dies at the insert with number `after`: what went in stays in."""

    def __init__(self, inner: MemoryStore, after: int) -> None:
        super().__init__()
        self._inner, self._left = inner, after

    def insert(self, table: str, lines: bytes) -> None:
        self._left -= 1
        self._inner.insert(table, lines)
        if self._left == 0:
            raise _Crash

    def positions(self, topics: Collection[str]) -> dict[LogPartition, int]:
        return self._inner.positions(topics)


def test_what_several_writers_wait_for_is_told_as_one() -> None:
    told: list[str | None] = []
    wait = SharedWait(told.append)
    for reason in ("away", "away too", None, "still away", None, None, "away again", None):
        wait(reason)
    assert told == ["away", None, "away again", None]
