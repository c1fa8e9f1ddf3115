"""What a running stage tells whoever watches it. The metrics of `sinks` fit; tests pass a silent one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.stage import Output, Partition


class Observer(Protocol):
    """All methods are cheap and never raise. Times in seconds, sizes in bytes."""

    def chunk_done(self, stage: str, source: Partition, records: int, size_bytes: int, seconds: float) -> None:
        """A chunk was worked on and its outputs are with the broker."""

    def outputs(self, stage: str, outputs: Sequence[Output]) -> None:
        """Records that a chunk gave, in order."""

    def snapshot(self, stage: str, source: Partition, size_bytes: int, next_offset: int) -> None:
        """A snapshot is with the broker: all below `next_offset` is done."""

    def committed(self, stage: str, source: Partition, next_offset: int) -> None:
        """All below `next_offset` is done for good, in a way other than a snapshot."""

    def position(self, stage: str, source: Partition, next_offset: int, log_end: int) -> None:
        """How far the stage has read, and how far the log goes."""

    def waiting(self, stage: str, reason: str | None) -> None:
        """The stage does not decide, and why; None: it goes on."""
