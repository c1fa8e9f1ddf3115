"""The query library on the local ClickHouse: the numbers, before and after merges, with everything stored twice."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas import catalogue as c
from sinks.clickhouse import ClickHouseStore
from sinks.queries import Difference, coverage, rejected, selections_by_stratum
from sinks.queries.text import FOLDER
from sinks.rows import SinkChunk
from sinks.tables import TABLES
from tests.unit.sinks import records as r
from tests.unit.sinks.stores import migrated, store_all

__all__ = ["migrated"]
pytestmark = pytest.mark.clickhouse
LONDON = "Europe/London"
DAY = timedelta(days=1)
FIRST, LAST = date(2026, 11, 1), date(2026, 12, 1)


def merge(store: ClickHouseStore) -> None:
    for table in TABLES:
        store.command(f"OPTIMIZE TABLE {table} FINAL")


def centre() -> list[SinkChunk]:
    """Two channels. Phone: 8 selected of 14 eligible; chat: nothing selected of 2."""
    end = r.NOW
    phone = [r.decided(n, end - n * 8 * DAY, decision="selected") for n in range(8)]
    phone += [r.decided(n, decision="not_selected") for n in range(8, 14)]
    phone += [r.decided(n, decision="excluded", reason="too_short", stratum="", draw_method="") for n in (14, 15)]
    chat = [r.decided(100, channel="chat"), r.decided(101, channel="chat", stratum="others", draw_method="none")]
    selections = [r.selection(n, end - n * 8 * DAY) for n in range(8)]
    reviews = [
        r.review(0),
        r.review(1, copies=2, copy=2),  # one of two: reviewed
        r.review(2, "skipped"),
        r.review(3, "expired"),
        r.review(4, "shed"),
        r.review(5),  # withdrawn below
        r.review(5, "withdrawn", revision=1),
        r.review(6, "skipped", copies=2, copy=1),  # the second is still to come
    ]  # and nothing of 7
    return [
        r.chunk(c.DECIDED, r.decided_lines(phone), r.decided_lines(chat)),
        r.chunk(c.SELECTIONS, *selections),
        r.chunk(c.REVIEWS, *reviews),
        r.rejected_chunk(r.rejected(200), r.rejected(201, reason="too_old")),
        r.chunk(
            c.READ_COUNTS,
            r.read_count(
                read=19, repeats=1, rejected={"invalid": 1, "too_old": 1}, excluded={"too_short": 2}, eligible=14,
                selected=8, not_selected=6,
            ),
            r.read_count(topic=c.SOURCE_TOPIC["chat"], read=2, eligible=2, not_selected=2),
        ),
        r.chunk(
            c.POPULATION_COUNTS,
            r.population(14, 8),
            r.population(2, 0, topic=c.SOURCE_TOPIC["chat"], channel="chat"),
        ),
    ]  # fmt: skip


def test_coverage_adds_up_in_total_and_by_channel_before_and_after_merges(migrated: ClickHouseStore) -> None:
    store_all(migrated, *centre())
    once = coverage(migrated)
    store_all(migrated, *centre())
    twice = coverage(migrated)
    merge(migrated)
    assert once == twice == coverage(migrated)
    assert once.differences == ()
    assert once.reconciles
    assert once.total.read == 21
    assert once.total.rejected == {"invalid": 1, "too_old": 1}
    assert once.total.excluded == {"too_short": 2}
    assert (once.total.repeats, once.total.eligible, once.total.selected, once.total.not_selected) == (1, 16, 8, 8)
    phone = once.by_channel["phone"]
    assert (phone.reviewed, phone.skipped, phone.expired, phone.shed, phone.withdrawn, phone.awaiting) == (
        2,
        1,
        1,
        1,
        1,
        2,
    )
    assert (once.by_channel["chat"].read, once.by_channel["chat"].selected) == (2, 0)
    assert (once.total.under_none, phone.under_none, once.by_channel["chat"].share_under_none) == (1, 0, 0.5)


def test_what_draws_decided_is_taken_out_of_what_was_pending(migrated: ClickHouseStore) -> None:
    """Ten phone calls wait for a quota: one came late, of six the window is closed and two were taken."""
    waiting = [r.decided(n, decision="pending", stratum="quota", draw_method="quota") for n in range(300, 310)]
    counts = r.read_count(read=10, eligible=10, pending=10)
    chunks = [
        r.chunk(c.DECIDED, r.decided_lines(waiting)),
        r.chunk(c.READ_COUNTS, counts),
        r.chunk(c.POPULATION_COUNTS, r.population(10, 0, stratum="quota")),
        r.chunk(c.SELECTIONS, r.selection(300, stratum="quota"), r.selection(301, stratum="quota")),
        r.chunk(
            c.DRAW_COUNTS,
            r.draw_count(candidates=5, as_of_offset=3),
            r.draw_count(candidates=6, late=1, eligible=4, selected=1, as_of_offset=9),
            r.draw_count(candidates=4, eligible=2, selected=1, partition=1),
        ),
    ]
    store_all(migrated, *chunks)
    store_all(migrated, *chunks)
    found = coverage(migrated)
    assert found.differences == ()
    phone = found.by_channel["phone"]
    assert (phone.eligible, phone.selected, phone.not_selected, phone.pending, phone.late) == (10, 2, 4, 3, 1)
    assert phone.awaiting == 2


def test_coverage_of_an_empty_database_is_all_zero_and_adds_up(migrated: ClickHouseStore) -> None:
    found = coverage(migrated)
    assert found.reconciles
    assert found.total.read == 0


def test_a_table_that_is_ahead_of_the_counts_makes_no_difference(migrated: ClickHouseStore) -> None:
    ahead = r.decided(5000, decision="selected")
    store_all(migrated, *centre(), r.chunk(c.DECIDED, r.decided_lines([ahead]), first_offset=50))
    store_all(migrated, r.chunk(c.SELECTIONS, r.selection(5000), first_offset=50))
    assert coverage(migrated).differences == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            "DELETE FROM transactions WHERE id = 't-9'",
            [Difference("phone", "eligible transactions by id", 14, 13)],
        ),
        (
            "DELETE FROM selections WHERE transaction_id = 't-0'",
            [
                Difference(
                    "phone", "selected = reviewed + skipped + expired + shed + withdrawn + awaiting", 8, 7
                ),
                Difference("phone", "reviews of transactions without a selection", 0, 1),
            ],
        ),
        (
            "DELETE FROM rejected WHERE reason = 'too_old'",
            [Difference("phone", "rejected by id: too_old", 1, 0)],
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(migrated: ClickHouseStore, change: str, named: list[Difference]) -> None:
    store_all(migrated, *centre())
    migrated.command(change)
    found = coverage(migrated)
    assert list(found.differences) == named
    assert not found.reconciles


def test_counts_that_do_not_add_up_are_named(migrated: ClickHouseStore) -> None:
    store_all(migrated, r.chunk(c.READ_COUNTS, r.read_count(read=5, repeats=1)))
    assert [found.what for found in coverage(migrated).differences] == [
        "read = rejected + repeats + excluded + eligible"
    ]


def test_rows_are_held_against_the_counts_only_while_retention_has_removed_none(migrated: ClickHouseStore) -> None:
    store_all(migrated, *centre())
    migrated.command("DELETE FROM transactions WHERE id = 't-9'")
    assert not coverage(migrated, oldest_kept=datetime(2026, 11, 1, tzinfo=UTC)).reconciles
    later = coverage(migrated, oldest_kept=datetime(2026, 11, 25, tzinfo=UTC))
    assert later.reconciles
    assert not later.rows_compared


def test_a_review_that_the_scoring_stage_refused_counts_for_nothing(migrated: ClickHouseStore) -> None:
    refused = r.rejected_chunk(r.rejected(0, topic=c.REVIEWS, reason="invalid_review"), topic=c.REVIEWS_REJECTED)
    store_all(migrated, *centre(), refused)
    found = coverage(migrated)
    assert (found.total.reviewed, found.total.awaiting) == (1, 3)
    assert found.total.rejected == {"invalid": 1, "too_old": 1}
    assert found.reconciles


def test_the_current_ratings_are_those_of_the_highest_revision(migrated: ClickHouseStore) -> None:
    store_all(
        migrated,
        r.chunk(
            c.REVIEWS,
            r.review(1, revision=1, ratings=[("greeting", 0.0)]),
            r.review(1, ratings=[("greeting", 1.0), ("solution", 1.0)]),
        ),
    )
    found = migrated.ask("SELECT criterion, value FROM current_review_ratings", {})
    assert found == [{"criterion": "greeting", "value": 0.0}]


def test_the_current_criteria_are_those_of_the_score_that_stands(migrated: ClickHouseStore) -> None:
    first = r.score(1, 50.0, as_of_offset=3, criteria=("greeting", "solution"))
    store_all(migrated, r.chunk(c.SCORES, r.score(1, 90.0, as_of_offset=8), first))
    found = migrated.ask("SELECT criterion, score_0_100 FROM current_score_criteria", {})
    assert found == [{"criterion": "greeting", "score_0_100": 90.0}]


def test_selections_by_stratum_stand_beside_the_population(migrated: ClickHouseStore) -> None:
    store_all(
        migrated,
        r.chunk(
            c.POPULATION_COUNTS,
            r.population(40, 3),
            r.population(20, 1, day=date(2026, 11, 30)),
            r.population(70, 7, day=date(2026, 12, 1)),
            r.population(5, 0, stratum="rest"),
        ),
        # The last instant of November in London, and the first of December.
        r.chunk(
            c.SELECTIONS,
            r.selection(1),
            r.selection(2),
            r.selection(3),
            r.selection(4, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)),
            r.selection(5, datetime(2026, 12, 1, tzinfo=UTC)),
        ),
        r.chunk(c.SCORES, r.score(1, 80.0), r.score(2, None, criteria=())),
    )
    everything, rest = selections_by_stratum(migrated, from_day=FIRST, to_day=LAST, time_zone=LONDON)
    assert (everything.eligible, everything.selected, everything.selections, everything.reviewed) == (60, 4, 4, 1)
    assert (everything.draw, everything.design_probability) == ("random", 0.1)
    assert everything.share == pytest.approx(4 / 60)
    assert (rest.stratum, rest.eligible, rest.selections, rest.draw, rest.design_probability) == (
        "rest",
        5,
        0,
        "",
        None,
    )


def test_rejected_are_listed_newest_first_and_once(migrated: ClickHouseStore) -> None:
    rows = [
        r.rejected(n).model_copy(update={"appended_at": r.NOW + n * DAY, "reason": "invalid" if n % 2 else "too_old"})
        for n in range(4)
    ]
    store_all(migrated, r.rejected_chunk(*rows))
    store_all(migrated, r.rejected_chunk(*rows))
    assert [row.source_offset for row in rejected(migrated, most=3)] == [3, 2, 1]
    assert [row.source_offset for row in rejected(migrated, reason="too_old")] == [2, 0]
    assert rejected(migrated, source_topic=c.REVIEWS) == ()
    newest = rejected(migrated, most=1)[0]
    assert (newest.appended_at, newest.log_topic, newest.message) == (r.NOW + 3 * DAY, c.REJECTED, rows[0].message)


def test_every_query_says_in_its_head_what_it_returns() -> None:
    for path in FOLDER.glob("*.sql"):
        head = "\n".join(line for line in path.read_text().splitlines() if line.startswith("--"))
        assert "Parameters:" in head, path.name
        assert "Returns" in head, path.name
