"""HTTP compression of bodies both ways: lz4, zstd, gzip, deflate.

A body may hold several compressed frames, one after another: clickhouse-connect sends one LZ4 frame for every block
of rows. A decoder that stops at the end of the first frame would lose the other blocks without a sign; this one goes on
until the bytes end, and refuses a body that ends inside a frame. Decoded pieces are bounded, whatever the ratio.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]
from backports import zstd

from tafol.local.clickhouse.refusals import Refusal, bad_request

PIECE_BYTES = 1 << 20
ENCODINGS = ("lz4", "zstd", "gzip", "deflate")
"""In the order we prefer them for answers: the machine talks to itself, so speed comes before size."""

_GZIP_WBITS = 16 + zlib.MAX_WBITS


class Encoder(Protocol):
    """Compresses one answer; `flush` gives the end of it."""

    def compress(self, piece: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Frame(Protocol):
    """One compressed frame being read, in the manner of bz2.BZ2Decompressor."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Decoder:
    """Decodes one request body, of one frame or many. An unknown encoding is refused (89)."""

    def __init__(self, encoding: str) -> None:
        opener = _FRAMES.get(encoding)
        if opener is None:
            known = ", ".join(ENCODINGS)
            message = f"Content-Encoding {encoding!r} is not known here; known are {known}."
            raise Refusal(89, "UNKNOWN_COMPRESSION_METHOD", message)
        self._encoding = encoding
        self._open = opener
        self._frame: _Frame | None = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most PIECE_BYTES that `data` unfolds to. Raises Refusal where it isn't what it says it is."""
        try:
            yield from self._decode(data)
        except (zlib.error, zstd.ZstdError, RuntimeError) as error:
            raise self._damaged(f"it can't be read: {error}") from error

    def finish(self) -> None:
        """Say that all of the body has been given. Raises Refusal if it ends inside a frame."""
        if self._frame is not None:
            raise self._damaged("it ends too soon")

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data or (self._frame is not None and not self._frame.needs_input):
            if self._frame is None:
                self._frame = self._open()
            piece = self._frame.decompress(data, PIECE_BYTES)
            data = b""
            if piece:
                yield piece
            if self._frame.eof:
                data = self._frame.unused_data or b""
                self._frame = None

    def _damaged(self, how: str) -> Refusal:
        return bad_request(f"The body is said to be {self._encoding}, but {how}.")


class _ZlibFrame:
    """zlib's decompressor (gzip and deflate) behind the interface of _Frame."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Lz4Encoder:
    """One LZ4 frame for the whole answer, which is what clients can read."""

    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, piece: bytes, /) -> bytes:
        return self._begin() + bytes(self._inner.compress(piece))

    def flush(self) -> bytes:
        return self._begin() + bytes(self._inner.flush())

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._inner.begin())


_FRAMES: dict[str, Callable[[], _Frame]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": lambda: _ZlibFrame(_GZIP_WBITS),
    "deflate": lambda: _ZlibFrame(zlib.MAX_WBITS),
}
_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "lz4": _Lz4Encoder,
    "zstd": zstd.ZstdCompressor,
    "gzip": lambda: zlib.compressobj(level=1, wbits=_GZIP_WBITS),
    "deflate": lambda: zlib.compressobj(level=1, wbits=zlib.MAX_WBITS),
}


def encoder(encoding: str) -> Encoder:
    """A fresh encoder of one of ENCODINGS."""
    return _ENCODERS[encoding]()


def choose_encoding(accept_encoding: str) -> str | None:
    """The encoding for an answer from the client's Accept-Encoding, or None for none; `;q=0` means never."""
    accepted = set()
    for entry in accept_encoding.lower().split(","):
        name, _, quality = entry.strip().partition(";")
        if quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            accepted.add(name.strip())
    return next((known for known in ENCODINGS if known in accepted), None)
