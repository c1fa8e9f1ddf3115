"""The draws as statistics wants them: uniform, independent, unbiased, with the variances of the textbooks.

Seeds are fixed, so every number here is the same in every run: a bound that holds once holds always. The bounds are
those that a true draw passes in all but one of a thousand runs (chi-square), or of 16,000 (four standard errors).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import fmean, pvariance, stdev, variance
from typing import Final

import pytest
from scipy import stats

from schemas import catalogue
from schemas.draw_number import draw_numbers, systematic_start, threshold
from schemas.selection import Selection
from streams.drawing.cells import Cell, OpenWindow, head, id_of
from streams.drawing.records import inclusion_probability
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

DATA: Final = Path(__file__).parents[2] / "data"
LEAST_P: Final = 0.001
SEEDS: Final = [hashlib.sha256(str(n).encode()).digest() for n in range(1000)]


def quota(seed: bytes, items: Iterable[str], n: int, stratum: str = "all", version: int = 1) -> list[str]:
    """What a quota takes of one unit and window."""
    number = draw_numbers(seed, "centre", version, stratum)
    cell = Cell()
    for item in items:
        cell.keep(head(number(item), item), n)
    return [id_of(one) for one in cell.kept]


def by_rate(seed: bytes, items: Iterable[str], rate: float, stratum: str = "all", version: int = 1) -> set[str]:
    """What a random draw takes."""
    number, below = draw_numbers(seed, "centre", version, stratum), threshold(rate)
    return {item for item in items if number(item) < below}


def test_random_draws_are_uniform_over_items() -> None:
    items, rate = [f"t-{n}" for n in range(100)], 0.3
    taken = Counter(item for seed in SEEDS for item in by_rate(seed, items, rate))
    spread = len(SEEDS) * rate * (1 - rate)
    square = sum((taken[item] - len(SEEDS) * rate) ** 2 / spread for item in items)
    assert stats.chi2.sf(square, len(items)) > LEAST_P


def test_quotas_are_uniform_over_items() -> None:
    items, n = [f"t-{number}" for number in range(50)], 5
    taken = Counter(item for seed in SEEDS for item in quota(seed, items, n))
    share = n / len(items)
    spread = len(SEEDS) * share * (1 - share)
    finite = (len(items) - 1) / len(items)
    square = finite * sum((taken[item] - len(SEEDS) * share) ** 2 / spread for item in items)
    assert stats.chi2.sf(square, len(items) - 1) > LEAST_P


def test_systematic_starts_are_uniform() -> None:
    starts = Counter(
        systematic_start(seed, "centre", 1, "all", segment="transactions.phone/0/2026-03-27", every=10)
        for seed in SEEDS
    )
    assert stats.chisquare([starts[start] for start in range(10)]).pvalue > LEAST_P


@pytest.mark.parametrize(("stratum", "version"), [("other", 1), ("all", 2)])
def test_strata_and_versions_draw_independently_of_each_other(stratum: str, version: int) -> None:
    items = [f"t-{n}" for n in range(40)]
    table = [[0, 0], [0, 0]]
    for seed in SEEDS:
        one, other = by_rate(seed, items, 0.4), by_rate(seed, items, 0.4, stratum, version)
        for item in items:
            table[item in one][item in other] += 1
    assert stats.chi2_contingency(table, correction=False).pvalue > LEAST_P


def schools() -> dict[str, dict[str, float]]:
    """A population like the schools of the data set apistrat, in its proportions: values by stratum and id."""
    times = {"E": 4, "M": 2, "H": 1}
    found: dict[str, dict[str, float]] = defaultdict(dict)
    with (DATA / "apistrat.csv").open(newline="") as file:
        for school in csv.DictReader(file):
            kind = school["stype"]
            for copy in range(times[kind]):
                found[kind][f"{school['cds']}-{copy}"] = float(school["api00"]) + copy
    return found


def test_weighted_means_of_quotas_are_unbiased() -> None:
    population = schools()
    size = sum(map(len, population.values()))
    truth = sum(sum(values.values()) for values in population.values()) / size
    n = {"E": 10, "M": 5, "H": 5}
    estimates = [
        sum(
            len(values) * fmean(values[item] for item in quota(seed, values, n[kind], kind))
            for kind, values in population.items()
        )
        / size
        for seed in SEEDS[:400]
    ]
    assert abs(fmean(estimates) - truth) < 4 * stdev(estimates) / len(estimates) ** 0.5


def test_totals_weighted_by_the_stored_probability_of_a_capped_draw_are_unbiased() -> None:
    """A rate of 0.3, and no more than 4 of those: two phases, whose probability is conditional on the first."""
    values = dict(list(schools()["H"].items())[:30])
    at = logs.NOON
    window = OpenWindow("d", "random", "centre", 1, "all", at, at, at, 4, 0.3)
    estimates = []
    for seed in SEEDS:
        number, below = draw_numbers(seed, "centre", 1, "all"), threshold(0.3)
        cell = Cell(eligible=len(values))
        for item in values:
            if number(item) < below:
                cell.taken += 1
                cell.keep(head(number(item), item), 4)
        probability = inclusion_probability(window, cell, len(cell.kept))
        estimates.append(sum(values[id_of(one)] / probability for one in cell.kept) if probability else 0.0)
    assert len(cell.kept) <= 4
    truth = sum(values.values())
    assert abs(fmean(estimates) - truth) < 4 * stdev(estimates) / len(estimates) ** 0.5


LINEAR: Final = {f"t-{value}": value for value in range(1, 101)}
EXPECTED: Final[dict[str, float]] = json.loads((DATA / "linear-trend.json").read_text())["variance"]


def test_the_systematic_draw_of_a_trend_has_the_published_variance() -> None:
    """The stage itself, one partition: over the ten starts the means of 1..100 vary by 8.25."""
    stage = SampleStage(Pseudonyms(logs.KEY))
    strata = [{"name": "all", "draw": {"method": "systematic", "every": 10}}]
    events = [logs.event(name, logs.NOON + timedelta(seconds=value)) for name, value in LINEAR.items()]
    means = set()
    for seed in SEEDS[:120]:
        held = logs.registers(logs.frame(strata=strata, seed=seed.hex(), duplicate_stretch=1000))
        outputs = stage.step(stage.initial(logs.SOURCE), Chunk(logs.SOURCE, logs.log(events)), held)
        taken = [
            Selection.model_validate_json(one.value or b"") for one in outputs if one.topic == catalogue.SELECTIONS
        ]
        assert len(taken) == 10
        means.add(fmean(LINEAR[one.transaction.id] for one in taken))
    assert len(means) == 10
    assert pvariance(means) == pytest.approx(EXPECTED["systematic"])


def test_the_simple_random_draw_of_a_trend_has_the_published_variance() -> None:
    _agrees([_mean(quota(seed, LINEAR, 10)) for seed in SEEDS], EXPECTED["simple_random"])


def test_one_of_each_of_ten_strata_of_a_trend_has_the_published_variance() -> None:
    tens = [[name for name, value in LINEAR.items() if (value - 1) // 10 == ten] for ten in range(10)]
    means = [
        _mean([item for ten, items in enumerate(tens) for item in quota(seed, items, 1, f"s-{ten}")]) for seed in SEEDS
    ]
    _agrees(means, EXPECTED["stratified_one_per_stratum"])


def _mean(items: Sequence[str]) -> float:
    return fmean(LINEAR[item] for item in items)


def _agrees(means: Sequence[float], published: float) -> None:
    """Within four standard errors of a variance that is estimated from so many means, near enough normal."""
    assert abs(variance(means) - published) < 4 * published * (2 / (len(means) - 1)) ** 0.5
    truth = fmean(LINEAR.values())
    assert abs(fmean(means) - truth) < 4 * (published / len(means)) ** 0.5
