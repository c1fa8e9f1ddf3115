"""Tells the metrics and the health endpoints of one worker what its stages report."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.catalogue import REGISTERS
from sinks.metrics import Metrics, WorkerState
from streams.stage import Output, Partition
from tafol.health import Progress


class Watch:
    """An Observer (streams.observer) over both."""

    def __init__(self, metrics: Metrics, progress: Progress) -> None:
        self.metrics = metrics
        self._progress = progress
        self._held: set[tuple[str, Partition]] = set()

    def chunk_done(self, stage: str, source: Partition, records: int, size_bytes: int, seconds: float) -> None:
        self.metrics.chunk_done(stage, source, records, size_bytes, seconds)

    def outputs(self, stage: str, outputs: Sequence[Output]) -> None:
        self.metrics.outputs(stage, outputs)

    def snapshot(self, stage: str, source: Partition, size_bytes: int, next_offset: int) -> None:
        self.metrics.snapshot(stage, source, size_bytes, next_offset)

    def committed(self, stage: str, source: Partition, next_offset: int) -> None:
        self.metrics.committed(stage, source, next_offset)

    def position(self, stage: str, source: Partition, next_offset: int, log_end: int) -> None:
        self.metrics.position(stage, source, next_offset, log_end)
        self._progress.position(stage, source, next_offset, log_end)

    def waiting(self, stage: str, reason: str | None) -> None:
        self.metrics.waiting(stage, reason)
        if reason is None:
            self._progress.goes_on(stage)
        else:
            self._progress.waiting[stage] = reason

    def registers_read(self) -> None:
        """All registers were read to their ends."""
        for register in REGISTERS:
            self.metrics.register_read(register)

    def state(self, state: WorkerState) -> None:
        """The worker went over to `state`."""
        self.metrics.worker_state(state)

    def keep_only(self, held: set[tuple[str, Partition]]) -> None:
        """These partitions are this worker's now; what is said of others would be stale."""
        for stage, source in self._held - held:
            self.metrics.released(stage, source)
        self._held = held
        self._progress.forget(held)
