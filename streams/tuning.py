"""How fast a worker works. In a module of its own, for settings are read by every command and need no Faust."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """Settings that decide when and how fast, never what. Times in seconds, sizes in bytes."""

    session_timeout_s: float = 6.0
    commit_interval_s: float = 1.0
    max_fetch_bytes: int = 8 * 1024 * 1024
    max_chunk_records: int = 25_000
    buffered_chunks: int = 4
    metadata_max_age_s: float = 10.0
