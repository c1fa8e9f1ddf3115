"""`make bench-scaling`: throughput of the sampling role with 1, 2 and 4 partitions and as many worker processes.

    python -m bench.scaling [--events 400000] [--sizes 1,2,4] [--quick]

The workers join while the source topic is empty; then it is filled. The clock runs from the first chunk of any worker
to the snapshot with which the last partition is done.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from kafka.errors import KafkaError
from rich.console import Console

from bench.main_path.contestants import GRACE_S, ROOT, WITHIN_S, Failed
from bench.main_path.ground import Ground, ground
from bench.main_path.product import Progress, read_progress
from tafol.kafka_clients import administrator
from tafol.local.process import Child
from tafol.worker import GROUPS

JOINED_WITHIN_S = 90.0
LOOK_EVERY_S = 0.2
MORE_THAN_ANY = 10**12
"""Events after which a worker would end by itself: never."""


class Wanted(NamedTuple):
    """What was asked for on the command line."""

    events: int
    sizes: list[int]


def arguments(given: Sequence[str] | None = None) -> Wanted:
    """Events, and the numbers of partitions and workers."""
    parser = argparse.ArgumentParser(prog="bench.scaling", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--sizes", default="1,2,4", help="partitions, and as many workers, with commas")
    parser.add_argument("--quick", action="store_true", help="100,000 events: a try")
    found = parser.parse_args(given)
    sizes = [int(size) for size in found.sizes.split(",")]
    if found.events < 1 or min(sizes) < 1:
        parser.error("at least one event, one partition, one worker")
    return Wanted(100_000 if found.quick else found.events, sizes)


def seconds_for(events: int, noted: Sequence[Sequence[Progress]]) -> float | None:
    """From the first chunk of any worker until all `events` were done; None: they are not. Notes by worker."""
    begun = [one[0].begun_at for one in noted if one]
    done: dict[str, int] = {}
    for progress in sorted((one for notes in noted for one in notes), key=lambda one: one.at):
        for source, covered in progress.covered.items():
            done[source] = max(covered, done.get(source, 0))
        if sum(done.values()) >= events:
            return progress.at - min(begun)
    return None


def measure(size: int, events: int, console: Console) -> float:
    """Events per second with `size` partitions and workers. Raises Failed."""
    with console.status(f"{size} partitions, {size} workers") as status, ground(size) as here, ExitStack() as stack:
        files = [here.folder / f"progress-{number}" for number in range(size)]
        program = [sys.executable, "-m", "bench.main_path.product", str(here.folder), str(MORE_THAN_ANY)]
        for number, file in enumerate(files):
            console_file = here.folder / f"worker-{number}.log"
            child = Child([*program, "--progress", str(file)], folder=ROOT, console=console_file)
            stack.callback(child.stop, GRACE_S)
        _wait_until_joined(here, size)
        here.fill(events, lambda sent: status.update(f"{size} workers read; sent {sent:,} of {events:,}"))
        deadline_s = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline_s:
            seconds = seconds_for(events, [read_progress(file) for file in files])
            if seconds is not None:
                return events / seconds
            time.sleep(LOOK_EVERY_S)
    raise Failed(f"{size} workers did not come to the end of {events:,} events")


def _wait_until_joined(here: Ground, workers: int) -> None:
    deadline_s = time.monotonic() + JOINED_WITHIN_S
    with administrator(here.connection) as client:
        while time.monotonic() < deadline_s:
            # The broker has no coordinator for a group in the first seconds after its own start.
            with suppress(KafkaError):
                group = client.describe_groups([GROUPS["sampling"]])[GROUPS["sampling"]]
                if group["group_state"] == "Stable" and len(group["members"]) == workers:
                    return
            time.sleep(LOOK_EVERY_S)
    raise Failed(f"{workers} workers did not join their group")


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    wanted = arguments(given)
    console = Console(stderr=True, width=140)
    found: dict[str, int] = {}
    for size in wanted.sizes:
        try:
            found[str(size)] = round(measure(size, wanted.events, console))
        except Failed as failure:
            console.print(f"The bench failed: {failure}", markup=False)
            return 1
        console.print(f"{size} partitions, {size} workers: {found[str(size)]:,} events/s")
    print(json.dumps({"events_per_s": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
