"""/metrics, /healthz and /readyz of a worker.

Live means: while records wait, something is committed. A worker that waits on purpose (for a first frame, for a store
that is away) is not ready, and says why, but it is live: a restart would not help it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from streams.stage import Partition


@dataclass
class Progress:
    """What is known of one worker's progress. Times are monotonic seconds."""

    monotonic_s: Callable[[], float]
    stalled_after_s: float
    waiting: dict[str, str] = field(default_factory=dict)
    """Why a stage does not decide, by stage."""
    _moved_at_s: dict[tuple[str, Partition], float] = field(default_factory=dict)
    _positions: dict[tuple[str, Partition], tuple[int, int]] = field(default_factory=dict)

    def position(self, stage: str, source: Partition, next_offset: int, log_end: int) -> None:
        """Note where a stage stands in a partition."""
        key = stage, source
        before = self._positions.get(key)
        self._positions[key] = next_offset, log_end
        if before is None or next_offset > before[0] or next_offset >= log_end:
            self._moved_at_s[key] = self.monotonic_s()

    def goes_on(self, stage: str) -> None:
        """The stage waits no longer: for its partitions, time begins anew."""
        if self.waiting.pop(stage, None) is not None:
            for key in [key for key in list(self._moved_at_s) if key[0] == stage]:
                self._moved_at_s[key] = self.monotonic_s()

    def forget(self, keep: set[tuple[str, Partition]]) -> None:
        """Partitions that went to another worker are no concern of this one."""
        for key in set(self._positions) - keep:
            del self._positions[key], self._moved_at_s[key]

    def stalled(self) -> list[str]:
        """Partitions with waiting records that have not moved for too long, unless their stage waits on purpose."""
        now_s = self.monotonic_s()
        return [
            f"{stage} {source}: at {self._positions[stage, source][0]} of {self._positions[stage, source][1]} "
            f"for {now_s - moved_at_s:.0f} s"
            for (stage, source), moved_at_s in self._moved_at_s.items()
            if now_s - moved_at_s > self.stalled_after_s and stage not in self.waiting
        ]

    def not_ready(self) -> list[str]:
        waiting = [f"{stage} waits for {reason}" for stage, reason in list(self.waiting.items())]
        return waiting if waiting or self._positions else ["no partitions are assigned yet"]


class HealthServer:
    """Serves one worker's endpoints."""

    def __init__(self, progress: Progress, registry: CollectorRegistry, *, host: str, port: int) -> None:
        self._progress = progress
        self._registry = registry
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen; returns the base URL."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(self._progress.stalled())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._progress.stalled() + self._progress.not_ready())


def _answer(wrong: list[str]) -> web.Response:
    return web.json_response({"ok": not wrong, "wrong": wrong}, status=503 if wrong else 200)
