"""`make bench-latency`: from the moment a transaction is handed to a producer until its review task can be read.

    python -m bench.latency [--rates 1000,10000] [--seconds 15] [--quick]

One process plays the source at an even pace and the desk; one real sampling worker stands between them. The first
seconds of each pace are not counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

import numpy as np
from rich.console import Console

from bench.main_path import clients, workload
from bench.main_path.contestants import GRACE_S, ROOT, Failed
from bench.main_path.ground import Ground, ground
from schemas.catalogue import REVIEW_TASKS
from tafol import clock
from tafol.local.process import Child

WARM_S: Final = 3.0
BATCH_EVERY_S: Final = 0.005
READY_WITHIN_S: Final = 90.0
ALL_WITHIN_S: Final = 30.0


class Wanted(NamedTuple):
    """What was asked for on the command line."""

    rates: list[int]
    seconds: float


def arguments(given: Sequence[str] | None = None) -> Wanted:
    """Paces in events per second, and how long each is held."""
    parser = argparse.ArgumentParser(prog="bench.latency", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rates", default="1000,10000", help="events per second, with commas")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each pace is measured")
    parser.add_argument("--quick", action="store_true", help="5 seconds each: a try")
    found = parser.parse_args(given)
    rates = [int(rate) for rate in found.rates.split(",")]
    if min(rates) < 1 or found.seconds <= 0:
        parser.error("paces and seconds are positive")
    return Wanted(rates, 5.0 if found.quick else found.seconds)


def percentiles_ms(latencies_s: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds. Raises Failed when there is nothing to say."""
    if not latencies_s:
        raise Failed("no review task came")
    values = np.percentile(np.asarray(latencies_s) * 1000, [50, 95, 99])
    return {f"p{name}_ms": round(float(value), 1) for name, value in zip((50, 95, 99), values, strict=True)}


class Desk:
    """Reads review tasks and notes when each transaction's first one came."""

    def __init__(self, bootstrap: str) -> None:
        self.came_s: dict[bytes, float] = {}
        self._stop = threading.Event()
        self._consumer = clients.consumer(bootstrap, "bench-desk", fetch_wait_max_ms=50, fetch_min_bytes=1)
        self._consumer.assign([clients.place(REVIEW_TASKS, 0, 0)])
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and not message.error():
                self.came_s.setdefault(message.key(), time.perf_counter())


class Source:
    """Sends calls at a pace and notes when each was handed over."""

    def __init__(self, bootstrap: str) -> None:
        self.handed_s: dict[bytes, float] = {}
        self._producer = clients.producer(bootstrap, linger_ms=2)
        self._decider = workload.Decider()
        self._events = workload.events(10**9, clock.now)

    def send(self, rate: int, seconds: float) -> list[bytes]:
        """Keys of the calls that must become tasks, in the order they were handed over."""
        wanted: list[bytes] = []
        begun_s = time.perf_counter()
        sent, total = 0, round(rate * seconds)
        while sent < total:
            due = min(total, int((time.perf_counter() - begun_s) * rate) + 1)
            for key, value in (next(self._events) for _ in range(due - sent)):
                if self._decider.selects_call(value):
                    wanted.append(key)
                    self.handed_s[key] = time.perf_counter()
                self._producer.produce(workload.SOURCE, value, key)
            sent = due
            self._producer.poll(0)
            time.sleep(BATCH_EVERY_S)
        self._producer.flush(ALL_WITHIN_S)
        return wanted


def measure(here: Ground, wanted: Wanted, console: Console) -> dict[str, dict[str, float]]:
    """Percentiles by pace. Raises Failed."""
    with ExitStack() as stack, console.status("a worker starts") as status:
        program = [sys.executable, "-m", "tafol", "--data-dir", str(here.folder), "worker", "--role", "sampling"]
        child = Child(program, folder=ROOT, console=here.folder / "worker.log")
        stack.callback(child.stop, GRACE_S)
        source, desk = Source(here.bootstrap), Desk(here.bootstrap)
        stack.callback(desk.close)
        _wait_for(source.send(200, 1.0), desk, READY_WITHIN_S)
        found = {}
        for rate in wanted.rates:
            status.update(f"{rate:,} events/s")
            source.send(rate, WARM_S)
            keys = source.send(rate, wanted.seconds)
            _wait_for(keys, desk, ALL_WITHIN_S)
            found[str(rate)] = percentiles_ms([desk.came_s[key] - source.handed_s[key] for key in keys])
            console.print(f"{rate:>7,} events/s, {len(keys):,} tasks: {found[str(rate)]}")
    return found


def _wait_for(keys: Sequence[bytes], desk: Desk, within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    while missing := sum(key not in desk.came_s for key in keys):
        if time.monotonic() > deadline_s:
            raise Failed(f"{missing} of {len(keys)} review tasks did not come within {within_s:.0f} s")
        time.sleep(0.05)


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    wanted = arguments(given)
    console = Console(stderr=True, width=140)
    try:
        with ground() as here:
            found = measure(here, wanted, console)
    except Failed as failure:
        console.print(f"The bench failed: {failure}", markup=False)
        return 1
    print(json.dumps({"latency": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
