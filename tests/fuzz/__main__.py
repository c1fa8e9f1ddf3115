"""`make fuzz`: a million malformed records, a table, and as the last line one JSON object."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.fuzz.malformed import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="malformed records")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    console = Console(stderr=True)
    with Progress(console=console) as bars:
        task = bars.add_task("malformed records", total=wanted.count)
        outcome = fuzz(wanted.count, wanted.seed, lambda done: bars.update(task, completed=done))
    table = Table("kind", "records")
    for kind, number in outcome.malformed.most_common():
        table.add_row(kind, f"{number:,}")
    console.print(table)
    for wrong in outcome.wrong:
        console.print(wrong, markup=False)
    print(json.dumps({"malformed": outcome.malformed.total(), "sound": outcome.sound, "wrong": len(outcome.wrong)}))
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
