"""Bodies come and go compressed: many frames in one body, in pieces of any size, whole or refused."""

import gzip
import zlib
from collections.abc import Callable

import lz4.frame  # type: ignore[import-untyped]
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from tafol.local.clickhouse.compression import ENCODINGS, PIECE_BYTES, Decoder, choose_encoding, encoder
from tafol.local.clickhouse.refusals import Refusal

pytestmark = pytest.mark.unit

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.decompress,
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


def decoded(encoding: str, body: bytes, step: int) -> bytes:
    decoder = Decoder(encoding)
    out = b"".join(piece for at in range(0, len(body), step) for piece in decoder.decode(body[at : at + step]))
    decoder.finish()
    return out


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(blocks=st.lists(st.binary(max_size=300), min_size=1, max_size=5), step=st.integers(1, 400))
def test_every_frame_of_a_body_is_read_however_it_is_cut(encoding: str, blocks: list[bytes], step: int) -> None:
    body = b"".join(COMPRESS[encoding](block) for block in blocks)
    assert decoded(encoding, body, step) == b"".join(blocks)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_cut_short_is_refused(encoding: str) -> None:
    body = COMPRESS[encoding](b"rows" * 100)
    with pytest.raises(Refusal, match="ends too soon"):
        decoded(encoding, body * 2 + body[:-3], 50)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_is_not_what_it_says_is_refused(encoding: str) -> None:
    with pytest.raises(Refusal) as refused:
        decoded(encoding, b"INSERT INTO t FORMAT CSV\n1,2", 100)
    assert refused.value.status == 400


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_small_body_that_unfolds_into_a_large_one_comes_in_bounded_pieces(encoding: str) -> None:
    bomb = COMPRESS[encoding](bytes(20 * PIECE_BYTES))
    sizes = [len(piece) for piece in Decoder(encoding).decode(bomb)]
    assert sum(sizes) == 20 * PIECE_BYTES
    assert max(sizes) <= PIECE_BYTES


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        Decoder("br")
    assert (refused.value.code, refused.value.status) == (89, 415)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(pieces=st.lists(st.binary(max_size=300), max_size=5))
def test_an_answer_is_what_the_usual_decoders_read(encoding: str, pieces: list[bytes]) -> None:
    out = encoder(encoding)
    body = b"".join(out.compress(piece) for piece in pieces) + out.flush()
    assert DECOMPRESS[encoding](body) == b"".join(pieces)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("gzip, deflate", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("zstd, lz4", "lz4"),
        ("lz4;q=0", None),
    ],
)
def test_encoding_of_an_answer_is_one_the_client_takes(accepted: str, chosen: str | None) -> None:
    assert choose_encoding(accepted) == chosen
