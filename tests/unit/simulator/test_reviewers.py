"""Reviews: valid, the same for the same task, near the true quality, and lower where quality dropped."""

from datetime import timedelta
from itertools import islice
from random import Random
from statistics import fmean

import pytest

from schemas.errors import UnknownVersion
from schemas.review import Review
from schemas.scorecard import Scorecard
from tafol.simulator.config import ReviewerShares, ScoreDrop
from tafol.simulator.ledger import Ledger
from tafol.simulator.ratings import critical_chance, rate
from tafol.simulator.reviewers import Reviewers, people
from tafol.simulator.stream import Facts, Simulation
from tests.unit.simulator.configs import ENDS, config, scorecard, task

pytestmark = pytest.mark.unit

CARD = scorecard()
CARDS = {CARD.ref.key: CARD}
CONFIG = config()
STEADY = config(reviewers=ReviewerShares(skipped=0, expired=0, corrected=0))


def transactions(count: int, drop: ScoreDrop | None = None) -> list[Facts]:
    ledger = Ledger()
    for event in Simulation(CONFIG.model_copy(update={"drop": drop})).events():
        ledger.note(event)
    return list(islice(ledger.transactions.values(), count))


def total_0_100(review: Review, card: Scorecard = CARD) -> float:
    """Weighted mean of what was rated, in the test's own words; critical errors count as their rating alone."""
    given = {rating.criterion: rating.value for rating in review.ratings if rating.value is not None}
    rated = [one for one in card.criteria if one.id in given]
    spans = [(given[one.id] - one.scale.lowest) / (one.scale.highest - one.scale.lowest) for one in rated]
    return (
        100 * sum(one.weight * span for one, span in zip(rated, spans, strict=True)) / sum(one.weight for one in rated)
    )


def test_the_same_task_is_reviewed_alike_by_any_process() -> None:
    for facts in transactions(50):
        first = Reviewers(CONFIG, CARDS).review(task(facts), ENDS)
        assert Reviewers(CONFIG, CARDS).review(task(facts), ENDS) == first


def test_every_review_is_valid_and_rates_what_is_on_the_card() -> None:
    reviewers = Reviewers(CONFIG, CARDS)
    outcomes = set()
    not_applicable = 0
    for facts in transactions(1000):
        reviews = reviewers.review(task(facts), ENDS)
        assert [review.revision for review in reviews] == list(range(len(reviews)))
        for review in reviews:
            assert Review.model_validate_json(review.model_dump_json()) == review
            outcomes.add((review.outcome, review.revision))
            for rating, criterion in zip(review.ratings, CARD.criteria, strict=bool(review.ratings)):
                assert rating.criterion == criterion.id
                if rating.value is None:
                    assert criterion.na_allowed
                    not_applicable += 1
                else:
                    assert criterion.scale.holds(rating.value)
    assert outcomes == {("submitted", 0), ("submitted", 1), ("skipped", 0), ("expired", 0)}
    assert not_applicable


def test_outcomes_have_the_shares_asked_for() -> None:
    shares = ReviewerShares(skipped=0.3, expired=0.2, corrected=0.5)
    reviewers = Reviewers(config(reviewers=shares), CARDS)
    done = [reviewers.review(task(facts), ENDS) for facts in transactions(1500)]
    submitted = [reviews for reviews in done if reviews[0].outcome == "submitted"]
    assert sum(reviews[0].outcome == "skipped" for reviews in done) == pytest.approx(450, abs=90)
    assert sum(reviews[0].outcome == "expired" for reviews in done) == pytest.approx(300, abs=80)
    assert sum(len(reviews) == 2 for reviews in submitted) == pytest.approx(len(submitted) / 2, abs=70)


def test_a_correction_changes_at_most_one_criterion() -> None:
    reviewers = Reviewers(config(reviewers=ReviewerShares(skipped=0, expired=0, corrected=1)), CARDS)
    changed = 0
    for facts in transactions(50):
        first, second = reviewers.review(task(facts), ENDS)
        pairs = zip(first.ratings, second.ratings, strict=True)
        differences = [before for before, after in pairs if before != after]
        assert len(differences) <= 1
        changed += len(differences)
    assert changed


def test_mean_scores_are_near_the_true_quality() -> None:
    reviewers = Reviewers(STEADY, CARDS)
    facts = transactions(1800)
    scores = fmean(total_0_100(reviewers.review(task(one), ENDS)[0]) for one in facts)
    assert scores == pytest.approx(100 * fmean(one.quality for one in facts), abs=1.5)


def test_mean_scores_fall_by_about_the_drop() -> None:
    drop = ScoreDrop(team_id="cardiff-billing", from_day=(ENDS - timedelta(days=7)).date(), points=15)
    facts = [one for one in transactions(2000, drop) if one.team_id == drop.team_id]
    steady, dropped = Reviewers(STEADY, CARDS), Reviewers(STEADY.model_copy(update={"drop": drop}), CARDS)
    falls = [
        total_0_100(steady.review(task(one), ENDS)[0]) - total_0_100(dropped.review(task(one), ENDS)[0])
        for one in facts
    ]
    assert fmean(falls) == pytest.approx(15, abs=2)


def test_critical_errors_are_rare_and_rise_as_quality_falls() -> None:
    def errors(quality: float) -> int:
        lowest = {one.id: one.scale.lowest for one in CARD.criteria if one.error_class}
        chances = Random(1)
        found = 0
        for _ in range(3000):
            given = {rating.criterion: rating.value for rating in rate(CARD, quality, "en", chances)}
            found += any(given[criterion] == value for criterion, value in lowest.items())
        return found

    assert 0 < errors(0.9) < 60 < errors(0.3)
    assert critical_chance(0.3) > critical_chance(0.9) > 0


def test_copies_go_to_different_people_who_know_the_language() -> None:
    reviewers = Reviewers(CONFIG, CARDS)
    for language in ("en", "cy"):
        given = task()
        given = given.model_copy(update={"transaction": given.transaction.model_copy(update={"language": language})})
        takers = {reviewers.reviewer_of(given.model_copy(update={"copy_number": copy})) for copy in range(1, 11)}
        assert len(takers) == 10
        assert language == "en" or all(one.speaks_welsh for one in takers)


def test_reviewers_differ_but_cancel_out() -> None:
    severities = [one.severity for one in people(7)]
    assert sum(severities) == pytest.approx(0)
    assert max(severities) - min(severities) > 0.03
    assert len({one.noise for one in people(7)}) == len(people(7))


def test_a_scorecard_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownVersion, match="service:1"):
        Reviewers(CONFIG, {}).review(task(), ENDS)
