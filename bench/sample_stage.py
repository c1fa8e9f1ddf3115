"""What the sample stage costs by itself: `step` over generated chunks, no broker. Prints events per second.

    python bench/sample_stage.py [--chunks 40] [--chunk-size 5000] [--strata 20] [--profile]
    python bench/sample_stage.py --quota 0,1,20

Each pass starts from an empty state; the first chunks warm the caches and are not timed. With `--quota` the passes take
turns between frames in which so many of the strata are a weekly quota of three calls of each colleague and the others
random; what each costs is the least processor time of its passes, and the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from streams.registers import Appended, Registers, Timeline
from streams.sampling.native import load
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Partition, PlainRecord

SOURCE = Partition("transactions.phone", 0)
OPENED = datetime(2026, 3, 2, 8, tzinfo=UTC)
TEAMS = 50
WARM_CHUNKS = 4


def registers(strata: int, rate: float, quotas: int = 0) -> Registers:
    """A frame with `strata` strata, one for every few teams, and one notice for each audience. `quotas` of them, the
    first ones, are drawn by quota, the others at random.
    """
    quota = {"method": "quota", "n": 3, "per": "colleague", "window": "week"}
    random_draw = {"method": "random", "rate": rate}
    named = [f"team-{n:02}" for n in range(TEAMS)]
    share = max(1, TEAMS // max(1, strata - 1))
    conditions = [{"team_id": named[n * share : (n + 1) * share]} for n in range(strata - 1)]
    draws: list[dict[str, Any]] = [
        {"name": f"s-{n}", "when": when, "draw": random_draw}
        for n, when in enumerate(when for when in conditions if when["team_id"])
    ]
    draws.append({"name": "rest", "draw": random_draw})
    for one in draws[:quotas]:
        one["draw"] = quota
    frame = SamplingFrame.model_validate(
        {
            "id": "bench", "version": 1, "holds_from": "2026-01-01T00:00:00Z", "lawful_purpose": "bench",
            "seed": "5a" * 32,
            "strata": draws,
            "routes": [{"queue": "all", "scorecard": "all"}],
        }
    )  # fmt: skip
    told = {"valid_from": "2025-01-01T00:00:00Z", "text": {"en": "told", "cy": "dweud"}}
    notices = NoticeRegister.model_validate(
        {
            "id": "notices", "version": 1, "holds_from": "2026-01-01T00:00:00Z",
            "notices": [
                {"id": "ivr-2026", "audience": "customer", **told}, {"id": "policy-4", "audience": "colleague", **told},
            ],
        }
    )  # fmt: skip
    return Registers(
        frames=Timeline.of("sampling frame", [Appended(frame, OPENED)]),
        notices=Timeline.of("notices", [Appended(notices, OPENED)]),
    )


def chunks(count: int, size: int, seed: int) -> list[Chunk]:
    """Phone calls that end one after the other; 100 records share one append time, as batches of a broker do."""
    source = random.Random(seed)
    made = []
    for n in range(count):
        records = []
        for at in range(size):
            offset = n * size + at
            ended = OPENED + timedelta(milliseconds=150 * offset)
            raw = json.dumps(_event(offset, ended, source), separators=(",", ":")).encode()
            stamp = OPENED + timedelta(milliseconds=150 * (offset // 100 * 100 + 100))
            records.append(PlainRecord(offset, int(stamp.timestamp() * 1000), None, raw))
        made.append(Chunk(SOURCE, records))
    return made


def _event(number: int, ended: datetime, source: random.Random) -> dict[str, Any]:
    started = ended - timedelta(seconds=source.randint(30, 900))
    return {
        "id": f"phone-{number:09}",
        "channel": "phone",
        "colleague_id": f"c-{source.randrange(600):04}",
        "team_id": f"team-{source.randrange(TEAMS):02}",
        "site": source.choice(["cardiff", "bangor", "swansea"]),
        "topic": source.choice(["billing", "moving-home", "complaint", "meter", "tariff"]),
        "started_at": _text(started),
        "ended_at": _text(ended),
        "language": source.choice(["en", "en", "en", "cy"]),
        "customer_ref": f"{source.randrange(10**9):09}",
        "outcome": source.choice(["resolved", "follow-up", "escalated"]),
        "monitoring_notice": {
            "customer": {"notice_id": "ivr-2026", "how": "recorded_message", "at": _text(started)},
            "colleague": "policy-4",
        },
    }


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Pass:
    """One pass over some chunks, less the warm ones."""

    events: int
    wall_s: float
    cpu_s: float
    candidates: int


def run(stage: SampleStage, work: Sequence[Chunk], held: Registers) -> Pass:
    """One pass over `work` from an empty state."""
    state = stage.initial(SOURCE)
    for chunk in work[:WARM_CHUNKS]:
        stage.step(state, chunk, held)
    timed, before = work[WARM_CHUNKS:], state.tally.pending
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for chunk in timed:
        stage.step(state, chunk, held)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return Pass(sum(len(chunk.records) for chunk in timed), wall_s, cpu_s, state.tally.pending - before)


def compare_quotas(
    stage: SampleStage, work: Sequence[Chunk], of: Mapping[int, Registers], passes: int
) -> dict[str, dict[str, float]]:
    """By number of quota strata: candidates, microseconds of processor an event, and that against the first."""
    made: dict[int, list[Pass]] = {quotas: [] for quotas in of}
    for _ in range(passes):
        for quotas, held in of.items():
            made[quotas].append(run(stage, work, held))
    least_us = {quotas: min(one.cpu_s / one.events for one in there) * 1e6 for quotas, there in made.items()}
    first = next(iter(least_us.values()))
    return {
        str(quotas): {
            "candidates": there[0].candidates,
            "cpu_us_an_event": round(least_us[quotas], 2),
            "against_the_first": round(least_us[quotas] / first, 3),
        }
        for quotas, there in made.items()
    }


def main() -> None:
    """Read the arguments, make the chunks, run the passes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("--chunk-size", type=int, default=5000)
    parser.add_argument("--strata", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--quota", default="", help="compare frames with so many strata drawn by quota, like 0,1,20")
    parser.add_argument("--one-by-one", action="store_true", help="without the compiled half")
    parser.add_argument("--profile", action="store_true", help="print where one pass spends its time")
    given = parser.parse_args()
    work = chunks(given.chunks + WARM_CHUNKS, given.chunk_size, seed=1)
    held = registers(given.strata, given.rate)
    stage = SampleStage(Pseudonyms(b"b" * 32), native=None if given.one_by_one else load())
    size = statistics.mean(len(record.value or b"") for record in work[0].records)
    gc.set_threshold(200_000, 20, 20)
    gc.freeze()
    if given.quota:
        of = {int(quotas): registers(given.strata, given.rate, int(quotas)) for quotas in given.quota.split(",")}
        print(json.dumps({"quota_strata": compare_quotas(stage, work, of, given.passes)}))
        return
    rates = [one.events / one.wall_s for one in (run(stage, work, held) for _ in range(given.passes))]
    print(f"{given.chunks} chunks of {given.chunk_size}, {size:.0f} bytes an event, {given.strata} strata")
    print(f"events/s: median {statistics.median(rates):,.0f}, best {max(rates):,.0f}, worst {min(rates):,.0f}")
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(run, stage, work, held)
        pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
