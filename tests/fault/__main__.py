"""`make faults`: every scenario, a table, and as the last line one JSON object.

python -m tests.fault [--rounds N] [--faults N] [--seed N] [--only WORDS]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schemas.errors import TafolError
from tests.fault.rig import Rig
from tests.fault.scenarios import ALL, Scenario
from tests.fault.truth import Verdict

DONE_WITHIN_S = 600.0
WIDTH = 150
"""Of the table in a file, in characters."""


def play(scenario: Scenario, seed: int, say: Console) -> tuple[Verdict, int, list[float]]:
    """Break one installation; what the comparison found, how many faults, and the recoveries in seconds."""
    with tempfile.TemporaryDirectory(prefix="tafol-faults-") as folder:
        rig = Rig(
            Path(folder), scenario.partitions, dict(scenario.workers), scenario.small_disk, seed=seed, say=say.print
        )
        with rig:
            rig.start_workers()
            with rig.feed(rig.simulation(scenario.transactions), scenario.per_second) as feeding:
                scenario.breaks(rig, feeding)
                rig.wait_until_done(feeding.sent, DONE_WITHIN_S)
            return rig.compare(), rig.faults, rig.recoveries_s


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="each scenario so often, with other luck each time")
    parser.add_argument("--faults", type=int, default=0, help="more rounds, until there were so many faults")
    parser.add_argument("--seed", type=int, default=1, help="luck of the first round")
    parser.add_argument("--only", default="", help="scenarios whose name holds these words")
    wanted = parser.parse_args()
    chosen = [one for one in ALL if wanted.only in one.name]
    if not chosen:
        parser.error(f"no scenario's name holds {wanted.only!r}: {'; '.join(one.name for one in ALL)}")
    console = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)
    table = Table(title="Faults")
    for heading in ("scenario", "faults", "rows compared", "lost", "doubled", "changed", "recovery s", "took s"):
        table.add_column(heading, justify="left" if heading == "scenario" else "right")
    faults = lost = doubled = 0
    exact, recoveries = True, list[float]()
    for seed, scenario in ((number, one) for number in itertools.count(wanted.seed) for one in chosen):
        if seed >= wanted.seed + wanted.rounds and (faults >= wanted.faults or not exact):
            break
        console.print(f"{scenario.name} ...")
        begun_s = time.monotonic()
        try:
            verdict, happened, recovered_s = play(scenario, seed, console)
        except PermissionError as why:
            table.add_row(scenario.name, "-", f"skipped: {why}")
            continue
        except (AssertionError, TafolError) as why:
            table.add_row(scenario.name, "-", f"FAILED: {why}")
            exact = False
            continue
        sums = [sum(one.values()) for one in (verdict.rows, verdict.lost, verdict.doubled, verdict.changed)]
        median = f"{statistics.median(recovered_s):.1f}" if recovered_s else "-"
        table.add_row(scenario.name, str(happened), *map(str, sums), median, f"{time.monotonic() - begun_s:.0f}")
        faults, lost, doubled = faults + happened, lost + sums[1], doubled + sums[2]
        exact = exact and verdict.exact
        recoveries += recovered_s
        console.print(table)
    print(
        json.dumps(
            {
                "faults": faults,
                "lost": lost,
                "doubled": doubled,
                "recover_s_median": round(statistics.median(recoveries), 2) if recoveries else None,
            }
        )
    )
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
