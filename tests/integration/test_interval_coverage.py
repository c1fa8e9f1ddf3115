"""Do 95 % intervals hold the true mean in 95 % of samples? By the SQL in use: 2,000 samples of each size are 2,000
versions of a sampling frame, and one query estimates them all.

The population is that of a good contact centre: 5,000 transactions in four strata, most scores near the top, a long
tail, 2 % zeros for critical errors. Samples of 200 and 500 must hold the mean in 93 to 97 %; 20 are reported only.
"""

from datetime import date

import msgspec
import numpy as np
import pytest

from sinks.clickhouse import ClickHouseStore
from sinks.queries.estimates import Estimate, Within, estimates
from tests.unit.sinks.stores import migrated_alone

__all__ = ["migrated_alone"]
pytestmark = pytest.mark.clickhouse
DRAWS = 2000
SIZES = {"calls": 2500, "chats": 1500, "visits": 700, "welsh": 300}
SPREADS = {"calls": 10.0, "chats": 15.0, "visits": 20.0, "welsh": 25.0}
"""Mean points below 100 in each stratum, of exponential tails."""
SHARES = {"calls": 0.4, "chats": 0.3, "visits": 0.2, "welsh": 0.1}
"""Of a sample: not in proportion, so that weights matter."""
ZEROS = 0.02
WITHIN = Within(date(2026, 11, 1), date(2026, 12, 1), "UTC")
FILL = """
INSERT INTO scores (
    score_id, total_0_100, purposes, frame_id, frame_version, stratum, inclusion_probability, transaction_id, channel,
    started_at, ended_at, as_of_offset
)
SELECT
    concat(frame, ':', toString(draw), ':', toString(number), '|service'), score, ['random'], frame, draw, stratum, 0.1,
    concat(frame, ':', toString(draw), ':', toString(number)), 'phone',
    toDateTime64('2026-11-10 12:00:00', 3, 'UTC'), toDateTime64('2026-11-10 12:05:00', 3, 'UTC'), 0
FROM picks INNER JOIN people USING (number)
"""
COUNT = """
INSERT INTO population_counts (topic, day, frame_id, frame_version, stratum, eligible, as_of_offset)
SELECT 'transactions.phone', toDate('2026-11-10'), frame, draw, stratum, size, 1
FROM (SELECT DISTINCT frame, draw FROM picks) AS drawn
CROSS JOIN (SELECT stratum, count() AS size FROM people GROUP BY stratum) AS sizes
"""


def population(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Scores by stratum."""
    found = {}
    for stratum, size in SIZES.items():
        scores = 100 - np.minimum(random.exponential(SPREADS[stratum], size), 100)
        scores[: round(size * ZEROS)] = 0
        found[stratum] = scores.round(1)
    return found


def fill(store: ClickHouseStore, people: dict[str, np.ndarray], reviews: tuple[int, ...]) -> None:
    """Draw without replacement in every stratum, `DRAWS` times for each size."""
    random, encode = np.random.default_rng(7), msgspec.json.Encoder().encode_lines
    store.command("CREATE TABLE people (number UInt32, stratum String, score Float64) ENGINE = Memory")
    store.command("CREATE TABLE picks (frame String, draw UInt32, number UInt32) ENGINE = Memory")
    first = 0
    for stratum, scores in people.items():
        rows = [{"number": first + n, "stratum": stratum, "score": score} for n, score in enumerate(scores.tolist())]
        store.insert("people", encode(rows))
        order = np.argsort(random.random((DRAWS, len(scores)), dtype=np.float32), axis=1)
        for size in reviews:
            taken = first + order[:, : round(size * SHARES[stratum])]
            store.insert("picks", encode([
                {"frame": f"n{size}", "draw": draw + 1, "number": number}
                for draw, numbers in enumerate(taken.tolist()) for number in numbers
            ]))  # fmt: skip
        first += len(scores)
    store.command(FILL)
    store.command(COUNT)


def test_intervals_hold_the_mean_as_often_as_they_say(migrated_alone: ClickHouseStore) -> None:
    people = population(np.random.default_rng(20261122))
    truth = float(np.concatenate(list(people.values())).mean())
    fill(migrated_alone, people, (20, 200, 500))

    found = estimates(migrated_alone, WITHIN, group_by="frame", half_width_limit=50)

    by_size: dict[int, list[Estimate]] = {20: [], 200: [], 500: []}
    for one in found:
        by_size[int(one.group_id.partition(":")[0].removeprefix("n"))].append(one)
    held = {}
    for size, rows in by_size.items():
        assert [one.reviewed for one in rows] == [size] * DRAWS
        assert {one.df for one in rows} == {size - len(SIZES)}
        held[size] = sum((one.lower_0_100 or 0) <= truth <= (one.upper_0_100 or 0) for one in rows) / DRAWS
        means = np.array([one.mean_0_100 for one in rows])
        errors = np.array([one.standard_error for one in rows])
        print(f"n = {size}: mean {truth:.2f} held by {held[size]:.1%} of 95 % intervals")
        print(f"    off by {means.mean() - truth:+.3f} on average, errors of {np.sqrt(np.mean(errors**2)):.3f}")
        # Unbiased, and so is its variance: within five standard errors of 2,000 means, and of their spread.
        assert abs(means.mean() - truth) < 5 * means.std() / np.sqrt(DRAWS)
        assert np.mean(errors**2) == pytest.approx(means.var(), rel=0.2)
    assert 0.93 <= held[200] <= 0.97
    assert 0.93 <= held[500] <= 0.97
