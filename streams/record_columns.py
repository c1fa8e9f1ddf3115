"""Records of a log as columns: where each stands in one string of bytes, without an object for each.

A worker's fetch brings them so where a stage asks for it (`streams.transport.fetch`); whoever wants single records gets
them by index or by iteration, made on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from streams.stage import LogRecord, PlainRecord

Int64s: TypeAlias = npt.NDArray[np.int64]

COLUMNS: Final = 7
ABSENT: Final = -1
"""Length of a key or a value that a record does not have."""

_VALUE, _KEY, _OFFSET, _TIMESTAMP = map(attrgetter, ("value", "key", "offset", "timestamp"))
"""Several times as quick over thousands of records as the same in a loop."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordColumns(Sequence[LogRecord]):
    """n records of one partition.

    table (7, n): offset, timestamp (milliseconds since 1970), start and length of the key in `data`, of the value, and
    where the headers start, as a record batch of Kafka (magic 2) has them; or below 0 where there are none.
    """

    data: bytes
    table: Int64s

    @classmethod
    def of(cls, records: Sequence[LogRecord]) -> RecordColumns:
        """The columns of any records; without their headers, unless they are columns already."""
        if isinstance(records, RecordColumns):
            return records
        count = len(records)
        keys, values = list(map(_KEY, records)), list(map(_VALUE, records))
        table = np.empty((COLUMNS, count), dtype=np.int64)
        table[0] = np.fromiter(map(_OFFSET, records), dtype=np.int64, count=count)
        table[1] = np.fromiter(map(_TIMESTAMP, records), dtype=np.int64, count=count)
        data_of_keys, table[2], table[3] = _joined(keys)
        data_of_values, table[4], table[5] = _joined(values)
        table[2] += len(data_of_values)
        table[6] = ABSENT
        return cls(data_of_values + data_of_keys, table)

    @property
    def offsets(self) -> Int64s:
        offsets: Int64s = self.table[0]
        return offsets

    @property
    def timestamps_ms(self) -> Int64s:
        """Append times."""
        timestamps: Int64s = self.table[1]
        return timestamps

    def since(self, offset: int) -> RecordColumns:
        """The records at or above `offset`."""
        return self[int(np.searchsorted(self.offsets, offset)) :]

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> LogRecord: ...
    @overload
    def __getitem__(self, at: slice) -> RecordColumns: ...
    def __getitem__(self, at: int | slice) -> LogRecord | RecordColumns:
        if isinstance(at, slice):
            return RecordColumns(self.data, self.table[:, at])
        return self._record(self.table[:, at].tolist())

    def __iter__(self) -> Iterator[LogRecord]:
        return (self._record(one) for one in self.table.T.tolist())

    def _record(self, row: Sequence[int]) -> PlainRecord:
        offset, timestamp, key_at, key_len, value_at, value_len, headers_at = row
        data = self.data
        key = None if key_len < 0 else data[key_at : key_at + key_len]
        value = None if value_len < 0 else data[value_at : value_at + value_len]
        return PlainRecord(offset, timestamp, key, value, _headers(data, headers_at) if headers_at >= 0 else ())


def _joined(texts: Sequence[bytes | None]) -> tuple[bytes, Int64s, Int64s]:
    """The texts one after the other; where each starts, and its length."""
    present = [text or b"" for text in texts]
    lengths = np.fromiter(map(len, present), dtype=np.int64, count=len(texts))
    starts = np.cumsum(lengths) - lengths
    if None in texts:
        lengths[[text is None for text in texts]] = ABSENT
    return b"".join(present), starts, lengths


def _headers(data: bytes, at: int) -> list[tuple[str, bytes]]:
    """Headers as a record batch has them: their number, then of each the lengths and bytes of name and value.

    A name that is no UTF-8, which no client should write, is read as well as it can be: it is no reason to stop.
    """
    count, at = _number(data, at)
    headers = []
    for _ in range(count):
        length, at = _number(data, at)
        name, at = data[at : at + length].decode("utf-8", "replace"), at + length
        length, at = _number(data, at)
        value, at = (data[at : at + length], at + length) if length >= 0 else (b"", at)
        headers.append((name, value))
    return headers


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag varint, and where the next thing stands."""
    folded = shift = 0
    while True:
        byte = data[at]
        at += 1
        folded |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (folded >> 1) ^ -(folded & 1), at
        shift += 7
