"""The greeting for clickhouse-go, byte for byte."""

import pytest

from tafol.local.clickhouse.native import greeting

pytestmark = pytest.mark.unit


def test_greeting_is_a_native_block_with_block_info_and_revision_zero() -> None:
    assert greeting("tafol-local", "26.9.2.1", "Etc/UTC") == (
        b"\x01\x00\x02\xff\xff\xff\xff\x00"  # block info
        b"\x04\x01"  # columns, rows
        b"\x0ddisplayName()\x06String\x00\x0btafol-local"
        b"\x09version()\x06String\x00\x0826.9.2.1"
        b"\x0arevision()\x06UInt32\x00\x00\x00\x00\x00"
        b"\x0atimezone()\x06String\x00\x07Etc/UTC"
    )


def test_long_texts_have_long_lengths() -> None:
    assert b"\xac\x02" + b"x" * 300 in greeting("x" * 300, "1", "UTC")
