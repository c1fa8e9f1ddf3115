"""What a contestant says of itself: one JSON line, measured inside its own process from the first to the last event.

The clock and the processor time start when the first records are in the contestant's hands, and stop when all outputs
are with the broker and the position is safe. Start-up, joining the group and the first fetch are not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import NamedTuple, Self


class Run(NamedTuple):
    """One pass of one contestant. `cpu_s`: user and system time of the process between the two instants."""

    events: int
    seconds: float
    cpu_s: float
    selected: int
    peak_rss_mb: float

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        return self.cpu_s / self.events * 1e6

    @classmethod
    def read(cls, line: str) -> Self:
        """A run from the line that `Meter.done` printed. Raises ValueError for any other line."""
        try:
            return cls(**json.loads(line))
        except TypeError as error:
            raise ValueError(f"not the report of a contestant: {error}") from None


class Meter:
    """Takes the two instants. `first` may be called again and again; the first call counts."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None

    def first(self) -> None:
        if self._begun is None:
            self._begun = time.perf_counter(), time.process_time()

    def done(self, events: int, selected: int) -> None:
        """Print the report as the last line of standard output."""
        if self._begun is None:
            raise ValueError("nothing was begun")
        begun_s, begun_cpu_s = self._begun
        run = Run(
            events=events,
            seconds=time.perf_counter() - begun_s,
            cpu_s=time.process_time() - begun_cpu_s,
            selected=selected,
            peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )
        print(json.dumps(run._asdict()), flush=True)
        sys.stdout.flush()
