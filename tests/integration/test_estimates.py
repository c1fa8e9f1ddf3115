"""Estimates on the local ClickHouse: numbers by hand and R's, before and after merges, with everything stored twice."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from scipy import stats

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.queries.domains import domain, grouped, interval_of
from sinks.queries.estimates import ERROR_CLASSES, Estimate, Period, Within, estimates, score_cells
from sinks.rows import rows_of
from sinks.tables import TABLES
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse
DATA = Path(__file__).parent.parent / "data"
LONDON = "Europe/London"
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
NOVEMBER = Within(date(2026, 11, 1), date(2026, 12, 1), LONDON)


def merge(store: ClickHouseStore) -> None:
    for table in TABLES:
        store.command(f"OPTIMIZE TABLE {table} FINAL")


def only(store: ClickHouseStore, within: Within = NOVEMBER, **asked: Any) -> Estimate:
    (found,) = estimates(store, within, **asked)
    return found


def test_means_are_weighted_by_draw_cell(migrated: ClickHouseStore) -> None:
    """north: 90 of 100 in stratum a (weight 50 each) and 60 of 10 in stratum b (weight 5 each)."""
    scores = [r.score(n, y, stratum=s, team_id=t) for n, (y, s, t) in enumerate([
        (90.0, "a", "north"), (80.0, "a", "south"), (60.0, "b", "north"), (70.0, "b", "north"),
    ])]  # fmt: skip
    purposive = r.score(9, 1.0, stratum="a").model_copy(update={"purposes": ("spot",)})
    store_all(
        migrated,
        r.chunk(c.SCORES, *scores, purposive, r.score(10, None, stratum="a")),
        r.chunk(c.POPULATION_COUNTS, r.population(100, 2, stratum="a"), r.population(10, 2, stratum="b")),
    )
    north, south = estimates(migrated, NOVEMBER, group_by="team", period="week")
    assert (north.group_id, north.period_start, north.reviewed) == ("north", date(2026, 11, 16), 3)
    assert north.mean_0_100 == pytest.approx((50 * 90 + 5 * 60 + 5 * 70) / 60)
    assert (north.cells, north.df, north.joins, north.cells_behind, north.eligible) == (2, 2, 0, 0, 60)
    assert (round(of(south.mean_0_100), 9), south.cells, south.df) == (80.0, 1, 1)
    everyone = only(migrated)
    assert everyone.mean_0_100 == pytest.approx((50 * (90 + 80) + 5 * (60 + 70)) / 110)
    assert (everyone.group_id, everyone.period_start, everyone.eligible) == ("", date(2026, 11, 1), 110)


def test_a_cell_with_one_review_and_nothing_to_join_leaves_the_mean_and_no_error(migrated: ClickHouseStore) -> None:
    store_all(migrated, r.chunk(c.SCORES, r.score(1, 80.0)), r.chunk(c.POPULATION_COUNTS, r.population(50, 1)))
    found = only(migrated)
    assert (found.mean_0_100, found.standard_error, found.lower_0_100, found.too_few) == (80.0, None, None, True)


def test_a_census_has_no_sampling_error(migrated: ClickHouseStore) -> None:
    store_all(
        migrated,
        r.chunk(c.SCORES, r.score(1, 80.0), r.score(2, 60.0)),
        r.chunk(c.POPULATION_COUNTS, r.population(2, 2)),
    )
    found = only(migrated)
    assert (found.mean_0_100, found.standard_error) == (70.0, 0.0)
    assert (found.lower_0_100, found.upper_0_100) == (70.0, 70.0)


def test_counts_that_are_still_to_come_are_shown(migrated: ClickHouseStore) -> None:
    """The cell is then as large as its inclusion probabilities say: 2 / 0.1."""
    store_all(migrated, r.chunk(c.SCORES, r.score(1, 80.0), r.score(2, 60.0)))
    found = only(migrated)
    assert (found.mean_0_100, found.cells_behind, found.provisional, found.eligible) == (70.0, 1, True, 20)


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("day", [date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)]),
        ("week", [date(2026, 10, 19), date(2026, 10, 26)]),
        ("month", [date(2026, 10, 1)]),
        ("quarter", [date(2026, 10, 1)]),
    ],
)
def test_periods_are_local_and_the_day_of_25_hours_is_one_day(
    migrated: ClickHouseStore, period: Period, starts: list[date]
) -> None:
    """Clocks go back on 25 October 2026: that local day runs from 24 October 23:00 to 26 October 00:00 UTC."""
    ends = [datetime(2026, 10, 24, 22, 59, tzinfo=UTC), datetime(2026, 10, 24, 23, tzinfo=UTC),
            datetime(2026, 10, 25, 23, 59, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)]  # fmt: skip
    store_all(migrated, r.chunk(c.SCORES, *[r.score(n, 50.0, ended_at=end) for n, end in enumerate(ends)]))
    found = estimates(migrated, Within(date(2026, 10, 1), date(2026, 11, 1), LONDON), period=period)
    assert [one.period_start for one in found] == starts


@pytest.mark.parametrize("wrong", [{"group_by": "customer"}, {"period": "year"}, {"measure": "csat"}])
def test_what_is_not_known_is_an_error(migrated: ClickHouseStore, wrong: dict[str, str]) -> None:
    asked: Callable[..., object] = estimates
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        asked(migrated, NOVEMBER, **wrong)


def test_a_stratified_sample_gives_the_published_means_errors_and_totals(migrated: ClickHouseStore) -> None:
    """R's survey package, data set apistrat: svymean, svyby and svytotal with strata and fpc, to six digits.

    Scores are a tenth of api00, which has 200 to 1000; enrolment is no score, so it comes as a thirty-fifth.
    """
    sizes = {"E": 4421, "M": 1018, "H": 755}
    with (DATA / "apistrat.csv").open(newline="") as file:
        schools = list(csv.DictReader(file))
    store_schools(migrated, schools, sizes, "api00", 10)

    mean = only(migrated)
    assert 10 * of(mean.mean_0_100) == pytest.approx(662.2874, abs=5e-5)
    assert 10 * of(mean.standard_error) == pytest.approx(9.4089, abs=5e-5)
    assert mean.df == 197
    assert [10 * of(mean.lower_0_100), 10 * of(mean.upper_0_100)] == pytest.approx([643.7322, 680.8425], abs=5e-5)
    no, yes = estimates(migrated, NOVEMBER, group_by="team")
    assert (no.group_id, yes.group_id) == ("No", "Yes")
    assert 10 * of(no.mean_0_100) == pytest.approx(635.4124, abs=5e-5)
    assert 10 * of(no.standard_error) == pytest.approx(15.78919, abs=5e-6)
    assert 10 * of(yes.mean_0_100) == pytest.approx(676.4023, abs=5e-5)
    assert 10 * of(yes.standard_error) == pytest.approx(11.71468, abs=5e-6)
    strata = estimates(migrated, NOVEMBER, group_by="stratum")
    assert [(one.group_id, round(10 * of(one.mean_0_100), 2), one.eligible) for one in strata] == [
        ("e", 674.43, 4421), ("h", 625.82, 755), ("m", 636.60, 1018),
    ]  # fmt: skip
    by_hand = [12.38248, 14.93713, 16.21471]
    assert [10 * of(one.standard_error) for one in strata] == pytest.approx(by_hand, abs=5e-6)
    # A filter makes a domain, not another sample: the same as the group.
    assert only(migrated, Within(NOVEMBER.from_day, NOVEMBER.to_day, LONDON, teams=("Yes",))).standard_error == (
        pytest.approx(yes.standard_error)
    )


def test_totals_are_the_published_ones(migrated: ClickHouseStore) -> None:
    """svytotal(~enroll): the mean times the size of the population, which is known."""
    sizes = {"E": 4421, "M": 1018, "H": 755}
    with (DATA / "apistrat.csv").open(newline="") as file:
        store_schools(migrated, list(csv.DictReader(file)), sizes, "enroll", 40)
    found = only(migrated)
    assert found.eligible == sum(sizes.values())
    assert found.eligible * 40 * of(found.mean_0_100) == pytest.approx(3687178, abs=0.5)
    assert found.eligible * 40 * of(found.standard_error) == pytest.approx(114642, abs=0.5)


def test_python_reckons_as_the_view_does(migrated: ClickHouseStore) -> None:
    """Teams across strata of unequal rates and a quota with joined cells: the same numbers both ways."""
    scores = [
        r.score(n, float(37 * n % 101), stratum="abc"[n % 3], team_id="nsw"[n % 7 % 3], colleague_id=f"{n % 4}")
        for n in range(60)
    ]
    cells = [r.draw_cell(n, MONDAY + 14 * DAY, unit=f"colleague/{n}", stratum="a", eligible=40 + n) for n in range(4)]
    store_all(
        migrated,
        r.chunk(c.SCORES, *scores),
        r.chunk(c.DRAW_CELLS, *cells),
        r.chunk(c.POPULATION_COUNTS, *[r.population(size, 0, stratum=s) for s, size in (("b", 30), ("c", 500))]),
    )
    within = Within(NOVEMBER.from_day, NOVEMBER.to_day, LONDON, strata=("a", "b", "c"))
    by_view = estimates(migrated, within, group_by="team")
    by_group = grouped(score_cells(migrated, within, group_by="team"))
    assert [one.group_id for one in by_view] == list(by_group) == ["n", "s", "w"]
    for one in by_view:
        found = domain(by_group[one.group_id])
        assert found is not None
        assert interval_of(found).df == one.df
        assert [found.mean, found.weight, found.reviewed] == pytest.approx(
            [one.mean_0_100, one.eligible, one.reviewed], rel=0.01
        )
        assert [interval_of(found).value, interval_of(found).standard_error, interval_of(found).lower] == pytest.approx(
            [one.mean_0_100, one.standard_error, one.lower_0_100]
        )


def of(number: float | None) -> float:
    assert number is not None
    return number


def store_schools(
    store: ClickHouseStore, schools: list[dict[str, str]], sizes: dict[str, int], column: str, divisor: float
) -> None:
    (piece,) = rows_of(r.chunk(c.SCORES, r.score(0, 1.0))).pieces["scores"]
    one_row = json.loads(piece.lines)
    rows = [
        one_row | {
            "score_id": f"s-{n}", "transaction_id": f"t-{n}", "total_0_100": float(school[column]) / divisor,
            "stratum": school["stype"].lower(), "team_id": school["comp.imp"],
        }
        for n, school in enumerate(schools)
    ]  # fmt: skip
    store.insert("scores", msgspec.json.Encoder().encode_lines(rows))
    counts = [r.population(size, 0, stratum=stratum.lower()) for stratum, size in sizes.items()]
    store_all(store, r.chunk(c.POPULATION_COUNTS, *counts))


def test_intervals_go_by_t_whatever_the_degrees_of_freedom(migrated: ClickHouseStore) -> None:
    """Stratum n has n + 1 reviews, so n degrees of freedom: the tabled ones and those by expansion."""
    wanted = [1, 2, 3, 5, 19, 20, 21, 22, 30, 60, 200]
    scores = [
        r.score(1000 * df + n, 50.0 + (n % 3), stratum=f"s{df:03d}") for df in wanted for n in range(df + 1)
    ]  # fmt: skip
    counts = [r.population(100_000, df + 1, stratum=f"s{df:03d}") for df in wanted]
    store_all(migrated, r.chunk(c.SCORES, *scores), r.chunk(c.POPULATION_COUNTS, *counts))
    found = estimates(migrated, NOVEMBER, group_by="stratum")
    assert [one.df for one in found] == wanted
    for one in found:
        assert of(one.half_width) / of(one.standard_error) == pytest.approx(stats.t.ppf(0.975, one.df), abs=5e-7)


def test_text_of_filters_is_text(migrated: ClickHouseStore) -> None:
    odd = "billing's \\ \"x\", ['y']"
    (piece,) = rows_of(r.chunk(c.SCORES, r.score(1, 80.0))).pieces["scores"]
    migrated.insert("scores", msgspec.json.encode(json.loads(piece.lines) | {"topic": odd}))
    store_all(migrated, r.chunk(c.SCORES, r.score(2, 60.0)), r.chunk(c.POPULATION_COUNTS, r.population(20, 2)))
    found = only(migrated, Within(NOVEMBER.from_day, NOVEMBER.to_day, LONDON, topics=(odd,)), group_by="topic")
    assert (found.group_id, round(of(found.mean_0_100), 9)) == (odd, 80.0)


def quota(colleague: str, week: int, eligible: int, *scores: float) -> list[Any]:
    """One closed weekly cell of a quota per colleague, and the scores that came of it."""
    starts = MONDAY + 7 * week * DAY
    unit = f"colleague/{colleague}"
    cell = r.draw_cell(0, starts, unit=unit, eligible=eligible, selected=len(scores), draw_id="centre:1:all")
    number = 1000 * week + 100 * int(colleague)
    return [cell, *[
        r.score(number + n, y, ended_at=starts + (n + 1) * timedelta(hours=20), colleague_id=colleague)
        for n, y in enumerate(scores)
    ]]  # fmt: skip


def store_quotas(store: ClickHouseStore, *cells: list[Any]) -> None:
    records = [record for cell in cells for record in cell]
    store_all(
        store,
        r.chunk(c.DRAW_CELLS, *[one for one in records if hasattr(one, "unit")]),
        r.chunk(c.SCORES, *[one for one in records if not hasattr(one, "unit")]),
        # All eligible of the stratum: what estimates would take, were there no cells of the draw.
        r.chunk(c.POPULATION_COUNTS, r.population(1000, 0, day=date(2026, 11, 3))),
    )


def test_quotas_weigh_by_the_cells_of_the_draw(migrated: ClickHouseStore) -> None:
    """A busy colleague's two reviews of 50 weigh 25 each, a quiet one's two of 4 weigh 2."""
    store_quotas(migrated, quota("1", 0, 50, 90, 80), quota("2", 0, 4, 40, 50))
    found = only(migrated)
    assert found.mean_0_100 == pytest.approx((25 * 170 + 2 * 90) / 54)
    assert (found.cells, found.joins, found.eligible, found.df) == (2, 0, 54, 2)


def test_short_cells_are_joined_with_the_next_of_their_unit(migrated: ClickHouseStore) -> None:
    """Weeks with 1 and 1 review make one cell, 30 + 10 eligible; the third has two and stands alone."""
    store_quotas(migrated, quota("1", 0, 30, 90), quota("1", 1, 10, 50), quota("1", 2, 8, 70, 60))
    found = only(migrated)
    assert found.mean_0_100 == pytest.approx((20 * 140 + 4 * 130) / 48)
    assert (found.cells, found.joins, found.eligible, found.df) == (2, 1, 48, 2)
    first, *_ = estimates(migrated, NOVEMBER, period="week")
    assert (first.period_start, first.reviewed, first.eligible, first.joins) == (date(2026, 11, 2), 1, 20, 1)
    # A week of which a single review was made has no error to be had, whatever its cell is.
    assert (first.standard_error, first.too_few) == (None, True)


def test_a_window_without_reviews_is_joined_and_one_that_all_were_reviewed_of_is_not(migrated: ClickHouseStore) -> None:
    store_quotas(migrated, quota("1", 0, 30), quota("1", 1, 10, 50, 70), quota("2", 0, 1, 0), quota("2", 1, 6, 90, 80))
    found = only(migrated)
    assert found.mean_0_100 == pytest.approx((20 * 120 + 1 * 0 + 3 * 170) / 47)
    assert (found.cells, found.joins) == (3, 1)


def test_short_ends_are_joined_with_those_of_other_units(migrated: ClickHouseStore) -> None:
    """Of three colleagues with one review each, two make a cell, and the third goes with them."""
    store_quotas(migrated, quota("1", 0, 10, 90), quota("2", 0, 20, 60), quota("3", 0, 30, 30))
    found = only(migrated)
    assert found.mean_0_100 == pytest.approx(60.0)
    assert (found.cells, found.joins, found.eligible) == (1, 2, 60)


def test_a_short_end_that_is_alone_goes_to_the_first_whole_cell(migrated: ClickHouseStore) -> None:
    store_quotas(migrated, quota("1", 0, 10, 90, 70), quota("2", 0, 20, 60))
    found = only(migrated)
    assert found.mean_0_100 == pytest.approx((90 + 70 + 60) / 3)
    assert (found.cells, found.joins, found.df) == (1, 1, 2)


def test_a_window_that_the_range_cuts_counts_in_full(migrated: ClickHouseStore) -> None:
    """The two reviews of a week of 20 weigh 10 each; one of them lies in the range."""
    store_quotas(migrated, quota("1", 0, 20, 90, 70))
    found = only(migrated, Within(date(2026, 11, 3), date(2026, 11, 10), LONDON))
    assert (found.mean_0_100, found.reviewed, found.eligible, found.df) == (70.0, 1, 10, 1)


def test_periods_of_a_stratum_without_units_are_joined_forward_only(migrated: ClickHouseStore) -> None:
    """Weeks with 1, 2 and 1 reviews of 10 each: the first two are one cell; the last has none to be joined with."""
    days = [date(2026, 11, 3), date(2026, 11, 10), date(2026, 11, 17)]
    weeks = [(0, 80.0), (1, 60.0), (1, 40.0), (2, 20.0)]
    ends = [datetime(2026, 11, 3 + 7 * week, 12, tzinfo=UTC) for week, _ in weeks]
    store_all(
        migrated,
        r.chunk(c.POPULATION_COUNTS, *[r.population(10, 0, day=day) for day in days]),
        r.chunk(
            c.SCORES, *[r.score(n, y, ended_at=end) for n, ((_, y), end) in enumerate(zip(weeks, ends, strict=True))]
        ),
    )
    first, second, third = estimates(migrated, NOVEMBER, period="week")
    assert (first.mean_0_100, second.mean_0_100, third.mean_0_100) == (80.0, 50.0, 20.0)
    assert (first.joins, second.joins, third.joins) == (1, 1, 0)
    assert (first.df, third.standard_error) == (2, None)


def test_estimates_are_the_same_before_and_after_merges_and_with_all_stored_twice(migrated: ClickHouseStore) -> None:
    """Late and corrected: score 1 falls to 60 at a higher offset, and the old one comes once more after it."""
    chunks = [
        r.chunk(c.POPULATION_COUNTS, r.population(10, 3, as_of_offset=5), r.population(30, 4, as_of_offset=9)),
        r.chunk(c.SCORES, r.score(1, 90.0, as_of_offset=1), r.score(2, 70.0), r.score(3, 50.0)),
        r.chunk(c.SCORES, r.score(1, 60.0, as_of_offset=8), first_offset=50),
        r.chunk(c.SCORES, r.score(1, 90.0, as_of_offset=1), first_offset=90),
        r.chunk(c.SELECTIONS, *[r.selection(n) for n in range(5)]),
        r.chunk(c.REVIEWS, *[r.review(n) for n in (1, 2, 3)], r.review(4, "skipped")),
    ]
    store_all(migrated, *chunks)
    once = only(migrated)
    store_all(migrated, *chunks)
    twice = only(migrated)
    merge(migrated)
    assert once == twice == only(migrated)
    assert (round(of(once.mean_0_100), 9), once.reviewed, once.eligible) == (60.0, 3, 30)
    assert (once.selected, once.awaiting, once.response_rate, once.provisional) == (5, 1, 0.75, True)


def test_a_group_of_which_nothing_is_reviewed_is_shown(migrated: ClickHouseStore) -> None:
    store_all(
        migrated, r.chunk(c.SELECTIONS, r.selection(1), r.selection(2)), r.chunk(c.REVIEWS, r.review(1, "expired"))
    )
    found = only(migrated, group_by="team")
    assert (found.group_id, found.mean_0_100, found.reviewed, found.too_few) == ("north", None, 0, True)
    assert (found.selected, found.awaiting, found.response_rate) == (2, 1, 0.0)


def test_an_outcome_that_was_corrected_counts_as_it_stands(migrated: ClickHouseStore) -> None:
    """Skipped and then reviewed after all; reviewed and then withdrawn; one copy of two skipped."""
    store_all(
        migrated,
        r.chunk(c.SELECTIONS, *[r.selection(n) for n in range(3)]),
        r.chunk(
            c.REVIEWS, r.review(0, "skipped"), r.review(0, revision=1), r.review(1),
            r.review(1, "withdrawn", revision=1), r.review(2, "skipped", copies=2, copy=1),
        ),
        r.chunk(c.SCORES, r.score(0, 70.0), r.score(1, None).model_copy(update={"reviews": ()})),
    )  # fmt: skip
    found = only(migrated)
    assert (found.selected, found.awaiting, found.response_rate, found.reviewed) == (3, 1, 0.5, 1)


def test_scores_by_criterion(migrated: ClickHouseStore) -> None:
    """Where a criterion was not applicable the transaction is outside its domain, and still in the sample."""
    store_all(
        migrated,
        r.chunk(
            c.SCORES, r.score(1, 80.0, criteria=("greeting", "solution")), r.score(2, 60.0),
            r.score(3, 40.0, criteria=("solution",)),
        ),
        r.chunk(c.POPULATION_COUNTS, r.population(30, 3)),
    )  # fmt: skip
    greeting, solution = estimates(migrated, NOVEMBER, measure="criterion")
    assert (greeting.measure_id, round(of(greeting.mean_0_100), 9), greeting.reviewed) == ("greeting", 70.0, 2)
    assert (solution.measure_id, round(of(solution.mean_0_100), 9), solution.eligible) == ("solution", 60.0, 20)
    assert greeting.df == 2
    assert only(migrated, measure="criterion", measure_ids=("solution",)) == solution


def test_accuracy_by_error_class_has_an_interval_within_bounds(migrated: ClickHouseStore) -> None:
    """One compliance error in 20 of 200; no customer error, so the interval is Kish's: Wilson for 20 of 20."""
    scores = [r.score(n, 80.0) for n in range(20)]
    scores[0] = scores[0].model_copy(update={"critical_errors": ("compliance",)})
    store_all(migrated, r.chunk(c.SCORES, *scores), r.chunk(c.POPULATION_COUNTS, r.population(200, 20)))
    anything, business, compliance, customer = estimates(migrated, NOVEMBER, measure="error_class")
    assert [one.measure_id for one in (anything, business, compliance, customer)] == list(ERROR_CLASSES)
    assert (round(of(anything.mean_0_100), 9), customer.mean_0_100, business.upper_0_100) == (95.0, 100.0, 100.0)
    low, high = stats.binomtest(20, 20).proportion_ci(method="wilson")
    assert [of(customer.lower_0_100), of(customer.upper_0_100)] == pytest.approx([100 * low, 100 * high])
    # The variance of a mean from 20 of 200 without replacement: (1 - f) s^2 / n, so effective n is 19 / 0.9.
    effective, z = 19 / 0.9, stats.norm.ppf(0.975)
    middle = (0.95 + z**2 / 2 / effective) / (1 + z**2 / effective)
    reach = z / (1 + z**2 / effective) * (0.95 * 0.05 / effective + z**2 / 4 / effective**2) ** 0.5
    assert of(compliance.lower_0_100) == pytest.approx(100 * (middle - reach))
    assert of(compliance.upper_0_100) == pytest.approx(100 * (middle + reach))


def test_the_distribution_is_by_tenths_and_weighted(migrated: ClickHouseStore) -> None:
    """Three scores of 40 and one of 100 in a stratum of 40; one of 99.9 in one of 60."""
    scores = [r.score(n, y, stratum=s) for n, (y, s) in enumerate([
        (40.0, "a"), (49.9, "a"), (40.0, "a"), (100.0, "a"), (99.9, "b"), (99.9, "b"),
    ])]  # fmt: skip
    store_all(
        migrated,
        r.chunk(c.SCORES, *scores),
        r.chunk(c.POPULATION_COUNTS, r.population(40, 4, stratum="a"), r.population(60, 2, stratum="b")),
    )
    found = estimates(migrated, NOVEMBER, measure="distribution")
    assert [one.measure_id for one in found] == [f"{tenth:03d}" for tenth in range(0, 100, 10)]
    assert [of(one.mean_0_100) for one in found] == pytest.approx([0, 0, 0, 0, 30, 0, 0, 0, 0, 70])
    assert {one.reviewed for one in found} == {6}


def joined_as_said(cells: list[tuple[str, int, float, float]]) -> list[tuple[float, float]]:
    """(n, size) of the joined cells of one stratum with units, by the words of the migration, one cell at a time.

    `cells`: (unit, week, n, size).
    """
    whole: list[tuple[float, float]] = []
    loose: list[tuple[float, float]] = []
    for unit in sorted({unit for unit, *_ in cells}):
        n = size = 0.0
        for _, _, more, larger in sorted(one for one in cells if one[0] == unit):
            n, size = n + more, size + larger
            if n >= 2 or size <= n:
                whole.append((n, size))
                n = size = 0.0
        if size:
            loose.append((n, size))
    pools: list[tuple[float, float]] = []
    n = size = 0.0
    for more, larger in loose:
        n, size = n + more, size + larger
        if n >= 2:
            pools.append((n, size))
            n = size = 0.0
    if size and pools:
        pools[-1] = pools[-1][0] + n, pools[-1][1] + size
    elif n and whole:
        whole[0] = whole[0][0] + n, whole[0][1] + size
    elif n:
        pools.append((n, size))
    return whole + pools


def test_cells_are_joined_as_said_whatever_comes(migrated: ClickHouseStore) -> None:
    """Sixty strata of up to four colleagues and four weeks, with none to three reviews of one to six in each."""
    random, number = Random(20261122), 0
    records: list[Any] = []
    expected = {}
    for nth in range(60):
        stratum = f"s{nth:02d}"
        cells: list[tuple[str, int, float, float]] = []
        for unit in range(random.randint(1, 4)):
            for week in sorted(random.sample(range(4), random.randint(1, 4))):
                size = random.randint(1, 6)
                n = min(size, random.choice((0, 0, 1, 1, 1, 2, 3)))
                starts = MONDAY + 7 * week * DAY
                cells.append((f"colleague/{unit}", week, n, size))
                records.append(
                    r.draw_cell(
                        number, starts, unit=f"colleague/{unit}", stratum=stratum, draw_id=f"centre:1:{stratum}",
                        eligible=size, taken=size, selected=n,
                    )
                )  # fmt: skip
                for _ in range(n):
                    number += 1
                    records.append(
                        r.score(number, 50.0, stratum=stratum, colleague_id=f"{unit}", ended_at=starts + 1.5 * DAY)
                    )  # fmt: skip
        joined = sorted(one for one in joined_as_said(cells) if one[0])
        if joined:
            expected[stratum] = joined
    store_all(
        migrated,
        r.chunk(c.DRAW_CELLS, *[one for one in records if hasattr(one, "unit")]),
        r.chunk(c.SCORES, *[one for one in records if not hasattr(one, "unit")]),
    )
    found: dict[str, set[tuple[str, float, float]]] = {}
    for one in score_cells(migrated, NOVEMBER, group_by="stratum"):
        found.setdefault(one.group_id, set()).add((one.cell, one.n, one.size))
    assert {stratum: sorted((n, size) for _, n, size in cells) for stratum, cells in found.items()} == expected
    assert sum(len(cells) for cells in expected.values()) > 100
