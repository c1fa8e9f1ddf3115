"""The compiled half of the hot path: `native*.zig`, called with arrays. Nothing here decides anything.

The library is built when Tafol is installed (`hatch_build.py`). Without it the stage works record by record, with the
same results at several times the cost.

All arrays are C-contiguous; their shapes and types stand with each call. Calls release Python's lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from streams.record_columns import COLUMNS, Int64s, RecordColumns

INTERFACE_VERSION: Final = 3
LIBRARY: Final = Path(__file__).with_name("_native.so")

NO_ROOM: Final = -1
LONGEST_PREFIX: Final = 3072
"""Bytes of a unit's key before the field that names the unit."""

Words: TypeAlias = npt.NDArray[np.uint64]
Spans: TypeAlias = npt.NDArray[np.uint32]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Field(IntEnum):
    """Texts of a record that are known by where they stand. Order as in native.zig."""

    ID = 0
    COLLEAGUE = 1
    TEAM = 2
    SITE = 3
    TOPIC = 4
    LANGUAGE = 5
    CUSTOMER = 6
    OUTCOME = 7
    NOTICE = 8
    HOW = 9
    POLICY = 10
    PLACE = 11
    FLAGS = 12
    CSAT = 13
    AUTO_SCORE = 14
    ATTRIBUTES = 15


TOLD, RECORDING, TRANSCRIPT = 1, 2, 4
"""Bits of `Scanned.bits`."""


class Kind(IntEnum):
    """What a part of a line is. Order as in native.zig."""

    CONSTANT = 0
    TEXT = 1
    TIME = 2
    PSEUDONYM = 3
    INTEGER = 4
    UNSIGNED = 5
    CHOICE = 6
    DECIMAL = 7
    LIST = 8
    TEXTS = 9
    BARE = 10
    BARE_FIELD = 11


class Part(NamedTuple):
    """One part of a line: `a` and `b` name a constant, a field or columns, as the kind wants (native.zig, Part)."""

    kind: Kind
    a: int = 0
    b: int = 0


@dataclass(frozen=True, slots=True)
class Scanned:
    """What `scan` found of n values. Of a record that is not `plain` nothing else means anything."""

    data: bytes
    plain: Mask
    spans: Spans
    """(n, 16, 2): start and length of each Field in `data`."""
    times_us: Int64s
    """(3, n): started, ended, customer told; microseconds since 1970."""
    chat_lines: Int64s
    bits: Int64s
    ids: Words
    """(n, 2): as `streams.sampling.repeats.digests` makes them."""
    contents: Words


class Native:
    """The functions of the library."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the library cannot be loaded or is of another version."""
        library = ctypes.CDLL(str(path))
        library.tafol_interface_version.restype = ctypes.c_uint32
        if library.tafol_interface_version() != INTERFACE_VERSION:
            raise OSError(f"{path} was built from another version; install Tafol again")
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self._record_count = library.tafol_record_count
        self._record_count.argtypes = [ctypes.c_char_p, size]
        self._records = library.tafol_records
        self._records.argtypes = [ctypes.c_char_p, size, pointer, size]
        self._scan = library.tafol_scan
        self._scan.argtypes = [ctypes.c_char_p, size, *[pointer] * 4, size, ctypes.c_char_p, size, *[pointer] * 7]
        self._pseudonyms = library.tafol_pseudonyms
        self._pseudonyms.argtypes = [ctypes.c_char_p, size, pointer, size, ctypes.c_char_p, ctypes.c_char_p, pointer]
        self._draw = library.tafol_draw
        self._draw.argtypes = [ctypes.c_char_p, size, pointer, pointer, size, ctypes.c_char_p, ctypes.c_char_p,
                               ctypes.c_char_p, size, pointer]  # fmt: skip
        self._homes = library.tafol_homes
        self._homes.argtypes = [ctypes.c_char_p, size, pointer, pointer, size, ctypes.c_char_p, size, ctypes.c_int32,
                                ctypes.c_uint32, pointer]  # fmt: skip
        self._alike = library.tafol_alike
        self._alike.argtypes = [ctypes.c_char_p, size, pointer, size, ctypes.c_char_p, size, pointer, size,
                                ctypes.c_char_p, pointer]  # fmt: skip
        self._lines = library.tafol_lines
        self._lines.argtypes = [ctypes.c_char_p, size, pointer, pointer, pointer, size, pointer, size, ctypes.c_char_p,
                                pointer, pointer, pointer, size]  # fmt: skip
        for one in (self._record_count, self._records, self._lines):
            one.restype = ctypes.c_int64
        for one in (self._scan, self._pseudonyms, self._draw, self._homes, self._alike):
            one.restype = None

    def records(self, fetched: bytes) -> RecordColumns | None:
        """The records in the bytes of a fetch; None where they are compressed, or of before Kafka 0.11."""
        count = self._record_count(fetched, len(fetched))
        table = np.empty((COLUMNS, max(count, 0)), dtype=np.int64)
        if count < 0 or self._records(fetched, len(fetched), _at(table), count) < 0:
            return None
        return RecordColumns(fetched, table)

    def scan(self, records: RecordColumns, channel: str) -> Scanned:
        """Look at the values of a source topic's records, whose keys are the transaction ids where they have one."""
        count, data, name, table = len(records), records.data, channel.encode(), records.table
        plain = np.empty(count, dtype=np.uint8)
        found = Scanned(
            data, plain.view(np.bool_), np.empty((count, len(Field), 2), dtype=np.uint32),
            np.empty((3, count), dtype=np.int64), np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64),
            np.empty((count, 2), dtype=np.uint64), np.empty(count, dtype=np.uint64),
        )  # fmt: skip
        self._scan(
            data, len(data), *(_at(column) for column in table[2:6]), count, name, len(name), _at(plain),
            _at(found.spans), _at(found.times_us), _at(found.chat_lines), _at(found.bits), _at(found.ids),
            _at(found.contents),
        )  # fmt: skip
        return found

    def pseudonyms(self, scanned: Scanned, inner: bytes, outer: bytes) -> Bytes:
        """(n, 32): the pseudonym of each record's customer in hex digits. `inner`, `outer`: 64 bytes each."""
        assert len(inner) == len(outer) == 64
        made = np.empty((len(scanned.plain), 32), dtype=np.uint8)
        data = scanned.data
        self._pseudonyms(data, len(data), _at(scanned.spans), len(made), inner, outer, _at(made))
        return made

    def draw(
        self, scanned: Scanned, rows: Int64s, numbers: Words, *, seed: bytes, person: bytes, prefix: bytes
    ) -> None:
        """Put the draw numbers of `rows` into `numbers`, which has n elements."""
        assert len(seed) == 32
        data = scanned.data
        self._draw(data, len(data), _at(scanned.spans), _at(rows), len(rows), seed, person.ljust(16, b"\0"), prefix,
                   len(prefix), _at(numbers))  # fmt: skip

    def homes(
        self, scanned: Scanned, rows: Int64s, homes: Int64s, *, prefix: bytes, field: Field | None, partitions: int
    ) -> None:
        """Put the partitions of `rows` into `homes`, which has n elements: of keys that are `prefix` and the field."""
        if len(prefix) > LONGEST_PREFIX:
            raise ValueError(f"a key of {len(prefix)} bytes and more")
        data = scanned.data
        self._homes(data, len(data), _at(scanned.spans), _at(rows), len(rows), prefix, len(prefix),
                    -1 if field is None else field, partitions, _at(homes))  # fmt: skip

    def alike(self, scanned: Scanned, fields: Sequence[Field], columns: Sequence[Int64s], key: bytes) -> Words:
        """A hash of each record's `fields` and `columns` under `key` (16 bytes): equal where they are equal."""
        assert len(key) == 16
        made = np.empty(len(scanned.plain), dtype=np.uint64)
        data, pointers = scanned.data, _pointers(columns)
        self._alike(data, len(data), _at(scanned.spans), len(made), bytes(fields), len(fields), _at(pointers),
                    len(columns), key, _at(made))  # fmt: skip
        return made

    def lines(
        self,
        scanned: Scanned,
        pseudonyms: Bytes,
        rows: Int64s,
        *,
        parts: Sequence[Part],
        constants: Sequence[bytes],
        columns: Sequence[Int64s],
    ) -> bytes:
        """One line for each of `rows`, of `parts` one after the other."""
        made_of = np.array(parts, dtype=np.int32).reshape(-1, 3)
        table, table_starts, pointers = b"".join(constants), _starts(constants), _pointers(columns)
        data = scanned.data
        room = len(data) + len(rows) * 512
        while True:
            out = np.empty(room, dtype=np.uint8)
            written = self._lines(
                data, len(data), _at(scanned.spans), _at(pseudonyms), _at(rows), len(rows), _at(made_of), len(made_of),
                table, _at(table_starts), _at(pointers), _at(out), room,
            )  # fmt: skip
            if written >= 0:
                return out[:written].tobytes()
            if written != NO_ROOM:
                raise ValueError("a part of a kind that the library does not know")
            room *= 2


def load() -> Native | None:
    """The library; None where it was not built. Raises OSError when it is of another version."""
    return Native(LIBRARY) if LIBRARY.exists() else None


def _starts(texts: Sequence[bytes]) -> Words:
    """Where each text starts when they lie one after the other, and where the last ends."""
    starts = np.zeros(len(texts) + 1, dtype=np.uint64)
    np.cumsum(np.fromiter(map(len, texts), dtype=np.uint64, count=len(texts)), out=starts[1:])
    return starts


def _at(array: npt.NDArray[np.generic]) -> int:
    assert array.flags.c_contiguous
    return array.ctypes.data


def _pointers(columns: Sequence[Int64s]) -> Words:
    return np.array([_at(column) for column in columns], dtype=np.uint64)
