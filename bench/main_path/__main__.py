"""`make bench`: the product and its peers on one local Kafka, in interleaved passes; the last line is one JSON object.

python -m bench.main_path [--events 1000000] [--passes 3] [--only product,confluent] [--compression lz4]
                          [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.main_path import contestants, report
from bench.main_path.contestants import Contestant, Failed, why_no_kafka_streams
from bench.main_path.ground import ground
from bench.main_path.meter import Run

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
QUICK_EVENTS = 100_000
QUICK_PASSES = 1


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """`events`, `passes`, and the keys of the contestants `only`."""
    parser = argparse.ArgumentParser(prog="bench.main_path", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="of the fast contestants; slow ones take fewer")
    parser.add_argument("--passes", type=int, default=3, help="interleaved; medians are reported")
    parser.add_argument("--only", default=",".join(one.key for one in contestants.ALL), help="keys, with commas")
    parser.add_argument("--compression", default="none", choices=CODECS, help="of the source topic's records")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_EVENTS:,} events, one pass: a try")
    found = parser.parse_args(given)
    if found.quick:
        found.events, found.passes = QUICK_EVENTS, QUICK_PASSES
    found.only = found.only.split(",")
    known = {one.key for one in contestants.ALL}
    unknown = sorted(set(found.only) - known)
    if unknown:
        parser.error(f"no contestant {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if "product" not in found.only:
        parser.error("the product itself must take part: all ratios are to it")
    if found.events < 1 or found.passes < 1:
        parser.error("at least one event and one pass")
    return found


def run(
    events: int, passes: int, taking_part: Sequence[Contestant], console: Console, compression: str = CODECS[0]
) -> dict[str, list[Run]]:
    """All passes; the runs by contestant. Raises Failed."""
    runs: dict[str, list[Run]] = {one.key: [] for one in taking_part}
    with console.status("starting Kafka") as status, ground() as here:
        here.fill(events, lambda sent: status.update(f"filling the source topic: {sent:,} of {events:,}"), compression)
        console.print(f"{events:,} events of {here.mean_bytes} bytes, {here.selected_among(events):,} to be selected")
        for number in range(1, passes + 1):
            for one in taking_part:
                status.update(f"pass {number} of {passes}: {one.title}")
                done = one.run(here, number, events)
                runs[one.key].append(done)
                console.print(
                    f"pass {number}  {one.title:<44} {done.events_per_s:>10,.0f} events/s "
                    f"{done.cpu_s_per_million:>6.1f} CPU s per million"
                )
    return runs


def show(runs: dict[str, list[Run]], console: Console) -> None:
    """The table."""
    table = Table("", "passes", "events", "events/s: median (range)", "CPU s per million", "peak MB")
    for line in report.rows(runs, {one.key: one.title for one in contestants.ALL}):
        table.add_row(*line)
    console.print(table)


def main(given: Sequence[str] | None = None) -> int:
    """The exit code: 0 when every contestant came to its end and selected what it should."""
    wanted = arguments(given)
    console = Console(stderr=True, width=140)
    taking_part = [one for one in contestants.ALL if one.key in wanted.only]
    left_out: dict[str, list[Run]] = {}
    if contestants.KAFKA_STREAMS in taking_part:
        with console.status("building the Kafka Streams program with Maven"):
            why_not = why_no_kafka_streams()
        if why_not is not None:
            console.print(f"Kafka Streams is left out: {why_not}.")
            taking_part.remove(contestants.KAFKA_STREAMS)
            left_out[contestants.KAFKA_STREAMS.key] = []
    try:
        runs = run(wanted.events, wanted.passes, taking_part, console, wanted.compression) | left_out
    except Failed as failure:
        console.print(f"The bench failed: {failure}", markup=False)
        return 1
    show(runs, console)
    print(report.last_line(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
