"""The one answer that chDB can't write itself: the greeting of clickhouse-go, which Grafana's data source uses.

Over HTTP, clickhouse-go first sends GREETING with a client_protocol_version in the URL and reads the answer as Native
of that version: with block info in front, and one byte a column that says whether its serialization is a custom one.
It then speaks the revision that the answer names. chDB writes plain Native, revision 0, and so the greeting says 0:
from there on the two agree.
Source: clickhouse-go v2 conn_http.go (queryHello), ch-go proto/block.go.
"""

import struct

GREETING = "SELECT displayName(), version(), revision(), timezone()"

_BLOCK_INFO = b"\x01\x00" + b"\x02" + struct.pack("<i", -1) + b"\x00"  # no overflow rows; no bucket; end
_NOT_CUSTOM = b"\x00"
_PLAIN_NATIVE_REVISION = 0


def greeting(display_name: str, version: str, timezone: str) -> bytes:
    """The Native block that answers GREETING: one row of four columns."""
    columns = (
        ("displayName()", "String", _text(display_name)),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", struct.pack("<I", _PLAIN_NATIVE_REVISION)),
        ("timezone()", "String", _text(timezone)),
    )
    block = [_BLOCK_INFO, _length(len(columns)), _length(1)]
    for name, kind, value in columns:
        block += [_text(name), _text(kind), _NOT_CUSTOM, value]
    return b"".join(block)


def _text(value: str) -> bytes:
    raw = value.encode()
    return _length(len(raw)) + raw


def _length(number: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
