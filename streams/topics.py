"""Every topic of Tafol, declared once: partitions, cleanup, retention, writer and readers.

Partition counts are fixed at creation: the snapshots and the memory of repeats are laid out by them. Sources and all
that is keyed by transaction id share one count, `partitions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas import catalogue as c

DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024
SOURCE_MAX_MESSAGE_BYTES: Final = 2 * MIB
MAX_MESSAGE_BYTES: Final = 4 * MIB
SOURCE_RETENTION_LIMIT_DAYS: Final = 21
"""Raw customer data stays no longer than this by default (contracts, "Personal data")."""

SAMPLE_IDS: Final = "sample-ids"
SNAPSHOTS: Final[dict[str, str]] = {
    "sample": "snapshots.sample",
    "draw": "snapshots.draw",
    "route": "snapshots.route",
    "combine": "snapshots.combine",
    "detect": "snapshots.detect",
}
"""Snapshot topic by stage."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must be. `retention_ms` None: kept for ever (compacted topics)."""

    name: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    writer: str
    readers: str
    max_message_bytes: int = MAX_MESSAGE_BYTES

    @property
    def settings(self) -> dict[str, str]:
        """Kafka's topic settings. LogAppendTime: 'now' of a stage is the append time of its own record."""
        kept = {"retention.ms": str(-1 if self.retention_ms is None else self.retention_ms)}
        if self.cleanup == "compact":
            kept |= {"segment.ms": str(DAY_MS), "min.cleanable.dirty.ratio": "0.2"}
        return {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_message_bytes),
            **kept,
        }


def topics(partitions: int, source_retention_days: float, record_retention_days: float) -> tuple[Topic, ...]:
    """All topics, for `partitions` a source. Sources and rejected hold raw data and are kept for
    `source_retention_days`; the records that Tafol makes hold none and are kept for `record_retention_days`.
    """
    raw_ms = int(source_retention_days * DAY_MS)
    kept_ms = int(record_retention_days * DAY_MS)

    def flow(name: str, writer: str, readers: str) -> Topic:
        return Topic(name, partitions, "delete", kept_ms, writer, readers)

    def register(name: str, readers: str, writer: str = "tafol") -> Topic:
        return Topic(name, 1, "compact", None, writer, readers)

    sources = [
        Topic(name, partitions, "delete", raw_ms, "sources", "sample, desk", SOURCE_MAX_MESSAGE_BYTES)
        for name in c.SOURCE_TOPICS
    ]
    return (
        *sources,
        Topic(c.REJECTED, partitions, "delete", raw_ms, "sample", "sink, tafol rejected"),
        flow(c.DECIDED, "sample", "sink"),
        flow(c.POPULATION_COUNTS, "sample", "sink"),
        flow(c.READ_COUNTS, "sample", "sink"),
        flow(c.CANDIDATES, "sample", "draw"),
        flow(c.DRAW_CELLS, "draw", "sink"),
        flow(c.DRAW_COUNTS, "draw", "sink"),
        flow(c.SELECTIONS, "sample, draw", "route, sink"),
        flow(c.REVIEW_TASKS, "route", "desk, sink"),
        flow(c.REVIEWS, "desk", "combine, sink"),
        Topic(c.REVIEWS_REJECTED, partitions, "delete", raw_ms, "combine", "sink, tafol rejected"),
        flow(c.SCORES, "combine", "sink"),
        flow(c.SERIES_POINTS, "combine", "detect, sink"),
        flow(c.ALERTS, "detect", "sink"),
        flow(c.ALERT_ACTIONS, "desk", "sink"),
        Topic(SAMPLE_IDS, partitions, "delete", raw_ms, "sample", "sample at take-over"),
        *(Topic(name, partitions, "compact", None, stage, stage) for stage, name in SNAPSHOTS.items()),
        register(c.SAMPLING_FRAMES, "sample, draw, route"),
        register(c.NOTICES, "sample"),
        register(c.SCORECARDS, "route, combine, desk"),
        register(c.CHECK_REQUESTS, "sample, draw, desk", "tafol, desk"),
        register(c.DETECTORS, "combine, detect"),
    )
