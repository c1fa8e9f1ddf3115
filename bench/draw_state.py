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
from itertools import islice
from pathlib import Path
from typing import Final

from schemas.catalogue import CANDIDATES, SOURCE_TOPICS
from schemas.frame import SamplingFrame
from streams.drawing.stage import DrawStage
from streams.registers import Appended, Registers, Timeline
from streams.sampling.candidates import CandidateLine, Homes, candidate_outputs
from streams.stage import Chunk, Partition, PlainRecord

HOME: Final = Partition(CANDIDATES, 0)
SOURCE: Final = Partition(SOURCE_TOPICS[0], 0)
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


def candidates(colleagues: int, each: int) -> Iterator[CandidateLine]:
    """`each` candidates of every colleague, in the order of a day's work: everybody's first, then everybody's next."""
    chance = random.Random(1)
    for nth in range(each):
        at = MONDAY + timedelta(hours=10 * nth)
        for colleague in range(colleagues):
            number = nth * colleagues + colleague
            yield CandidateLine(
                number, 0, "contact-centre:1:all", "quota", "contact-centre", 1, "all", f"c-{colleague:08x}",
                chance.getrandbits(64), True, f"call-20261116-{number:09d}", f"c-{colleague:08x}",
                f"team-{colleague % 5000}", f"site-{colleague % 40}", "billing", "en", at, at + timedelta(minutes=5),
                f"{chance.getrandbits(128):032x}", "resolved",
            )  # fmt: skip


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
    before, count, offset, took_s = resident_bytes(), 0, 0, 0.0
    coming, homes, stamp = candidates(wanted.colleagues, wanted.each), Homes(1), int(MONDAY.timestamp() * 1000)
    while lines := list(islice(coming, CHUNK)):
        values = [one.value for one in candidate_outputs(SOURCE, lines, homes)]
        records = [PlainRecord(offset + nth, stamp, None, value) for nth, value in enumerate(values)]
        count, offset = count + len(lines), offset + len(records)
        lines.clear()
        begun_s = time.process_time()
        stage.step(state, Chunk(HOME, records), held)
        took_s += time.process_time() - begun_s
    del records, values, homes
    gc.collect()
    grown = resident_bytes() - before
    dumped = stage.dump(state)
    found = {
        "colleagues": wanted.colleagues,
        "quota": wanted.quota,
        "candidates": count,
        "state_mb": round(grown / MB, 1),
        "bytes_a_colleague": round(grown / wanted.colleagues),
        "snapshot_mb": round(len(dumped) / MB, 1),
        "snapshot_compressed_mb": round(len(zlib.compress(dumped, level=1)) / MB, 1),
        "candidates_per_s": round(count / took_s),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
