"""One HTTP answer on its way out: written by the thread that runs the query, sent by the event loop.

While an answer is small it is kept, and goes out in one piece when the query has ended: an error in the middle of the
query can then still say so in its HTTP status. A larger one is sent as it is made, at the pace its client reads, or
kept in a file when the client asked for nothing before the end (wait_end_of_query=1). So memory stays bounded.
"""

import asyncio
import concurrent.futures
import contextlib
import secrets
import tempfile
from pathlib import Path
from typing import IO

from aiohttp import web

from tafol.local.clickhouse import compression
from tafol.local.clickhouse.limits import MIB, Limits
from tafol.local.clickhouse.refusals import Refusal

LEAST_COMPRESSED_BYTES = 1024


class ClientGone(Exception):
    """The client closed the connection or stopped reading: nobody is left to answer."""


class Answer:
    """`write` and `complete` belong to the query's thread, everything else to the event loop."""

    def __init__(
        self,
        http: web.Request,
        headers: dict[str, str],
        *,
        encoding: str | None,
        at_end: bool,
        spill: Path,
        limits: Limits,
    ) -> None:
        """`at_end`: send nothing before the end. `spill`: the folder for what is kept meanwhile."""
        self._http = http
        self._loop = asyncio.get_running_loop()
        self._headers = headers
        self._encoding = encoding
        self._encoder: compression.Encoder | None = None
        self._at_end = at_end
        self._spill_folder = spill
        self._limits = limits
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._spill: IO[bytes] | None = None
        self._response: web.StreamResponse | None = None
        # clickhouse-go counts on 16 characters.
        self._exception_tag = secrets.token_hex(8)

    def write(self, piece: bytes) -> None:
        """Take a piece of the result. Raises ClientGone when nobody reads it."""
        self._held.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._limits.hold_bytes:
            self._pass_on(self._encoded())

    def complete(self) -> None:
        """Say that the result has been written."""
        if self._response is None and self._spill is None:
            if self._held_bytes < LEAST_COMPRESSED_BYTES:
                self._encoding = None
            self._held = [self._encoded(last=True)]
        else:
            self._pass_on(self._encoded(last=True))

    @property
    def begun(self) -> bool:
        """Something has been sent, so the HTTP status has been said."""
        return self._response is not None

    async def deliver(self, summary: dict[str, str]) -> web.StreamResponse:
        """Send what is left of a complete answer, with `summary` among its headers if they are still to be sent."""
        if self._response is not None:
            await self._response.write_eof()
            return self._response
        self._headers |= summary
        if self._encoding is not None:
            self._headers["Content-Encoding"] = self._encoding
        if self._spill is None:
            return web.Response(body=b"".join(self._held), headers=self._headers)
        return await self._deliver_spill(self._spill)

    async def break_off(self, refusal: Refusal, version: str) -> web.StreamResponse:
        """End an answer that has begun by the error, in the form that clients look for, and close the connection.

        Closing without the last chunk tells also those that don't look that the answer is not whole.
        """
        assert self._response is not None
        message = refusal.text(version).encode()
        tag = self._exception_tag.encode()
        mark = b"__exception__"
        block = b"\r\n%s\r\n%s\r\n%s\n%d %s\r\n%s\r\n" % (mark, tag, message, len(message), tag, mark)
        self._held = [block]
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._limits.send_s):
                await self._response.write(self._encoded(last=True))
        if self._http.transport is not None:
            self._http.transport.close()
        return self._response

    def discard(self) -> None:
        """Free what is kept on disk."""
        if self._spill is not None:
            self._spill.close()

    def _encoded(self, *, last: bool = False) -> bytes:
        data = b"".join(self._held)
        self._held, self._held_bytes = [], 0
        if self._encoding is None:
            return data
        if self._encoder is None:
            self._encoder = compression.encoder(self._encoding)
        return self._encoder.compress(data) + (self._encoder.flush() if last else b"")

    def _pass_on(self, data: bytes) -> None:
        if self._at_end:
            self._keep(data)
            return
        sending = asyncio.run_coroutine_threadsafe(self._send(data), self._loop)
        try:
            sending.result(self._limits.send_s)
        except (ConnectionError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
            sending.cancel()
            raise ClientGone from error

    def _keep(self, data: bytes) -> None:
        if self._spill is None:
            self._spill = tempfile.TemporaryFile(dir=self._spill_folder)  # noqa: SIM115 - closed by discard
        self._spill.write(data)
        if self._spill.tell() > self._limits.spill_bytes:
            message = f"The answer is larger than {self._limits.spill_bytes:,} bytes; read it as a stream."
            raise Refusal(396, "TOO_MANY_ROWS_OR_BYTES", message)

    async def _send(self, data: bytes) -> None:
        if self._response is None:
            self._headers["X-ClickHouse-Exception-Tag"] = self._exception_tag
            if self._encoding is not None:
                self._headers["Content-Encoding"] = self._encoding
            self._response = web.StreamResponse(headers=self._headers)
            await self._response.prepare(self._http)
        await self._response.write(data)

    async def _deliver_spill(self, spill: IO[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._headers)
        response.content_length = spill.tell()
        spill.seek(0)
        await response.prepare(self._http)
        while piece := spill.read(MIB):
            async with asyncio.timeout(self._limits.send_s):
                await response.write(piece)
        await response.write_eof()
        return response
