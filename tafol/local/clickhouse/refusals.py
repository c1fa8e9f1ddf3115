"""Errors in ClickHouse's own shape: number, name and text, and the HTTP status that goes with them.

Clients decide by these: clickhouse-connect and clickhouse-go read the number from X-ClickHouse-Exception-Code and the
name from the brackets at the end of the text.
"""

import re

# HTTP status -> numbers, as ClickHouse maps them (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp); all others are 500.
_CLICKHOUSE_STATUS = {
    400: (6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676),
    401: (194,),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    501: (48,),
    503: (76, 209, 439),
}
# Ours: an unknown compression, a body too large, too much at once (on 503 clients wait and try a read again).
_OUR_STATUS = {89: 415, 307: 413, 202: 503}
_STATUS = {code: status for status, codes in _CLICKHOUSE_STATUS.items() for code in codes} | _OUR_STATUS

_ENGINE_TEXT = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)
_NAME_AT_END = re.compile(r"\(([A-Z][A-Z0-9_]+)\)\s*$")


class Refusal(Exception):
    """A request that is answered with an error.

    `code` and `name` are ClickHouse's number and name of it (62, SYNTAX_ERROR); `message` is for a person. The text may
    quote what the client sent, rows included: it goes back to that client and nowhere else, never into a log.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse answers with for this error."""
        return _STATUS.get(self.code, 500)

    def text(self, version: str) -> str:
        """The body of the answer, as ClickHouse words it."""
        return f"Code: {self.code}. DB::Exception: {self.message} ({self.name}) (version {version})\n"


def from_engine(text: str) -> Refusal:
    """Turn the text of a chDB error into a Refusal; text without a number becomes UNKNOWN_EXCEPTION (1002)."""
    found = _ENGINE_TEXT.search(text)
    if not found:
        return Refusal(1002, "UNKNOWN_EXCEPTION", text.strip() or "The engine failed without a message.")
    message = found[2].strip()
    name = _NAME_AT_END.search(message)
    if name is None:
        return Refusal(int(found[1]), "UNKNOWN_EXCEPTION", message)
    return Refusal(int(found[1]), name[1], message[: name.start()].rstrip())


def bad_request(message: str) -> Refusal:
    """What the client sent can't be read."""
    return Refusal(36, "BAD_ARGUMENTS", message)


def syntax_error(message: str) -> Refusal:
    """The statement is not one that can be run here."""
    return Refusal(62, "SYNTAX_ERROR", message)


def not_supported(message: str) -> Refusal:
    """A ClickHouse server could do this, the local one can't."""
    return Refusal(48, "NOT_IMPLEMENTED", f"{message} The local ClickHouse does not support this.")


def too_large(what: str, limit_bytes: int) -> Refusal:
    """A body, compressed or not, beyond the limit."""
    return Refusal(307, "TOO_MANY_BYTES", f"{what} is larger than {limit_bytes:,} bytes; send it in smaller parts.")
