"""How long detection runs without a drop, and how soon it finds one, beside the charts that others use.

    python -m bench.detect [--runs 1000] [--seed 1]

Every method sees the same draws: the same reference reviews of a series, then the same reviews, for as long as it takes
to an alarm. The reference is estimated as in use, from so many first reviews. EWMA and CUSUM are tuned to run 500
reviews by the normal tables (tests/data/run-lengths.json), the weekly threshold by the normal distribution. Run lengths
are cut off at LONGEST reviews, so that means of long runs are too low, never too high ('>='). Then mixes and fifty
teams go through the detect stage itself. Takes some minutes; progress on stderr; the last line on stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.charts import SHAPES, Chart, Cusum, EDetector, Ewma, Floats, Shape, WeeklyThreshold, run_lengths
from schemas.alert import Alert
from schemas.base import Versioned
from schemas.detector import Detectors
from schemas.series import SeriesPoint, series_id
from streams.registers import Appended, Registers, Timeline
from streams.stage import Chunk, Partition, PlainRecord
from streams.trends.stage import DetectStage

PROMISED: Final = 500
LONGEST: Final = 20 * PROMISED
LONGEST_DELAY: Final = 4 * PROMISED
DROPS: Final = (0.3, 0.5, 1.0)
"""In standard deviations of the shape's scores."""
IN_USE: Final = Detectors.model_fields["reference_reviews"].default
"""Reference reviews: the default of the register `detectors`."""
KNOWN: Final = 0
"""Instead of reference reviews: mean and deviation are known, as in the published tables, and nothing is taken off."""
REFERENCES: Final = (KNOWN, 30, IN_USE, 500)
TOLERANCES: Final = (0.0, 2.0)
"""Points. The other charts know no tolerance, so the comparison is at 0."""
WEEK: Final = 25
"""Reviews a week of a series that is watched by a weekly threshold."""
CUSUM_LIMIT: Final = 4 + math.log(PROMISED / 335.4) / math.log(930.9 / 335.4)
"""Between the published h = 4 and h = 5 of the one-sided chart, whose run lengths grow exponentially with h: 4.39."""
WEEKLY_LIMIT: Final = 1.6449
"""Exceeded by one weekly mean in 20, so by one in 20 * WEEK = 500 reviews."""
SHEWHART_LIMIT: Final = 2.8782
"""Exceeded by one review in 500."""

Make = Callable[[Floats, Floats | None], Chart]
"""Makes a chart of references, a row a series, and of the floors of the e-detector where they are known."""


class Method(NamedTuple):
    """A chart and what it is called in the report."""

    name: str
    make: Make
    tolerance_points: float = 0.0


class Found(NamedTuple):
    """One row of the table. Lengths in reviews; `cut_off`: share of runs that were longer than LONGEST."""

    series: str
    method: str
    promised: int
    reference_reviews: int
    tolerance_points: float
    arl: float
    cut_off: float
    alarmed_within_promised: float
    delay_reviews: dict[str, float]
    median_delay_reviews: dict[str, float]


def methods(tolerances: Sequence[float]) -> list[Method]:
    """The e-detector at each tolerance, and the charts it is compared with."""

    def e_detector(points: float) -> Method:
        return Method(
            "e-detector",
            lambda reference, floors: EDetector(reference, PROMISED, points / 100.0, floors),
            points,
        )

    return [
        *(e_detector(points) for points in tolerances),
        Method("ewma", lambda reference, _: Ewma(reference)),
        Method("cusum", lambda reference, _: Cusum(reference, CUSUM_LIMIT)),
        Method("shewhart", lambda reference, _: WeeklyThreshold(reference, SHEWHART_LIMIT)),
        Method("weekly-threshold", lambda reference, _: WeeklyThreshold(reference, WEEKLY_LIMIT, WEEK)),
    ]


def compare(shape: Shape, reference_reviews: int, runs: int, seed: int) -> list[Found]:
    """All methods on one shape of scores, with the reference estimated from so many reviews of each series."""
    source = np.random.default_rng([seed, 0])
    floors = None
    if reference_reviews == KNOWN:
        reference, floors = _known(shape.draw(source, (4_000_000,), 0.0), runs)
    else:
        reference = shape.draw(source, (runs, reference_reviews), 0.0)
    compared = methods(TOLERANCES)
    lengths = [
        _lengths([method.make(reference, floors) for method in compared], shape, drop, runs, seed)
        for drop in (0.0, *DROPS)
    ]
    rows = []
    for nth, method in enumerate(compared):
        quiet, *late = (by_method[nth] for by_method in lengths)
        delays = dict(zip(map(str, DROPS), late, strict=True))
        rows.append(
            Found(
                shape.name,
                method.name,
                PROMISED,
                reference_reviews,
                method.tolerance_points,
                round(float(quiet.mean()), 1),
                round(float((quiet == LONGEST).mean()), 3),
                round(float((quiet <= PROMISED).mean()), 3),
                {drop: round(float(one.mean()), 1) for drop, one in delays.items()},
                {drop: float(np.median(one)) for drop, one in delays.items()},
            )
        )
    return rows


def _known(scores: Floats, runs: int) -> tuple[Floats, Floats]:
    """References of two reviews that have the mean and the deviation of `scores`, and that mean as floors."""
    mean, off = scores.mean(), scores.std() * math.sqrt(0.5)
    return np.repeat([[mean - off, mean + off]], runs, axis=0), np.full(runs, mean)


def _lengths(charts: Sequence[Chart], shape: Shape, drop: float, runs: int, seed: int) -> list[NDArray[np.int64]]:
    longest = LONGEST_DELAY if drop else LONGEST
    source = np.random.default_rng([seed, 1 + round(10 * drop)])
    return run_lengths(charts, lambda dice, size: shape.draw(dice, size, drop * shape.sigma), runs, longest, source)


class Scenario(NamedTuple):
    """Points through the detect stage itself. `wanted`: the series that must alarm, and no other."""

    name: str
    wanted: frozenset[str]
    alarmed: frozenset[str]
    points: int
    points_per_s: float


def mix_shift(seed: int) -> Scenario:
    """Twenty teams whose work moves from 90 % easy to 90 % hard, handled as ever: means fall by 24 points."""
    dice = np.random.default_rng(seed)
    usual = {"easy": 85.0, "hard": 55.0}

    def rounds() -> Iterator[tuple[str, str, float]]:
        for nth in range(900):
            share = 0.9 if nth >= 450 else 0.1
            for team in range(20):
                stratum = "hard" if dice.random() < share else "easy"
                yield f"team-{team:02}", stratum, dice.normal(usual[stratum], 8)

    return _through_the_stage("mix shifts, handling does not", rounds(), 20, frozenset())


def one_of_fifty(seed: int) -> Scenario:
    """Fifty teams, one of which falls by 8 points, a standard deviation, half way."""
    dice = np.random.default_rng(seed)

    def rounds() -> Iterator[tuple[str, str, float]]:
        for nth in range(400):
            for team in range(50):
                fallen = 8.0 if team == 17 and nth >= 200 else 0.0
                yield f"team-{team:02}", "all", dice.normal(78 - fallen, 8)

    return _through_the_stage("one team of fifty falls", rounds(), 50, frozenset({"team=team-17"}))


def _through_the_stage(
    name: str, scores: Iterator[tuple[str, str, float]], teams: int, wanted: frozenset[str]
) -> Scenario:
    begun = datetime(2026, 3, 2, 8, tzinfo=UTC)
    entry = Detectors.model_validate(
        {
            "id": "bench", "version": 1, "holds_from": begun, "reviews_a_period": 300,
            "series": [{"of": "team", "count": teams}],
        }
    )  # fmt: skip
    registers = Registers(detectors=Timeline.of("detectors", [Appended(entry, begun - timedelta(days=1))]))
    records = []
    for offset, (team, stratum, score) in enumerate(scores):
        values: Any = {"team": team}
        ended = begun + timedelta(minutes=offset)
        point = SeriesPoint(
            series_id=series_id(values), series=values, score_0_100=min(max(score, 0.0), 100.0),
            scorecard=Versioned(id="card", version=1), stratum=stratum, detectors=entry.ref, review_id=f"r-{offset}",
            transaction_id=f"t-{offset}", ended_at=ended, reviewed_at=ended,
        )  # fmt: skip
        value = point.model_dump_json().encode()
        records.append(PlainRecord(offset, int(ended.timestamp() * 1000), point.series_id.encode(), value))
    stage, source = DetectStage(), Partition("series-points", 0)
    state = stage.initial(source)
    clock_s = time.perf_counter()
    outputs = stage.step(state, Chunk(source, records), registers)
    took_s = time.perf_counter() - clock_s
    alarmed = frozenset(Alert.model_validate_json(one.value or b"").series_id for one in outputs)
    return Scenario(name, wanted, alarmed, len(records), len(records) / took_s)


def main() -> None:
    """Run everything and print it. Exit code 1 when a promise was broken or a scenario named the wrong series."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="series simulated for each shape and reference")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun_s = time.perf_counter()
    rows: list[Found] = []
    for nth, (reference_reviews, shape) in enumerate((n, shape) for n in REFERENCES for shape in SHAPES):
        _say(f"[{nth + 1}/{len(REFERENCES) * len(SHAPES)}] {shape.name} scores, {reference_reviews} reference reviews")
        rows += compare(shape, reference_reviews, given.runs, given.seed)
    scenarios = [mix_shift(given.seed), one_of_fifty(given.seed)]
    _say(f"took {time.perf_counter() - begun_s:.0f} s")
    _print(rows, scenarios)
    ours = [row for row in rows if row.method == "e-detector"]
    kept = all(row.arl >= row.promised for row in ours)
    right = all(one.alarmed == one.wanted for one in scenarios)
    compared = [row for row in rows if row.reference_reviews == IN_USE and row.tolerance_points == 0.0]
    report = {
        "runs": [row._asdict() for row in compared],
        "scenarios": [{"name": one.name, "right": one.alarmed == one.wanted} for one in scenarios],
    }
    print(json.dumps(report))
    sys.exit(0 if kept and right else 1)


def _print(rows: Sequence[Found], scenarios: Sequence[Scenario]) -> None:
    head = " ".join(f"{f'{drop} sd':>14}" for drop in DROPS)
    print(f"Reviews to an alarm. Promised, or tuned by the normal tables: {PROMISED} without a drop.")
    print("Delays: mean / median after a drop of so many standard deviations, from the first review after it.\n")
    print(f"{'series':<10} {'method':<17} {'reference':>9} {'tolerance':>9} {'no drop':>9} {'P(<=500)':>8} {head}")
    for row in rows:
        arl = f"{'>= ' if row.cut_off else ''}{row.arl:.0f}"
        delays = " ".join(
            f"{f'{row.delay_reviews[str(drop)]:.0f} / {row.median_delay_reviews[str(drop)]:.0f}':>14}" for drop in DROPS
        )
        reference = row.reference_reviews or "known"
        print(
            f"{row.series:<10} {row.method:<17} {reference:>9} {row.tolerance_points:>9g} {arl:>9} "
            f"{row.alarmed_within_promised:>8.2f} {delays}"
        )
    print()
    for one in scenarios:
        named = ", ".join(sorted(one.alarmed)) or "nothing"
        verdict = "as it should be" if one.alarmed == one.wanted else "WRONG"
        print(f"{one.name}: {named} alarmed, {verdict} ({one.points:,} points, {one.points_per_s:,.0f}/s)")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
