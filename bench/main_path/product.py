"""The product as a contestant: the real `tafol worker --role sampling`, which also says when it began and was done.

Nothing of the worker is left out or set otherwise, but for routing with `--sample-alone`, and the line for each
transaction with `--without-decided`. Two of its parts are replaced by ones that do the same and look at the clock: the
sample stage at its first chunk, the observer at each snapshot. The work is done when snapshots that the broker has
acknowledged cover as many events as were asked for.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.main_path.meter import Meter
from schemas.catalogue import SELECTIONS
from streams.app import Runner, WorkerApp
from streams.registers import Registers
from streams.sampling import by_columns, decide, decided
from streams.sampling.stage import SampleStage
from streams.sampling.state import SampleState
from streams.stage import Chunk, Output, Partition
from tafol import settings, worker
from tafol.watch import Watch


class Progress(NamedTuple):
    """How far a worker was at a snapshot. `begun_at`, `at`: seconds since 1970; `covered`: records, by partition."""

    begun_at: float
    at: float
    covered: dict[str, int]
    peak_rss_mb: float


class Pass:
    """One pass, told by the parts of the worker."""

    def __init__(self, events: int, progress: Path | None) -> None:
        self._meter = Meter()
        self._events = events
        self._progress = progress
        self._begun_at: float | None = None
        self._covered: dict[str, int] = {}
        self._selected = 0

    def begun(self) -> None:
        """The first records are here."""
        if self._begun_at is None:
            self._begun_at = time.time()
        self._meter.first()

    def outputs(self, outputs: Iterable[Output]) -> None:
        """What a chunk gave."""
        self._selected += sum(output.topic == SELECTIONS for output in outputs)

    def covered(self, source: Partition, next_offset: int) -> None:
        """All below `next_offset` is done; ends the worker, as SIGTERM does, when that was the last."""
        before = sum(self._covered.values())
        self._covered[str(source)] = next_offset
        if self._progress is not None:
            self._note(self._progress)
        if before < self._events <= sum(self._covered.values()):
            self._meter.done(self._events, self._selected)
            os.kill(os.getpid(), signal.SIGTERM)

    def _note(self, file: Path) -> None:
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = msgspec.json.encode(Progress(self._begun_at or 0.0, time.time(), self._covered, peak_mb))
        with file.open("ab") as lines:
            lines.write(line + b"\n")


def read_progress(file: Path) -> list[Progress]:
    """What a worker noted so far; a line that is being written is left for the next look."""
    if not file.exists():
        return []
    whole = file.read_bytes().rpartition(b"\n")[0]
    return [msgspec.json.decode(line, type=Progress) for line in whole.splitlines()]


def leave_out_decided_lines() -> None:
    """From now on no decided line is made or sent; all that is decided stays as it is."""
    decide.DecidedLine = lambda *_fields: None  # type: ignore[assignment,misc]
    decided.encode = lambda _lines: iter(())
    by_columns.decided_lines = lambda *_parts, **_named: iter(())


def run(data_dir: Path, events: int, *, sample_alone: bool, progress: Path | None) -> int:
    """Run a worker until `events` records are done; its exit code."""
    measured = Pass(events, progress)

    class Stage(SampleStage):
        def step(self, state: SampleState, chunk: Chunk, registers: Registers) -> list[Output]:
            measured.begun()
            outputs = super().step(state, chunk, registers)
            measured.outputs(outputs)
            return outputs

    class Observer(Watch):
        def snapshot(self, stage: str, source: Partition, size_bytes: int, next_offset: int) -> None:
            super().snapshot(stage, source, size_bytes, next_offset)
            if stage == Stage.name:
                measured.covered(source, next_offset)

    class App(WorkerApp):
        def build(self, runners: Iterable[Runner]) -> None:
            super().build(one for one in runners if one.name == Stage.name or not sample_alone)

    replaced: dict[str, Any] = {"SampleStage": Stage, "Watch": Observer, "WorkerApp": App}
    for name, part in replaced.items():
        setattr(worker, name, part)
    return worker.run("sampling", settings.load(data_dir=data_dir))


def main(given: Sequence[str] | None = None) -> int:
    """The exit code of the worker."""
    parser = argparse.ArgumentParser(prog="bench.main_path.product")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--sample-alone", action="store_true", help="without routing, the role's second stage")
    parser.add_argument("--progress", type=Path, help="file for a line at each snapshot")
    parser.add_argument("--without-decided", action="store_true", help="without a decided line for each transaction")
    parser.add_argument("--one-by-one", action="store_true", help="without the compiled half")
    wanted = parser.parse_args(given)
    if wanted.one_by_one:
        os.environ["TAFOL_WORKER__COMPILED"] = "false"
    if wanted.without_decided:
        leave_out_decided_lines()
    return run(wanted.data_dir, wanted.events, sample_alone=wanted.sample_alone, progress=wanted.progress)


if __name__ == "__main__":
    sys.exit(main())
