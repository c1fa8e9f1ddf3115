"""Reads just enough of a SQL text to serve it over HTTP: where an insert's data begins, the format, what kind it is.

ClickHouse's own parser, inside chDB, stays the judge of what is right SQL. This one looks at words outside quotes,
comments and brackets, and when it does not understand a text it leaves it as it is for chDB to refuse.

Two kinds of statement are refused here, because chDB, being a command-line engine, would do what no ClickHouse server
does for an HTTP client: read or write files of the machine by FROM INFILE and INTO OUTFILE, and run several
statements in one request.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tafol.local.clickhouse.refusals import not_supported, syntax_error

# Possessive repeats (++, *+): an unclosed quote must not make the matcher try every way of splitting the rest.
_TOKEN = re.compile(
    rb"""
    (?P<blank> \s++ | --[^\n]*+ | \#[\ !][^\n]*+ | /\*.*?(?:\*/|\Z) )
  | (?P<quoted>
        '(?:[^'\\]++|\\.)*+'? | `(?:[^`\\]++|\\.)*+`? | "(?:[^"\\]++|\\.)*+"? | \$(?P<tag>\w*+)\$.*?\$(?P=tag)\$ )
  | (?P<word> [A-Za-z_\x80-\xff][\w\x80-\xff]*+ )
  | (?P<open> [(\[{] )
  | (?P<close> [)\]}] )
  | (?P<other> \d[\w.]*+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_READS = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"})
_ENDS_INSERT_HEAD = frozenset({"VALUES", "FORMAT", "SELECT", "WITH", "FROM", "WATCH"})


@dataclass(frozen=True, slots=True)
class InsertHead:
    """An INSERT whose rows follow it: `into` (up to the columns), SETTINGS clause, format, and where data begin."""

    into: bytes
    settings: bytes
    format: str
    data_at: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Any other statement.

    `verb`: its first word in capitals, "" for an empty text. `format`: the one it names itself. `reads`: it changes
    nothing, so it may be cancelled when its client goes away. `selects`: a SELECT whose result is rows alone.
    """

    verb: str
    format: str | None
    reads: bool
    selects: bool
    for_session: bool
    """It only acts on later requests of the same session: SET, USE, CREATE TEMPORARY TABLE."""


class _Token(NamedTuple):
    kind: str
    word: str
    """The word in capitals, or the character itself; empty for quoted text."""
    start: int
    end: int
    depth: int


def read_insert(sql: bytes) -> InsertHead | None:
    """The head of an INSERT that carries rows, or None when `sql` is something else (INSERT ... SELECT too).

    `sql` may go on with binary rows: nothing after the head is looked at. Raises Refusal for FROM INFILE.
    """
    tokens = _significant(sql)
    first = next(tokens, None)
    if first is None or first.word != "INSERT":
        return None
    target = _skip_target(tokens)
    settings_at: int | None = None
    while target is not None:
        if target.depth == 0 and target.word == "SETTINGS" and settings_at is None:
            settings_at = target.start
        elif target.depth == 0 and target.word in _ENDS_INSERT_HEAD:
            break
        target = next(tokens, None)
    if target is None or target.word in {"SELECT", "WITH", "WATCH"}:
        return None
    if target.word == "FROM":
        raise not_supported("FROM INFILE reads a file of the client's machine; send the rows in the body.")
    head_end = target.start if settings_at is None else settings_at
    into = sql[first.start : head_end].rstrip()
    settings = b"" if settings_at is None else sql[settings_at : target.start].rstrip()
    if target.word == "VALUES":
        return InsertHead(into, settings, "Values", target.end)
    named = next(tokens, None)
    if named is None or named.kind != "word":
        return None
    return InsertHead(into, settings, sql[named.start : named.end].decode(), _data_at(sql, named.end))


def read_statement(sql: bytes) -> Statement:
    """What kind of statement the whole of `sql` is. Raises Refusal for several statements and for INTO OUTFILE."""
    tokens = list(_significant(sql))
    _refuse_foreign(tokens)
    words = [token.word for token in tokens if token.kind == "word"]
    verb = words[0] if words else ""
    outside = {token.word for token in tokens if token.kind == "word" and token.depth == 0}
    return Statement(
        verb=verb,
        format=_named_format(sql, tokens),
        reads=verb in _READS and "INSERT" not in outside,
        # A streamed result loses its totals: those queries are answered as a whole.
        selects=verb in {"SELECT", "WITH"} and "INSERT" not in outside and "TOTALS" not in words,
        for_session=verb in {"SET", "USE"} or words[:2] == ["CREATE", "TEMPORARY"],
    )


def _significant(sql: bytes) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup or "other"
        if kind == "blank":
            continue
        if kind == "close":
            depth = max(depth - 1, 0)
        word = "" if kind == "quoted" else found[0].decode("latin-1").upper()
        yield _Token(kind, word, found.start(), found.end(), depth)
        if kind == "open":
            depth += 1


def _skip_target(tokens: Iterator[_Token]) -> _Token | None:
    """Go past INTO, TABLE, FUNCTION and the name of the table, which may itself be `format` or `values`."""
    token = next(tokens, None)
    for optional in ("INTO", "TABLE", "FUNCTION"):
        if token is not None and token.word == optional:
            token = next(tokens, None)
    token = next(tokens, None)
    while token is not None and token.word == ".":
        next(tokens, None)
        token = next(tokens, None)
    return token


def _data_at(sql: bytes, at: int) -> int:
    """Where rows begin after the format's name: past blanks and one line end, as ClickHouse reads it."""
    while sql[at : at + 1] in {b" ", b"\t", b"\f"}:
        at += 1
    at += sql[at : at + 1] == b"\r"
    return at + (sql[at : at + 1] == b"\n")


def _refuse_foreign(tokens: list[_Token]) -> None:
    pairs = list(itertools.pairwise(tokens))
    for this, after in pairs:
        if (this.word, after.word) == ("INTO", "OUTFILE"):
            raise not_supported("INTO OUTFILE writes a file of the client's machine; use the answer's body.")
        if this.word == ";" and after.word != ";":
            raise syntax_error("Multi-statements are not allowed: send one statement a request.")
    if tokens and tokens[0].word == "INSERT" and any((a.word, b.word) == ("INPUT", "(") for a, b in pairs):
        raise not_supported("INSERT ... SELECT ... FROM input() is not possible here; insert the rows directly.")


def _named_format(sql: bytes, tokens: list[_Token]) -> str | None:
    """The name after the last FORMAT outside brackets, if only SETTINGS or the end follows it."""
    for at in range(len(tokens) - 2, -1, -1):
        keyword, name = tokens[at], tokens[at + 1]
        if keyword.word == "FORMAT" and keyword.depth == 0 and name.kind == "word":
            follows = tokens[at + 2].word if at + 2 < len(tokens) else ";"
            return sql[name.start : name.end].decode() if follows in {";", "SETTINGS"} else None
    return None
