"""Record batches (Kafka, magic 2) as their producer had them before it compressed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode

CODEC_BITS: Final = 0x07
CODECS: Final[dict[int, Callable[[bytes], bytes]]] = {1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}
"""By their number in the attributes of a batch."""

_LENGTH, _ATTRIBUTES = Struct(">i"), Struct(">h")
_LENGTH_AT, _LENGTH_END, _MAGIC_AT, _ATTRIBUTES_AT, _ATTRIBUTES_END, _RECORDS_AT = 8, 12, 16, 21, 23, 61
"""Where they stand in a batch: offset, length of what follows, epoch, magic, checksum, attributes, 34 bytes more."""


def inflated(fetched: bytes) -> bytes:
    """The bytes of a fetch with nothing compressed in them; the same bytes where nothing was.

    Checksums are of the compressed batches: look at them before. What is no batch of magic 2, or of a codec that is not
    known, and the batch that a fetch may cut off at its end, are left as they are. Raises what the codec raises at
    bytes that it did not write; a broker refuses such a batch.
    """
    parts: list[bytes] = []
    copied = 0
    for start, end in _batches(fetched):
        (attributes,) = _ATTRIBUTES.unpack_from(fetched, start + _ATTRIBUTES_AT)
        codec = CODECS.get(attributes & CODEC_BITS)
        if codec is None or fetched[start + _MAGIC_AT] != 2:
            continue
        records = codec(fetched[start + _RECORDS_AT : end])
        parts += (
            fetched[copied : start + _LENGTH_AT],
            _LENGTH.pack(_RECORDS_AT - _LENGTH_END + len(records)),
            fetched[start + _LENGTH_END : start + _ATTRIBUTES_AT],
            _ATTRIBUTES.pack(attributes & ~CODEC_BITS),
            fetched[start + _ATTRIBUTES_END : start + _RECORDS_AT],
            records,
        )
        copied = end
    return b"".join((*parts, fetched[copied:])) if parts else fetched


def _batches(fetched: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each whole batch."""
    start = 0
    while len(fetched) - start >= _RECORDS_AT:
        (length,) = _LENGTH.unpack_from(fetched, start + _LENGTH_AT)
        end = start + _LENGTH_END + length
        if not start + _RECORDS_AT <= end <= len(fetched):
            return
        yield start, end
        start = end
