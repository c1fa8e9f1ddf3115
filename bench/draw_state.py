"""`make bench-draw`: memory of the draw stage for so many colleagues with a weekly quota, all of them busy.

    python -m bench.draw_state [--colleagues 100000] [--quota 3] [--each 10]

Candidates of one week pass through the stage itself, in this process. What a unit takes is what the process has grown
by over the number of units; the snapshot is what a worker would write of this state. All units are in one partition
here: with more, each worker has the share of its partitions.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.catalogue import CANDIDATES
from schemas.frame import SamplingFrame
from streams.drawing.stage import DrawStage
from streams.registers import Appended, Registers, Timeline
from streams.stage import Chunk, Partition, PlainRecord

HOME: Final = Partition(CANDIDATES, 0)
MONDAY: Final = datetime(2026, 11, 16, tzinfo=UTC)
CHUNK: Final = 10_000
MB: Final = 1_000_000


def registers(quota: int) -> Registers:
    """One frame: everything in one stratum, `quota` a week of each colleague."""
    frame = SamplingFrame.model_validate(
        {
            "id": "contact-centre", "version": 1, "holds_from": MONDAY, "lawful_purpose": "bench", "seed": "0" * 64,
            "time_zone": "UTC",
            "strata": [{"name": "all", "draw": {"method": "quota", "n": quota, "window": "week", "per": "colleague"}}],
            "routes": [{"queue": "all", "scorecard": "phone"}],
        }
    )  # fmt: skip
    return Registers(frames=Timeline.of("sampling frame", [Appended(frame, MONDAY)]))


def candidates(colleagues: int, each: int) -> Iterator[bytes]:
    """`each` candidates of every colleague, in the order of a day's work: everybody's first, then everybody's next."""
    chance = random.Random(1)
    encode = msgspec.json.Encoder().encode
    for nth in range(each):
        at = MONDAY + timedelta(hours=10 * nth)
        for colleague in range(colleagues):
            number = nth * colleagues + colleague
            record: dict[str, Any] = {
                "record": "candidate", "draw_id": "contact-centre:1:all", "purpose": "quota",
                "unit": f"c-{colleague:08x}", "frame": {"id": "contact-centre", "version": 1}, "stratum": "all",
                "draw_number": chance.getrandbits(64), "taken": True,
                "transaction": {
                    "id": f"call-20261116-{number:09d}", "channel": "phone", "colleague_id": f"c-{colleague:08x}",
                    "team_id": f"team-{colleague % 5000}", "site": f"site-{colleague % 40}", "topic": "billing",
                    "language": "en", "started_at": at, "ended_at": at + timedelta(minutes=5),
                    "customer_pseudonym": f"{chance.getrandbits(128):032x}", "outcome": "resolved",
                },
                "origin": {"topic": "transactions.phone", "partition": 0, "offset": number},
            }  # fmt: skip
            yield encode(record)


def resident_bytes() -> int:
    """Of this process, now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="bench.draw_state", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--colleagues", type=int, default=100_000)
    parser.add_argument("--quota", type=int, default=3, help="of each colleague, a week")
    parser.add_argument("--each", type=int, default=10, help="transactions of each colleague in the week")
    wanted = parser.parse_args(given)
    stage, held = DrawStage(), registers(wanted.quota)
    state = stage.initial(HOME)
    gc.collect()
    before, offset, took_s = resident_bytes(), 0, 0.0
    batch: list[PlainRecord] = []
    stamp = int(MONDAY.timestamp() * 1000)

    def step() -> float:
        begun_s = time.process_time()
        stage.step(state, Chunk(HOME, batch), held)
        batch.clear()
        return time.process_time() - begun_s

    for value in candidates(wanted.colleagues, wanted.each):
        batch.append(PlainRecord(offset, stamp, None, value))
        offset += 1
        if len(batch) == CHUNK:
            took_s += step()
    if batch:
        took_s += step()
    gc.collect()
    grown = resident_bytes() - before
    dumped = stage.dump(state)
    found = {
        "colleagues": wanted.colleagues,
        "quota": wanted.quota,
        "candidates": offset,
        "state_mb": round(grown / MB, 1),
        "bytes_a_colleague": round(grown / wanted.colleagues),
        "snapshot_mb": round(len(dumped) / MB, 1),
        "snapshot_compressed_mb": round(len(zlib.compress(dumped, level=1)) / MB, 1),
        "candidates_per_s": round(offset / took_s),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
