"""A simulated fortnight through the real pipeline, and then every decision of it made again (`make frame-verify`).

    python -m bench.frame_verify [--per-week 8000] [--days 14]

Real Kafka, real ClickHouse tables, workers of each role, in a temporary folder on free ports. The frame draws in every
way at once: by rate, systematically, by quotas for colleagues and teams, under caps, in nested strata. Progress on
stderr; the last line on stdout is JSON: {"checked": n, "disagree": n}. Exit code 1 when anything disagrees.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from schemas.errors import TafolError
from schemas.frame import SamplingFrame
from sinks.queries.coverage import coverage
from sinks.queries.log_of_decisions import Period
from tafol import clock, demo, examples, publish, settings
from tafol.documents import read_frame, read_notices, read_scorecard
from tafol.frames.sources import registers_of
from tafol.frames.verify import Findings, verify
from tafol.kafka_clients import administrator
from tafol.simulator.kafka_edge import Kafka, send_events
from tafol.simulator.stream import Simulation
from tafol.stack import Stack
from tafol.status import GROUP_OF_ROLE, group_lags

SEED: Final = bytes(range(32))
ALL_DONE_WITHIN_S: Final = 300.0
QUIET_LOOKS: Final = 6
"""So many looks in a row, LOOK_EVERY_S apart, nothing new was stored and nothing waits: the idle sources have closed
all windows that were due."""
LOOK_EVERY_S: Final = 1.0
DRAWS: Final[dict[str, dict[str, Any]]] = {
    "phone/billing": {"draw": {"method": "quota", "n": 7, "window": "week", "parts": 7, "per": "colleague"}},
    "phone/technical-support": {"draw": {"method": "quota", "n": 20, "window": "day", "per": "team"}},
    "phone/sales": {"draw": {"method": "random", "rate": 0.5}, "cap": {"n": 1, "window": "day"}},
    "phone/account-change": {"draw": {"method": "random", "rate": 0.1}, "by": ["team_id"]},
    "chat/service": {"draw": {"method": "systematic", "every": 3}, "cap": {"n": 2, "window": "day"}},
    "chat/sales": {"draw": {"method": "quota", "n": 30, "window": "week", "per": "stratum"}},
}
"""What differs from the example frame."""


def main(arguments: list[str] | None = None) -> int:
    """Play, wait, verify; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.frame_verify")
    parser.add_argument("--per-week", type=float, default=8000, help="transactions a week")
    parser.add_argument("--days", type=int, default=14)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="tafol-frame-verify-") as folder:
        found = run(Path(folder), days=options.days, per_week=options.per_week)
    for one in found.disagreements:
        _say(f"{one.transaction_id}: {one.what}: {one.expected} expected, {one.found} found")
    _say(f"{found.windows} windows of quotas and caps; could not be told: {dict(found.untold)}")
    print(json.dumps({"checked": found.checked, "disagree": found.disagree}))
    return 1 if found.disagree else 0


def every_way() -> SamplingFrame:
    """The example frame, with every kind of draw in it."""
    fields = read_frame(examples.FRAME).with_seed(SEED).model_dump(mode="json")
    fields["strata"] = [one | DRAWS.get(one["name"], {}) for one in fields["strata"]]
    return SamplingFrame.model_validate(fields)


def run(folder: Path, *, days: int, per_week: float) -> Findings:
    """Play `days` days that end now, and verify them. Raises TafolError when not all arrives."""
    frame = every_way()
    own = settings.load(examples.DEMO_SETTINGS).model_copy(update={"data_dir": folder})
    with Stack(own, examples.DEMO_SETTINGS, notify=_say) as stack:
        for entry in (*map(read_scorecard, examples.SCORECARDS), read_notices(examples.NOTICES), frame):
            publish.publish(
                stack.connection, publish.plan(entry, publish.read_published(stack.connection), clock.now())
            )
        stack.start_workers()
        config = demo.simulation(demo.Plan(days=days, transactions_per_week=per_week), frame, clock.now())
        events = list(Simulation(config).events())
        _say(f"sending {len(events)} events of {days} days")
        send_events(Kafka(stack.connection), iter(events), stop=threading.Event())
        _wait(stack, len(events))
        starts = datetime.combine(config.starts.date(), datetime.min.time(), UTC)
        store = stack.store()
        try:
            registers = registers_of(publish.read_published(stack.connection))
            return verify(store, registers, Period(starts, clock.now() + timedelta(days=1)), _progress)
        finally:
            store.close()


def _wait(stack: Stack, events: int) -> None:
    """Until every event is read, every row stored, and nothing new has come for a while."""
    deadline_s = time.monotonic() + ALL_DONE_WITHIN_S
    store = stack.store()
    last, quiet = -1, 0
    try:
        while quiet < QUIET_LOOKS:
            if time.monotonic() > deadline_s:
                raise TafolError(f"not everything arrived within {ALL_DONE_WITHIN_S:.0f} s")
            stack.look_after()
            read = coverage(store).total.read
            (row,) = store.ask("SELECT count() AS selections FROM current_selections", {})
            now = int(row["selections"])
            quiet = quiet + 1 if read >= events and now == last and _no_lag(stack) else 0
            last = now
            _say(f"{read} of {events} read, {now} selections")
            time.sleep(LOOK_EVERY_S)
    finally:
        store.close()


def _no_lag(stack: Stack) -> bool:
    with administrator(stack.connection) as client:
        lags = group_lags(client, GROUP_OF_ROLE.values())
    return all(one.partitions and one.total == 0 for one in lags.values())


def _progress(done: int, of: int) -> None:
    _say(f"{done} of {of} verified")


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
