"""The combine stage: which reviews make a score, when it goes out, and what becomes of a bad one."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue
from schemas.base import Versioned
from schemas.errors import SnapshotUnusable, UnknownVersion
from schemas.headers import StageOrigin, origin_of
from schemas.rejected import read_rejected
from schemas.review import Review
from schemas.score import QualityScore
from streams.registers import Registers
from streams.scoring.stage import KEEP_OPEN_MS, CombineStage
from streams.stage import Chunk, Output, Partition, PlainRecord, instant
from tests.reference import scoring as reference
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.routing.records import APPENDED_MS, HOUR_MS, registers
from tests.unit.scoring.records import ALL_GOOD, SCORECARD, in_log, review, task

pytestmark = pytest.mark.unit

SOURCE = Partition(catalogue.REVIEWS, 2)
STAGE = CombineStage()
KNOWN = registers(scorecards=(SCORECARD,))


def scores_sent(outputs: list[Output]) -> list[QualityScore]:
    return [QualityScore.model_validate_json(one.value or b"") for one in outputs if one.topic == catalogue.SCORES]


def scores_of(*reviews: Review) -> list[QualityScore]:
    return scores_sent(run(STAGE, SOURCE, in_log(*reviews), KNOWN))


def test_a_review_becomes_a_score() -> None:
    [record] = in_log(review(ratings={"answer": 1}), first_offset=30)

    [output] = run(STAGE, SOURCE, [record], KNOWN)

    [score] = scores_sent([output])
    assert (output.topic, output.key) == (catalogue.SCORES, b"t-1")
    assert dict(output.headers)["ce_type"] == b"tafol.score.v1"
    assert origin_of(output.headers) == StageOrigin("combine", "reviews", 2, 30, 0)
    assert score.score_id == "t-1|chat"
    assert score.total_0_100 == pytest.approx(76)
    assert (score.scored_at, score.as_of_offset) == (instant(APPENDED_MS), 30)
    assert (score.scorecard, score.scoring_rule) == (Versioned(id="chat", version=1), 1)
    assert (score.purposes, score.stratum, score.inclusion_probability) == (("random",), "all", 0.1)
    assert (score.transaction, score.origin) == (task().transaction, task().origin)
    assert [(one.review_id, one.reviewer_id) for one in score.reviews] == [("t-1|chat|1", "r-1")]


def test_copies_are_averaged() -> None:
    first = review(ratings={"tone": 40})
    second = review(copy_number=2, ratings={"tone": None, "accuracy": 1})

    score = scores_of(first, second)[-1]

    criteria = {one.criterion: (one.score_0_100, one.rated_by) for one in score.criteria}
    assert score.total_0_100 == pytest.approx((88 + 40) / 2)
    assert (criteria["tone"], criteria["accuracy"]) == ((40, 1), (50, 2))
    assert score.critical_errors == ("customer",)
    assert [one.total_0_100 for one in score.reviews] == pytest.approx([88, 40])


def test_the_highest_revision_wins_not_the_last_to_arrive() -> None:
    corrected = review(revision=2, ratings={"tone": 0})

    scores = scores_of(corrected, review(revision=0), review(revision=1, ratings={"answer": 1}))

    [only] = scores
    assert only.reviews[0].revision == 2


def test_a_withdrawn_review_is_taken_out() -> None:
    both = scores_of(review(), review(copy_number=2), review(copy_number=1, revision=1, outcome="withdrawn"))[-1]

    assert [one.review_id for one in both.reviews] == ["t-1|chat|2"]


def test_when_the_last_review_is_withdrawn_the_score_has_no_total() -> None:
    last = scores_of(review(), review(revision=1, outcome="withdrawn"))[-1]

    found = last.model_dump(include={"total_0_100", "reviews", "critical_errors", "purposes", "stratum"})
    assert found == {
        "total_0_100": None,
        "reviews": (),
        "critical_errors": (),
        "purposes": ("random",),
        "stratum": "all",
    }
    assert {(one.score_0_100, one.rated_by) for one in last.criteria} == {(None, 0)}


@pytest.mark.parametrize("outcome", ["skipped", "expired", "shed", "withdrawn"])
def test_non_response_makes_no_score(outcome: str) -> None:
    assert run(STAGE, SOURCE, in_log(review(outcome=outcome)), KNOWN) == []


def test_a_review_that_comes_again_makes_nothing() -> None:
    assert len(scores_of(review(), review(), review())) == 1


def test_a_review_of_nothing_applicable_has_no_total_and_counts_for_no_mean() -> None:
    nothing = dict.fromkeys(ALL_GOOD) | {"identity": 1}
    score = scores_of(review(ratings={"tone": 40}), review(copy_number=2, ratings=nothing))[-1]

    assert score.total_0_100 == pytest.approx((88 + 100) / 2)


def test_purposes_and_probability_come_from_the_task_that_a_draw_took() -> None:
    spot = task(copy_number=1, purposes=["spot"], inclusion_probability=None, stratum="asked")
    joined = task(copy_number=2, purposes=["random", "spot"], inclusion_probability=0.25)

    score = scores_of(review(task=spot), review(copy_number=2, task=joined))[-1]

    assert (score.purposes, score.stratum, score.inclusion_probability) == (("random", "spot"), "all", 0.25)


@pytest.mark.parametrize(("pause_ms", "reviews"), [(KEEP_OPEN_MS, 2), (KEEP_OPEN_MS + 1, 1)])
def test_a_transaction_stays_open_for_a_stated_span_of_log_time(pause_ms: int, reviews: int) -> None:
    log = in_log(review()) + in_log(review(copy_number=2), appended_ms=APPENDED_MS + pause_ms, first_offset=2)

    assert len(scores_sent(run(STAGE, SOURCE, log, KNOWN))[-1].reviews) == reviews


def test_state_is_freed_as_log_time_passes() -> None:
    state = STAGE.initial(SOURCE)
    old = in_log(*(review(f"old-{n}") for n in range(50)))
    new = in_log(review("new"), appended_ms=APPENDED_MS + KEEP_OPEN_MS + 48 * HOUR_MS, first_offset=200)

    STAGE.step(state, Chunk(SOURCE, [*old, *new]), KNOWN)

    assert list(state.items) == ["new|chat"]


def test_an_open_transaction_takes_little_room() -> None:
    state = STAGE.initial(SOURCE)

    STAGE.step(state, Chunk(SOURCE, in_log(*(review(f"t-{n:06}") for n in range(1000)))), KNOWN)

    assert len(STAGE.dump(state)) < 100 * 1000


BAD = [
    pytest.param({"value": b"{"}, "undecodable", "Invalid JSON", id="no JSON"),
    pytest.param({"value": b"\xff\xfe"}, "undecodable", "Invalid JSON", id="no text"),
    pytest.param({"value": None}, "undecodable", "no value", id="no value"),
    pytest.param({"value": b'{"outcome": "done"}'}, "invalid", "task: Field required", id="no review"),
    pytest.param({"key": b"t-2"}, "wrong_key", "transaction id", id="another key"),
    pytest.param({"key": None}, "wrong_key", "transaction id", id="no key"),
]


@pytest.mark.parametrize(("spoilt", "reason", "said"), BAD)
def test_a_bad_review_is_kept_as_it_came_and_its_neighbours_go_on(
    spoilt: dict[str, Any], reason: str, said: str
) -> None:
    before, bad, after = in_log(review(), review(copy_number=2), review(copy_number=3))
    bad = bad._replace(**spoilt)

    outputs = run(STAGE, SOURCE, [before, bad, after], KNOWN, Course(chunk_lengths=(3,)))

    _, kept, _ = outputs
    rejected = read_rejected(kept.headers, len(kept.value or b""))
    assert (kept.topic, kept.key, kept.value, kept.partition) == (catalogue.REVIEWS_REJECTED, bad.key, bad.value, 2)
    assert (str(rejected.origin), rejected.reason) == ("reviews[2]@2", reason)
    assert said in rejected.message
    assert rejected.appended_at == instant(bad.timestamp)
    assert len(scores_sent(outputs)[-1].reviews) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(review(ratings={"charm": 1}), "no criterion 'charm'", id="criterion"),
        pytest.param(review(ratings={"answer": 9}), "rated 9", id="scale"),
        pytest.param(review(task=task(copy_number=2, task_id="t-1|chat|1")), "task_id", id="task id"),
    ],
)
def test_a_review_off_its_scorecard_is_rejected_in_words(wrong: Review, said: str) -> None:
    [output] = run(STAGE, SOURCE, in_log(wrong), KNOWN)

    rejected = read_rejected(output.headers, len(output.value or b""))
    assert rejected.reason == "invalid_review"
    assert said in rejected.message


def test_reviews_of_one_transaction_cannot_mix_versions_of_a_scorecard() -> None:
    second = SCORECARD.model_copy(update={"version": 2})
    mixed = review(copy_number=2, task=task(copy_number=2, scorecard=Versioned(id="chat", version=2)))

    outputs = run(STAGE, SOURCE, in_log(review(), mixed), registers(scorecards=(SCORECARD, second)))

    assert [output.topic for output in outputs] == [catalogue.SCORES, catalogue.REVIEWS_REJECTED]


def test_an_unknown_scorecard_version_stops_the_stage_and_says_where() -> None:
    ahead = review(task=task(scorecard=Versioned(id="chat", version=9)))

    with pytest.raises(UnknownVersion, match=r"reviews\[2\]@0.*chat:9"):
        run(STAGE, SOURCE, in_log(ahead), KNOWN)


def test_waits_for_a_scorecard() -> None:
    assert "scorecard" in (STAGE.ready(Registers()) or "")
    assert STAGE.ready(KNOWN) is None


def test_a_snapshot_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SnapshotUnusable, match=r"reviews\[2\]"):
        STAGE.load(SOURCE, b"\xc1 no msgpack")


def any_review(place: tuple[int, int, int], outcome: str, values: dict[str, Any], by_chance: bool) -> Review:
    """`place`: transaction, copy and revision."""
    n, copy, revision = place
    taken = {
        "purposes": ["random", "spot"] if by_chance else ["spot"],
        "inclusion_probability": 0.1 if by_chance else None,
    }
    return review(f"t-{n}", copy, revision, outcome, ratings=values, task=task(f"t-{n}", copy, **taken))


ratings = st.fixed_dictionaries(
    {
        "greeting": st.sampled_from([0, 1, None]),
        "answer": st.sampled_from([1, 2, 3, 4, None]),
        "tone": st.one_of(st.none(), st.floats(0, 100)),
        "accuracy": st.sampled_from([1, 2, 3, 4, None]),
        "records": st.sampled_from([0, 1, None]),
        "identity": st.sampled_from([0, 1]),
    }
)
outcomes = st.sampled_from(["submitted", "submitted", "submitted", "skipped", "withdrawn", "expired"])
places = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(0, 3))
reviews = st.lists(
    st.builds(any_review, places, outcomes, ratings, st.booleans()),
    max_size=15,
    unique_by=lambda one: (one.review_id, one.revision),
)
SCORECARDS = {"chat:1": SCORECARD}


def final(outputs: list[Output]) -> dict[str, Any]:
    """The score with the highest offset by id, as the tables keep it; none where nothing is submitted any more."""
    kept: dict[str, QualityScore] = {}
    for score in scores_sent(outputs):
        if score.score_id not in kept or score.as_of_offset >= kept[score.score_id].as_of_offset:
            kept[score.score_id] = score
    return {score_id: rounded(score) for score_id, score in kept.items() if score.reviews}


def rounded(score: QualityScore) -> Any:
    return comparable(
        {
            "total_0_100": score.total_0_100,
            "criteria": [(one.criterion, one.score_0_100, one.rated_by) for one in score.criteria],
            "critical_errors": set(score.critical_errors),
            "reviews": [(one.review_id, one.revision, one.reviewer_id, one.total_0_100) for one in score.reviews],
            "purposes": set(score.purposes),
            "frame": score.frame,
            "stratum": score.stratum,
            "inclusion_probability": score.inclusion_probability,
        }
    )


def comparable(value: Any) -> Any:
    """`value` with its floats to nine places, for the reference adds up in another order."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {name: comparable(one) for name, one in value.items()}
    return [comparable(one) for one in value] if isinstance(value, list | tuple) else value


@given(reviews, st.integers(0, 2**32), COURSES)
def test_any_order_chunks_crashes_and_repeats_give_the_scores_of_the_reference(
    found: list[Review], shuffle: int, course: Course
) -> None:
    dice = random.Random(shuffle)
    arriving = found + dice.choices(found, k=len(found) // 2) if found else []
    dice.shuffle(arriving)

    outputs = run(STAGE, SOURCE, in_log(*arriving), KNOWN, course)

    wanted = reference.scores(found, SCORECARDS)
    assert final(outputs) == {score_id: comparable(score) for score_id, score in wanted.items()}


@given(reviews, COURSES)
def test_what_is_sent_twice_after_a_crash_is_the_same_record(found: list[Review], course: Course) -> None:
    log = in_log(*found)
    plain = {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, KNOWN)}

    assert {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, KNOWN, course)} == plain


@given(reviews)
def test_a_score_goes_out_exactly_when_the_reviews_behind_it_change(found: list[Review]) -> None:
    log = in_log(*found)
    sent = {score.as_of_offset for score in scores_sent(run(STAGE, SOURCE, log, KNOWN))}

    def after(count: int) -> Any:
        return reference.scores(found[:count], SCORECARDS)

    changed = {record.offset for nth, record in enumerate(log) if after(nth) != after(nth + 1)}
    assert sent == changed


@given(st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=8), COURSES)
def test_no_bytes_stop_the_stage(values: list[bytes | None], course: Course) -> None:
    log = [PlainRecord(nth, APPENDED_MS, None, value) for nth, value in enumerate(values)]

    outputs = run(STAGE, SOURCE, log, KNOWN, course)

    assert {origin_of(one.headers): one.value for one in outputs} == {
        StageOrigin("combine", "reviews", 2, nth, 0): value for nth, value in enumerate(values)
    }
