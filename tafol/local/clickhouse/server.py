"""ClickHouse's HTTP interface over chDB.

    GET /ping                         Ok.
    GET, POST /?query=...             one statement; see request.py for what the URL and headers may say

The event loop reads requests and sends answers; queries run in a bounded pool of threads, for chDB lets go of the
interpreter while it works. Logs name queries by their id and say how they went; they never hold SQL, parameters, rows
or error texts, because all of these can quote a customer's words.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from tafol.local.clickhouse import native
from tafol.local.clickhouse.answer import Answer, ClientGone
from tafol.local.clickhouse.engine import STREAMED_FORMATS, Engine, Query, Summary, insert_sql
from tafol.local.clickhouse.intake import Insert, take_in
from tafol.local.clickhouse.limits import MIB, Limits
from tafol.local.clickhouse.refusals import Refusal, bad_request, not_supported, too_large
from tafol.local.clickhouse.request import Request, read_request
from tafol.local.clickhouse.statement import read_statement

DISPLAY_NAME = "tafol-local"
WATCH_INTERVAL_S = 0.5
CANCEL_GRACE_S = 5.0
MAX_LINE_BYTES = MIB  # ClickHouse's http_max_uri_size
READ_BYTES = 256 * 1024

_CONTENT_TYPES = {
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """A statement that is ready to run, and how its answer is to be labelled."""

    query: Query
    format: str
    reads: bool


class Server:
    """Serves one engine to one user. `incoming` is the folder for rows on their way in and answers that wait."""

    def __init__(self, engine: Engine, incoming: Path, user: str, password: str, limits: Limits) -> None:
        self._engine = engine
        self._incoming = incoming
        self._user = user.encode()
        self._password = password.encode()
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.workers, "query")
        self._canceller = ThreadPoolExecutor(1, "cancel")
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._runner: web.AppRunner | None = None

    async def start(self, listener: socket.socket) -> None:
        """Serve on a bound socket."""
        app = web.Application()
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/", self._query, expect_handler=self._expect)
        app.router.add_post("/", self._query, expect_handler=self._expect)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=64 * 1024,
            read_bufsize=READ_BYTES,
            handler_cancellation=False,
            shutdown_timeout=CANCEL_GRACE_S,
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> bool:
        """Refuse new queries, let running ones end within `drain_s`, cancel the others. False: a thread still runs."""
        self._stopping = True
        if not await self._drained(self._limits.drain_s):
            log.warning(
                "%d queries are cancelled: they did not end within %.0f s.", self._in_flight, self._limits.drain_s
            )
            await asyncio.to_thread(self._engine.cancel_all)
        ended = await self._drained(CANCEL_GRACE_S)
        if self._runner is not None:
            await self._runner.cleanup()
        self._threads.shutdown(wait=ended)
        self._canceller.shutdown(wait=ended)
        return ended

    async def _drained(self, within_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        return self._idle.is_set()

    async def _ping(self, _http: web.Request) -> web.Response:
        return web.Response(text="Ok.\n", headers={"X-ClickHouse-Server-Display-Name": DISPLAY_NAME})

    async def _expect(self, http: web.Request) -> web.StreamResponse | None:
        """Before a client that asks (Expect: 100-continue) sends its body: refuse what would be refused anyway."""
        try:
            self._admit(http)
        except Refusal as refusal:
            return self._refused(refusal, {})
        if http.transport is not None:
            http.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def _query(self, http: web.Request) -> web.StreamResponse:
        if http.method == "GET" and not http.query_string:
            return await self._ping(http)
        headers = {"X-ClickHouse-Server-Display-Name": DISPLAY_NAME, "X-ClickHouse-Timezone": self._engine.timezone}
        started = time.monotonic()
        self._in_flight += 1
        self._idle.clear()
        try:
            request = self._admit(http)
            headers["X-ClickHouse-Query-Id"] = request.query_id
            return await self._run(http, request, headers)
        except Refusal as refusal:
            _log_failure(headers, refusal.name, started)
            return self._refused(refusal, headers)
        except ClientGone:
            _log_failure(headers, "the client has gone", started)
            if http.transport is not None:
                http.transport.abort()  # it may be half an answer behind: nothing may follow
            return web.Response(status=499)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    def _admit(self, http: web.Request) -> Request:
        """The request as far as its head tells, once all is refused that can be refused before its body is read."""
        if self._stopping:
            raise Refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "The local ClickHouse is stopping.")
        if self._in_flight > self._limits.workers + self._limits.waiting:
            raise Refusal(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"{self._in_flight} requests are in work already.")
        if (http.content_length or 0) > self._limits.request_bytes:
            raise too_large("The body", self._limits.request_bytes)
        request = read_request(http.method, http.rel_url.raw_query_string, http.headers, {})
        same_user = hmac.compare_digest(request.user.encode("utf-8", "surrogateescape"), self._user)
        same_password = hmac.compare_digest(request.password.encode("utf-8", "surrogateescape"), self._password)
        if not (same_user and same_password):
            message = "Authentication failed: password is incorrect, or there is no user with such name."
            raise Refusal(516, "AUTHENTICATION_FAILED", message)
        return request

    async def _run(self, http: web.Request, request: Request, headers: dict[str, str]) -> web.StreamResponse:
        request, taken = await self._take_in(http, request)
        try:
            if isinstance(taken, bytes) and request.protocol_version and _is_greeting(taken):
                body = native.greeting(DISPLAY_NAME, self._engine.version, self._engine.timezone)
                return web.Response(body=body, headers=headers | {"X-ClickHouse-Format": "Native"})
            work = _prepare(request, taken)
            headers["X-ClickHouse-Format"] = work.format
            headers["Content-Type"] = _CONTENT_TYPES.get(work.format, "text/plain; charset=UTF-8")
            return await self._answer(http, request, work, headers)
        finally:
            if isinstance(taken, Insert):
                taken.discard()

    async def _take_in(self, http: web.Request, request: Request) -> tuple[Request, bytes | Insert]:
        """The request with what its form adds, and its body."""
        body: AsyncIterator[bytes] = http.content.iter_any()
        try:
            async with asyncio.timeout(self._limits.request_s):
                if http.content_type == "multipart/form-data":
                    form = await _read_form(http, self._limits)
                    request = read_request(http.method, http.rel_url.raw_query_string, http.headers, form)
                    body = _nothing()
                taken = await take_in(request.sql, body, request.content_encoding, self._incoming, self._limits)
                return request, taken
        except TimeoutError as error:
            message = f"The body did not arrive within {self._limits.request_s:.0f} s."
            raise Refusal(159, "TIMEOUT_EXCEEDED", message) from error
        except (ConnectionError, web.PayloadAccessError) as error:
            raise ClientGone from error
        except OSError as error:
            raise Refusal(243, "NOT_ENOUGH_SPACE", f"The rows can't be kept: {error.strerror}.") from error
        except web.RequestPayloadError as error:
            raise bad_request("The body's transfer encoding is broken.") from error

    async def _answer(
        self, http: web.Request, request: Request, work: _Work, headers: dict[str, str]
    ) -> web.StreamResponse:
        answer = Answer(
            http,
            headers,
            encoding=request.answer_encoding,
            at_end=request.wait_for_end,
            spill=self._incoming,
            limits=self._limits,
        )
        try:
            summary = await self._in_thread(http, work, answer)
            return await answer.deliver({"X-ClickHouse-Summary": _summary_text(summary)})
        except Refusal as refusal:
            if work.query.rows_from is not None:
                refusal.message = refusal.message.replace(str(work.query.rows_from), "the request's body")
            if not answer.begun:
                raise
            _log_failure(headers, f"{refusal.name}, in the middle of its answer", time.monotonic())
            return await answer.break_off(refusal, self._engine.version)
        except (ConnectionError, TimeoutError) as error:
            raise ClientGone from error
        finally:
            answer.discard()

    async def _in_thread(self, http: web.Request, work: _Work, answer: Answer) -> Summary:
        """Run the query in a thread; cancel it when its client has gone (reads alone) or its time is over."""
        tag = f"{id(answer):x}-{time.monotonic_ns():x}"

        def run() -> Summary:
            summary = self._engine.run(work.query, tag, answer.write)
            answer.complete()
            return summary

        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, run)
        # max_execution_time ends most queries in time; this is for those whose SQL lifts it or that don't look at it.
        deadline = time.monotonic() + self._limits.request_s + CANCEL_GRACE_S
        while not running.done():
            await asyncio.wait([running], timeout=WATCH_INTERVAL_S)
            gone = work.reads and (http.transport is None or http.transport.is_closing())
            if not running.done() and (gone or time.monotonic() > deadline):
                await loop.run_in_executor(self._canceller, self._engine.cancel, tag)
        return await running

    def _refused(self, refusal: Refusal, headers: dict[str, str]) -> web.Response:
        labels = {"X-ClickHouse-Exception-Code": str(refusal.code), "Content-Type": "text/plain; charset=UTF-8"}
        return web.Response(
            status=refusal.status, text=refusal.text(self._engine.version), headers={**headers, **labels}
        )


def _log_failure(headers: dict[str, str], what: str, started: float) -> None:
    query_id = headers.get("X-ClickHouse-Query-Id", "(none yet)")
    log.info("Query %s failed after %.3f s: %s.", query_id, time.monotonic() - started, what)


def _prepare(request: Request, taken: bytes | Insert) -> _Work:
    if isinstance(taken, Insert):
        head = taken.head
        query = Query(
            sql=insert_sql(head.into, head.settings, head.format, taken.rows),
            format=request.default_format,
            database=request.database,
            settings=request.settings,
            parameters=request.parameters,
            readonly=not request.may_write,
            rows_from=taken.rows,
        )
        return _Work(query, request.default_format, reads=False)
    statement = read_statement(taken)
    if not statement.verb:
        raise Refusal(62, "SYNTAX_ERROR", "Empty query.")
    if request.in_session and statement.for_session:
        raise not_supported(
            "Nothing is kept between the requests of a session: give settings and the database with each request, "
            f"and no {statement.verb} in a session."
        )
    output = statement.format or request.default_format
    extremes = any(name == "extremes" for name, _ in request.settings)
    query = Query(
        sql=taken,
        format=output,
        database=request.database,
        settings=request.settings,
        parameters=request.parameters,
        readonly=not request.may_write,
        streamed=statement.selects and output in STREAMED_FORMATS and not extremes,
    )
    return _Work(query, output, reads=statement.reads)


def _is_greeting(sql: bytes) -> bool:
    return sql.strip().rstrip(b";") == native.GREETING.encode()


def _summary_text(summary: Summary) -> str:
    return json.dumps(
        {
            "read_rows": str(summary.read_rows),
            "read_bytes": str(summary.read_bytes),
            "written_rows": str(summary.written_rows),
            "written_bytes": str(summary.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(summary.result_rows),
            "result_bytes": "0",
            "elapsed_ns": str(int(summary.elapsed_s * 1e9)),
        }
    )


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


async def _read_form(http: web.Request, limits: Limits) -> dict[str, bytes]:
    """The fields of a form. A file in it is an external table, which chDB can't take."""
    fields: dict[str, bytes] = {}
    left = limits.statement_bytes
    try:
        async for part in await http.multipart():
            if not isinstance(part, BodyPartReader) or part.filename is not None or not part.name:
                raise not_supported("A form with files (external tables).")
            value = bytearray()
            while chunk := await part.read_chunk():
                value += chunk
                if len(value) > left:
                    raise too_large("The form", limits.statement_bytes)
            left -= len(value)
            fields[part.name] = bytes(value)
    except ValueError as error:
        raise bad_request("The form can't be read.") from error
    return fields


__all__ = ["DISPLAY_NAME", "Server"]
