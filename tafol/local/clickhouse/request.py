"""Reads what an HTTP request asks of ClickHouse, apart from its body, into one frozen value. Pure.

What is in the URL: `query`, `database`, `param_NAME`, transport options (listed in _TRANSPORT), and every other name,
which is a ClickHouse setting. Headers X-ClickHouse-Database, -Format, -User and -Key say the same where the URL does
not. A form (multipart) may bring `query` and `param_NAME`, for values too long for a URL.

Values of settings and parameters never become SQL by joining texts: parameters go to the engine as parameters, names
of settings are checked here and their values quoted in engine.py.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tafol.local.clickhouse.compression import choose_encoding
from tafol.local.clickhouse.refusals import Refusal, bad_request, not_supported

DEFAULT_FORMAT = "TabSeparated"
MAX_URL_FIELDS = 2_000

# Options of the transport that ClickHouse does not take for settings. Those that are not read below mean nothing here:
# there are no quotas and no stack traces, and answers are always buffered.
_TRANSPORT = frozenset(
    {"query", "database", "default_format", "user", "password", "query_id", "wait_end_of_query", "buffer_size"}
    | {"client_protocol_version", "compress", "decompress", "quota_key", "role", "stacktrace"}
    | {"session_id", "session_timeout", "session_check", "close_session"}
)
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_QUERY_ID = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to run a statement."""

    sql: bytes
    """From the URL or the form; the body goes on where this ends."""
    query_id: str
    database: str | None
    settings: tuple[tuple[str, str], ...]
    parameters: Mapping[str, str]
    """Values as ClickHouse takes them in param_NAME: escaped like a field of TabSeparated."""
    default_format: str
    user: str
    password: str = field(repr=False)
    content_encoding: str
    """Of the body; "" for none."""
    answer_encoding: str | None
    wait_for_end: bool
    """Nothing is sent before the query has ended, so that an error always has its own HTTP status."""
    in_session: bool
    protocol_version: int
    may_write: bool
    """False for GET, which ClickHouse runs with readonly = 2."""


def read_request(method: str, query_string: str, headers: Mapping[str, str], form: Mapping[str, bytes]) -> Request:
    """The request in `query_string` (as sent, still quoted), `headers` (names in any case) and form fields.

    Raises Refusal for what can't be read and for what the local ClickHouse does not do.
    """
    given = _url_fields(query_string)
    _refuse_unsupported(given)
    database = given.get("database") or headers.get("X-ClickHouse-Database") or None
    _refuse_unreadable([name + value for name, value in given.items() if name != "query"] + [database or ""])
    user, password = _credentials(given, headers)
    sql = form.get("query", b"") + given.get("query", "").encode("utf-8", "surrogateescape")
    query_id = given.get("query_id") or headers.get("X-ClickHouse-Query-Id") or str(uuid.uuid4())
    if not _QUERY_ID.fullmatch(query_id):
        raise bad_request("query_id must be 1 to 200 printable ASCII characters without blanks.")
    default_format = given.get("default_format") or headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT
    if not _FORMAT_NAME.fullmatch(default_format):
        raise Refusal(73, "UNKNOWN_FORMAT", "default_format is not the name of a format.")
    wanted = choose_encoding(headers.get("Accept-Encoding", ""))
    encoding = headers.get("Content-Encoding", "").strip().lower()
    return Request(
        sql=sql,
        query_id=query_id,
        database=database,
        settings=tuple((name, value) for name, value in given.items() if _is_setting(name)),
        parameters=_parameters(given, form),
        default_format=default_format,
        user=user,
        password=password,
        content_encoding="" if encoding == "identity" else encoding,
        answer_encoding=wanted if _flag(given.get("enable_http_compression", "1")) else None,
        wait_for_end=_flag(given.get("wait_end_of_query", "0")),
        in_session=bool(given.get("session_id")),
        protocol_version=_number("client_protocol_version", given.get("client_protocol_version") or "0"),
        may_write=method == "POST",
    )


def _url_fields(query_string: str) -> dict[str, str]:
    try:
        # surrogateescape: a statement may hold bytes that are not UTF-8, and they must arrive as they are.
        pairs = parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_URL_FIELDS)
    except ValueError as error:
        raise bad_request(f"The URL can't be read: more than {MAX_URL_FIELDS} fields.") from error
    return dict(pairs)


def _refuse_unsupported(given: Mapping[str, str]) -> None:
    for name in ("compress", "decompress"):
        if _flag(given.get(name, "0")):
            raise not_supported(
                f"{name}=1 asks for ClickHouse's own block compression; use HTTP compression instead "
                "(Content-Encoding and Accept-Encoding: lz4, zstd, gzip or deflate)."
            )
    if given.get("role"):
        raise not_supported("role: there is one user and there are no roles.")


def _refuse_unreadable(texts: Iterable[str]) -> None:
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError as error:
        raise bad_request("The URL or a header holds bytes that are not UTF-8, outside of the query.") from error


def _credentials(given: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """User and password from Authorization, X-ClickHouse-User and -Key, or the URL: the first that is there."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise bad_request("The Authorization header can't be read.") from error
        return user, password
    if scheme:
        raise not_supported("Of the ways to authorize, only Basic is known.")
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    return given.get("user", "default"), given.get("password", "")


def _is_setting(name: str) -> bool:
    if name in _TRANSPORT or name.startswith("param_"):
        return False
    if not _SETTING_NAME.fullmatch(name):
        raise Refusal(115, "UNKNOWN_SETTING", "The URL names a setting that can't exist.")
    return True


def _parameters(given: Mapping[str, str], form: Mapping[str, bytes]) -> dict[str, str]:
    try:
        named = dict(given) | {name: value.decode() for name, value in form.items() if name != "query"}
    except UnicodeDecodeError as error:
        raise bad_request("A field of the form is not UTF-8.") from error
    found = {name.removeprefix("param_"): value for name, value in named.items() if name.startswith("param_")}
    if not all(_PARAMETER_NAME.fullmatch(name) for name in found):
        raise bad_request("The name of a parameter is not an identifier.")
    return found


def _flag(value: str) -> bool:
    return value.strip().lower() in {"1", "true"}


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise bad_request(f"{name} must be a whole number.")
    return int(value)
