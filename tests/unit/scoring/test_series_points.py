"""Series points: which reviews give them, to which series, and what each scores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from schemas import catalogue
from schemas.base import Versioned
from schemas.detector import Detectors
from schemas.headers import StageOrigin, origin_of
from schemas.review import Review
from schemas.series import SeriesPoint, SeriesRecord
from streams.registers import Appended, Registers, Timeline
from streams.scoring.stage import CombineStage
from streams.stage import Output, Partition, instant
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.routing.records import APPENDED_MS, MONDAY, registers, transaction_fields
from tests.unit.scoring.records import SCORECARD, in_log, review, task
from tests.unit.scoring.test_combine import reviews
from tests.unit.trends.records import detectors

pytestmark = pytest.mark.unit

SOURCE = Partition(catalogue.REVIEWS, 2)
STAGE = CombineStage()


def known(*entries: Detectors) -> Registers:
    """Registers with these entries; the first holds from the beginning of time, the others from their day."""
    base = registers(scorecards=(SCORECARD,))
    log = [Appended(one, one.holds_from - timedelta(days=1)) for one in entries]
    return Registers(base.frames, base.notices, base.scorecards, Timeline.of("detectors", log))


TEAMS = known(detectors())
EVERYTHING = known(
    detectors(
        series=[
            {"of": ["team", "channel"], "count": 1},
            {"of": "criterion", "count": 6},
            {"of": ["site", "error_class"], "count": 3},
        ]
    )
)


def points_sent(outputs: list[Output]) -> list[SeriesPoint]:
    found = [
        SeriesRecord.model_validate_json(one.value or b"").root
        for one in outputs
        if one.topic == catalogue.SERIES_POINTS
    ]
    return [one for one in found if isinstance(one, SeriesPoint)]


def points_of(*found: Review, held: Registers = TEAMS) -> list[SeriesPoint]:
    return points_sent(run(STAGE, SOURCE, in_log(*found), held))


def test_a_review_gives_one_point_to_each_series_it_belongs_to() -> None:
    [_, output] = run(STAGE, SOURCE, in_log(review(ratings={"answer": 1}), first_offset=30), TEAMS)

    [point] = points_sent([output])
    assert (output.topic, output.key) == (catalogue.SERIES_POINTS, b"team=cardiff-sales")
    assert dict(output.headers)["ce_type"] == b"tafol.series-point.v1"
    assert origin_of(output.headers) == StageOrigin("combine", "reviews", 2, 30, 1)
    assert (point.series_id, point.series) == ("team=cardiff-sales", {"team": "cardiff-sales"})
    assert point.score_0_100 == pytest.approx(76)
    assert (point.scorecard, point.stratum) == (SCORECARD.ref, "all")
    assert (point.review_id, point.transaction_id) == ("t-1|chat|1", "t-1")
    assert (point.ended_at, point.reviewed_at) == (MONDAY, instant(APPENDED_MS))
    assert point.detectors == Versioned(id="quality", version=1)


def test_criteria_and_error_classes_are_series_of_their_own() -> None:
    scores = {
        one.series_id: one.score_0_100
        for one in points_of(
            review(ratings={"tone": 40, "answer": None, "accuracy": 1, "records": None}), held=EVERYTHING
        )
    }

    assert scores == {
        "team=cardiff-sales,channel=chat": 40,
        "criterion=chat/greeting": 100,
        "criterion=chat/tone": 40,
        "criterion=chat/accuracy": 0,
        "criterion=chat/identity": 100,
        "site=cardiff,error_class=compliance": 100,
        "site=cardiff,error_class=customer": 0,
    }


def test_the_points_of_a_review_have_origins_in_their_order() -> None:
    outputs = run(STAGE, SOURCE, in_log(review()), EVERYTHING)

    origins = [origin_of(one.headers) for one in outputs]
    assert [one.nth for one in origins if one is not None] == list(range(len(outputs)))


SPOT: Any = {"purposes": ["spot"], "inclusion_probability": None}


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param(review(copy_number=2), id="a second copy"),
        pytest.param(review(revision=1), id="a correction"),
        pytest.param(review(task=task(**SPOT)), id="a spot check"),
        pytest.param(review(outcome="skipped"), id="no review"),
    ],
)
def test_only_the_first_review_of_a_probability_selection_gives_points(silent: Review) -> None:
    assert points_of(silent) == []


def test_a_selection_that_has_a_further_purpose_gives_points() -> None:
    assert len(points_of(review(task=task(purposes=["random", "spot"])))) == 1


def test_repeats_and_corrections_give_no_further_point() -> None:
    assert len(points_of(review(), review(), review(revision=1, ratings={"answer": 1}), review())) == 1


def test_no_entry_no_points() -> None:
    assert points_of(review(), held=known()) == []


def test_the_entry_that_holds_when_the_transaction_ended_says_which_series_there_are() -> None:
    later = detectors(2, series=[{"of": "site", "count": 1}])
    held = known(detectors(), later)

    before = review(
        "t-1", task=task("t-1", transaction=transaction_fields("t-1", ended_at=later.holds_from - timedelta(seconds=1)))
    )
    after = review("t-2", task=task("t-2", transaction=transaction_fields("t-2", ended_at=later.holds_from)))

    assert [one.series_id for one in points_of(before, after, held=held)] == ["team=cardiff-sales", "site=cardiff"]


@given(reviews, COURSES)
def test_any_chunks_and_crashes_give_the_same_points(found: list[Review], course: Course) -> None:
    log = in_log(*found)
    plain = {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, EVERYTHING)}

    assert {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, EVERYTHING, course)} == plain


@given(reviews)
def test_a_series_has_one_point_of_a_review_at_the_most(found: list[Review]) -> None:
    sent = points_sent(run(STAGE, SOURCE, in_log(*found, *found), EVERYTHING, Course()))

    ids = [(one.series_id, one.review_id) for one in sent]
    assert len(ids) == len(set(ids))
    assert {one.review_id for one in sent} <= {one.review_id for one in found if one.revision == 0}
