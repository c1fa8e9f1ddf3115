"""`make bench-panels`: how long each Grafana panel and each query of the library takes on a large centre.

    python -m bench.panels [--sizes 10000000,100000000] [--passes 3] [--quick]

A local ClickHouse is filled by SQL, once with each size (bench.centre), and asked all there is to ask (bench.asked).
Over HTTP, all rows read; medians, after one pass that is not counted. Before the figures count for anything the made
data must add up: the bench fails where coverage finds a difference. All lies in a folder that is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from bench import asked, centre
from sinks.clickhouse import ClickHouseAddress, ClickHouseStore
from sinks.migrate import migrate
from sinks.queries.coverage import Coverage, coverage
from tafol import clock
from tafol.local.clickhouse import Access, ClickHouseConfig, LocalClickHouse
from tafol.local.process import any_free_port

SIZES: Final = (10_000_000, 100_000_000)
QUICK: Final = (200_000,)
GOAL_S: Final = 1.0
PATIENCE_S: Final = 2.5
"""What takes longer in the pass that is not counted is asked once more only."""


class Taken(NamedTuple):
    """Median seconds of one query, and its rows."""

    name: str
    seconds: float
    rows: int


class Run(NamedTuple):
    """All queries at one size."""

    transactions: int
    reviews: int
    fill_s: float
    taken: list[Taken]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: tuple(int(one) for one in text.split(",")), default=SIZES)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a try of a minute")
    wanted = parser.parse_args()
    sizes, passes = (QUICK, 1) if wanted.quick else (tuple(sorted(wanted.sizes)), wanted.passes)
    screen = Console(stderr=True)
    now = clock.now()
    with tempfile.TemporaryDirectory(prefix="tafol-bench-") as folder:
        config = ClickHouseConfig(Path(folder), port=any_free_port())
        with LocalClickHouse(config) as server:
            found = list(_runs(server.access, sizes, passes, now, screen))
    _show(found)
    print(json.dumps({"runs": [_told(run) for run in found]}))
    return 0


def _runs(access: Access, sizes: tuple[int, ...], passes: int, now: datetime, screen: Console) -> Iterator[Run]:
    for size in sizes:
        database = f"centre_{size}"
        store = ClickHouseStore.at(
            ClickHouseAddress(
                access.host, access.port, database, user=access.user, password=access.password, answer_timeout_s=3600
            )
        )
        migrate(store, clock.now)
        client = access.client(database, send_receive_timeout=3600)
        begun_s = time.perf_counter()
        centre.fill(client, size, now, screen.print)
        fill_s = time.perf_counter() - begun_s
        reviews = _made(coverage(store), size)
        screen.print(f"filled in {fill_s:.0f} s; asking, with {size:,} transactions and {reviews:,} reviews")
        taken = []
        for query in asked.queries(client, store, now):
            taken.append(_taken(query, passes))
            screen.print(f"{taken[-1].seconds:8.2f} s  {taken[-1].name}")
        yield Run(size, reviews, fill_s, taken)
        store.command(f"DROP DATABASE {database} SYNC", in_database=False)
        client.close()
        store.close()


def _made(told: Coverage, size: int) -> int:
    """Reviewed transactions. Exits where the data do not add up."""
    eligible = told.total.eligible + sum(told.total.excluded.values())
    if told.differences or eligible != size:
        sys.exit(f"The made data do not add up: {eligible} of {size} transactions, {told.differences}")
    return told.total.reviewed


def _taken(query: asked.Query, passes: int) -> Taken:
    name, ask = query
    first, rows = _timed(ask)
    again = 1 if first > PATIENCE_S else passes
    return Taken(name, median(_timed(ask)[0] for _ in range(again)), rows)


def _timed(ask: Callable[[], int]) -> tuple[float, int]:
    begun_s = time.perf_counter()
    rows = ask()
    return time.perf_counter() - begun_s, rows


def _show(found: list[Run]) -> None:
    table = Table(title="Seconds (median)")
    table.add_column("query")
    for run in found:
        table.add_column(f"{run.transactions:,}", justify="right")
    table.add_column("growth", justify="right")
    for rows in zip(*(run.taken for run in found), strict=True):
        cells = [f"{one.seconds:.3f}" for one in rows]
        table.add_row(rows[0].name, *cells, f"x {rows[-1].seconds / rows[0].seconds:.1f}")
    Console(width=140).print(table)
    for run in found:
        over = sum(one.seconds > GOAL_S for one in run.taken)
        print(
            f"{run.transactions:,}: {len(run.taken)} queries, {over} over {GOAL_S:.0f} s, filled in {run.fill_s:.0f} s"
        )


def _told(run: Run) -> dict[str, Any]:
    return {
        "transactions": run.transactions,
        "reviews": run.reviews,
        "fill_s": round(run.fill_s, 1),
        "queries": {one.name: round(one.seconds, 3) for one in run.taken},
        "slowest_s": round(max(one.seconds for one in run.taken), 3),
        "over_goal": sum(one.seconds > GOAL_S for one in run.taken),
    }


if __name__ == "__main__":
    sys.exit(main())
