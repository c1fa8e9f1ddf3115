"""Memory for a span of log time: what a stage still knows of a transaction, and when it has forgotten it.

Log time is the highest append time that a partition has shown, so that memory, like all state, is a function of the
log: the same records leave the same memory, in any chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

SWEEP_EVERY_MS: Final = 86_400_000
"""What is past its span is forgotten at once and its room freed once in so much log time, all at a stroke."""

ItemT = TypeVar("ItemT")


class Kept(msgspec.Struct, Generic[ItemT], array_like=True, frozen=True, gc=False):
    """One item. `touched_ms`: log time at which it was last put."""

    touched_ms: int
    item: ItemT


class Recent(msgspec.Struct, Generic[ItemT], array_like=True):
    """Items by key, each kept for `span_ms` of log time after it was last put."""

    span_ms: int
    log_time_ms: int = 0
    items: dict[str, Kept[ItemT]] = {}

    def pass_time(self, append_time_ms: int) -> None:
        """Call with the append time of every record, before anything else is done with it."""
        swept = self.log_time_ms // SWEEP_EVERY_MS
        self.log_time_ms = max(self.log_time_ms, append_time_ms)
        if self.log_time_ms // SWEEP_EVERY_MS > swept:
            self.items = {key: kept for key, kept in self.items.items() if not self._past(kept)}

    def get(self, key: str) -> ItemT | None:
        """The item under `key`; None when there never was one or its span is over."""
        kept = self.items.get(key)
        return None if kept is None or self._past(kept) else kept.item

    def put(self, key: str, item: ItemT) -> None:
        """Keeps `item` under `key`, from now on."""
        self.items[key] = Kept(touched_ms=self.log_time_ms, item=item)

    def change(self, change: Callable[[ItemT], ItemT]) -> None:
        """Put what `change` makes of each item in its place."""
        self.items = {key: Kept(kept.touched_ms, change(kept.item)) for key, kept in self.items.items()}

    def _past(self, kept: Kept[ItemT]) -> bool:
        return kept.touched_ms + self.span_ms < self.log_time_ms
