"""What a desk does besides answering: take tasks in, send reviews out, end what is overdue, chain the audit trail.

Each job is a thread that does its step over and over. A step that meets a Retryable waits and tries again; any other
error stops the desk (`failed`), for going on would hide it: its supervisor starts it again, and nothing is lost.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from desk.audit import Chain
from desk.kafka import Inflow
from desk.outbox import Publisher, Sender
from desk.services import dues
from desk.surroundings import Surroundings
from schemas.errors import Retryable

OUTBOX_EVERY_S: Final = 0.2
CHAIN_EVERY_S: Final = 1.0
DUES_EVERY_S: Final = 5.0
HOUSEKEEPING_EVERY_S: Final = 600.0
JOIN_S: Final = 15.0
COMPLAIN_EVERY: Final = 30
"""Failed tries between two log lines about the same job."""
log = logging.getLogger(__name__)

COLLECT_AFTER: Final = (50_000, 20, 20)

Step = Callable[[], int]
"""Does a little; how much. 0: nothing was left to do, so wait before the next."""


@dataclass
class Background:
    """The jobs of one desk process. `inflow` and `sender` None: no Kafka."""

    here: Surroundings
    inflow: Inflow | None = None
    sender: Sender | None = None
    failed: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start all jobs."""
        chain = Chain(self.here.database)
        jobs: dict[str, tuple[Step, float]] = {
            "dues": (self._end_overdue, DUES_EVERY_S),
            "chain": (chain.extend, CHAIN_EVERY_S),
            "housekeeping": (self._housekeeping, HOUSEKEEPING_EVERY_S),
        }
        if self.sender is not None:
            publisher = Publisher(self.here.database, self.sender)
            jobs["outbox"] = (lambda: publisher.send_some(self.here.now()), OUTBOX_EVERY_S)
        if self.inflow is not None:
            inflow = self.inflow
            jobs["intake"] = (lambda: inflow.step() + inflow.fetch_contents(), 0.0)
        for name, (step, every_s) in jobs.items():
            thread = threading.Thread(target=self._repeat, args=(name, step, every_s), name=f"desk-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End all jobs after their present step."""
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_S)
        if self.inflow is not None:
            self.inflow.close()

    def _repeat(self, name: str, step: Step, every_s: float) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                left = step()
            except Retryable as away:
                if failures % COMPLAIN_EVERY == 0:
                    log.warning("%s waits: %s", name, away.message)
                failures += 1
                self._stop.wait(away.retry_after_s)
                continue
            except Exception:
                log.exception("%s failed; the desk stops", name)
                self.failed.set()
                return
            failures = 0
            if not left:
                self._stop.wait(every_s)

    def _end_overdue(self) -> int:
        return int(dues.end_overdue(self.here) == dues.BATCH)

    def _housekeeping(self) -> int:
        dues.forget_content(self.here)
        dues.forget_old(self.here)
        return 0


def quiet_collector() -> None:
    """Let the garbage collector leave what was loaded alone: it walked a million objects in the midst of requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
