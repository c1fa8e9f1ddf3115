"""`make bench-memory`: peak resident memory of a worker after 1, 5 and 10 million events of one log.

    python -m bench.memory [--millions 1,5,10] [--quick]

Once for the sample stage alone, once for the whole sampling role. Flat memory means that the later marks stand where
the first one does; the role remembers the selections of 45 days besides, here one of twenty events.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.main_path.contestants import Failed, run_measured
from bench.main_path.ground import ground
from bench.main_path.product import Progress, read_progress

WORKERS: Final = {"product": ["--sample-alone"], "product_role": []}
"""Options of the worker, by the names that `make bench` has for them."""


def arguments(given: Sequence[str] | None = None) -> list[int]:
    """The marks, in events, in order."""
    parser = argparse.ArgumentParser(prog="bench.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--millions", default="1,5,10", help="marks in millions of events, with commas")
    parser.add_argument("--quick", action="store_true", help="marks at 0.1, 0.2 and 0.3 million: a try")
    wanted = parser.parse_args(given)
    marks = sorted(round(float(mark) * 1e6) for mark in ("0.1,0.2,0.3" if wanted.quick else wanted.millions).split(","))
    if marks[0] < 1:
        parser.error("a mark is at least one event")
    return marks


def peaks(marks: Sequence[int], noted: Sequence[Progress]) -> dict[str, float]:
    """Peak memory in MB when the worker first stood at or beyond each mark, by the mark."""
    return {
        str(mark): round(next(one.peak_rss_mb for one in noted if sum(one.covered.values()) >= mark), 1)
        for mark in marks
    }


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    marks = arguments(given)
    console = Console(stderr=True, width=140)
    with console.status("starting Kafka") as status, ground() as here:
        here.fill(marks[-1], lambda sent: status.update(f"filling the source topic: {sent:,} of {marks[-1]:,}"))
        peak_rss_mb, events_per_s = {}, {}
        for key, options in WORKERS.items():
            status.update(f"{key} reads {marks[-1]:,} events")
            here.begin_afresh()
            file = here.folder / key
            program = [sys.executable, "-m", "bench.main_path.product", str(here.folder), str(marks[-1]), *options]
            try:
                run = run_measured([*program, "--progress", str(file)], Path(here.folder) / f"{key}.log")
            except Failed as failure:
                console.print(f"The bench failed: {failure}", markup=False)
                return 1
            peak_rss_mb[key], events_per_s[key] = peaks(marks, read_progress(file)), round(run.events_per_s)
            for mark, peak_mb in peak_rss_mb[key].items():
                console.print(f"{key:<12} after {int(mark):>11,} events: {peak_mb:>6.1f} MB at the peak")
    print(json.dumps({"peak_rss_mb": peak_rss_mb, "events_per_s": events_per_s}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
