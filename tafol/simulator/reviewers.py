"""People who review: some severe, some mild, some steady, some noisy; some tasks are skipped, some nobody reaches.

A function of the task: the same task is reviewed the same way by any process, however often it comes, so that a task
read twice does no harm. Severities cancel out over all reviewers; means of scores stay near the true quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Final, NamedTuple

from schemas.base import BilingualText
from schemas.errors import UnknownVersion
from schemas.review import Rating, Review
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask
from tafol.simulator import chance
from tafol.simulator.config import SimulationConfig
from tafol.simulator.quality import LatentQuality
from tafol.simulator.ratings import on_scale, rate

REVIEWERS: Final = 18
WELSH_SPEAKERS: Final = 10
"""At least the ten copies that a task may have, so that no one reviews a transaction twice."""
SEVERITY_SPREAD: Final = 0.035
LEAST_NOISE, MOST_NOISE = 0.02, 0.08
LOG_TIME_SPENT_S = (6.0, 0.4)
"""Mean and standard deviation of the logarithm of the seconds that a review takes: about seven minutes."""
SKIP_REASONS: Final = (
    "The recording cannot be played.",
    "I know the customer.",
    "The wrong scorecard for what this was about.",
)
NOT_REACHED: Final = "Not reached before it was due."
_STRENGTH: Final = {"en": "Good: {label}", "cy": "Da: {label}"}
_TO_DEVELOP: Final = {"en": "To develop: {label}", "cy": "I'w ddatblygu: {label}"}


class Reviewer(NamedTuple):
    """`severity`: what is taken off the quality, 0 to 1 scale, negative for the mild; `noise`: standard deviation."""

    reviewer_id: str
    speaks_welsh: bool
    severity: float
    noise: float


class Reviewers:
    """All reviewers of one configuration. `scorecards` by 'id:version'; it may grow while they work."""

    def __init__(self, config: SimulationConfig, scorecards: Mapping[str, Scorecard]) -> None:
        self._config = config
        self._quality = LatentQuality(config)
        self.scorecards = dict(scorecards)
        everyone = people(config.seed)
        self._for_language = {"cy": [one for one in everyone if one.speaks_welsh]}
        self._everyone = everyone

    def review(self, task: ReviewTask, now: datetime) -> list[Review]:
        """What becomes of a task, in the order of revisions; a corrected review is there twice.

        Raises UnknownVersion when the task's scorecard is not among `scorecards`.
        """
        card = self.scorecards.get(task.scorecard.key)
        if card is None:
            raise UnknownVersion(
                f"task {task.task_id} is for scorecard {task.scorecard}, which the reviewers do not have",
                hint="Publish it: tafol scorecard publish FILE",
            )
        shares = self._config.reviewers
        chances = chance.stream(self._config.seed, "review", task.task_id)
        fallen = chances.random()
        if fallen < shares.expired:
            return [Review(task=task, outcome="expired", reason=NOT_REACHED, at=now)]
        reviewer = self.reviewer_of(task)
        if fallen < shares.expired + shares.skipped:
            reason = chances.choice(SKIP_REASONS)
            return [Review(task=task, outcome="skipped", reason=reason, reviewer_id=reviewer.reviewer_id, at=now)]
        seen = self._quality.of(task.transaction) - reviewer.severity + chances.gauss(0, reviewer.noise)
        ratings = rate(card, min(max(seen, 0.0), 1.0), task.transaction.language, chances)
        time_spent_s = round(chances.lognormvariate(*LOG_TIME_SPENT_S), 1)
        first = self._submitted(task, card, ratings, reviewer=reviewer, now=now, time_spent_s=time_spent_s)
        if chances.random() < shares.corrected:
            return [first, self._corrected(first, card, chances)]
        return [first]

    def reviewer_of(self, task: ReviewTask) -> Reviewer:
        """Who takes the task: someone who knows the language, and another one for each copy."""
        able = self._for_language.get(task.transaction.language, self._everyone)
        first = int(chance.unit(self._config.seed, "reviewer", task.transaction.id) * len(able))
        return able[(first + task.copy_number - 1) % len(able)]

    @staticmethod
    def _submitted(
        task: ReviewTask,
        card: Scorecard,
        ratings: tuple[Rating, ...],
        *,
        reviewer: Reviewer,
        now: datetime,
        time_spent_s: float,
    ) -> Review:
        language = task.transaction.language
        labels = {one.id: one.label for one in card.criteria}
        shares = _shares_of_scale(card, ratings)
        best, worst = max(shares, key=lambda one: shares[one]), min(shares, key=lambda one: shares[one])
        return Review(
            task=task,
            outcome="submitted",
            reviewer_id=reviewer.reviewer_id,
            at=now,
            time_spent_s=time_spent_s,
            ratings=ratings,
            strengths=(_remark(_STRENGTH, language, labels[best]),) if shares[best] >= 0.75 else (),
            development_points=(_remark(_TO_DEVELOP, language, labels[worst]),) if shares[worst] < 0.75 else (),
        )

    @staticmethod
    def _corrected(first: Review, card: Scorecard, chances: Random) -> Review:
        """The reviewer has looked again at one criterion."""
        looked_at = chances.choice([rating for rating in first.ratings if rating.value is not None])
        (criterion,) = (one for one in card.criteria if one.id == looked_at.criterion)
        again = Rating(criterion=criterion.id, value=on_scale(criterion.scale, chances.uniform(0.7, 1.0), chances))
        ratings = tuple(again if rating is looked_at else rating for rating in first.ratings)
        return first.model_copy(update={"revision": 1, "ratings": ratings})


def people(seed: int) -> tuple[Reviewer, ...]:
    """All reviewers; the first WELSH_SPEAKERS speak Welsh too. Severities add up to nothing."""
    raw = [SEVERITY_SPREAD * chance.normal(seed, "severity", number) for number in range(REVIEWERS)]
    mean = sum(raw) / len(raw)
    return tuple(
        Reviewer(
            reviewer_id=f"r-{int(chance.unit(seed, 'reviewer id', number) * 16**8):08x}",
            speaks_welsh=number < WELSH_SPEAKERS,
            severity=severity - mean,
            noise=LEAST_NOISE + chance.unit(seed, "noise", number) * (MOST_NOISE - LEAST_NOISE),
        )
        for number, severity in enumerate(raw)
    )


def _shares_of_scale(card: Scorecard, ratings: tuple[Rating, ...]) -> dict[str, float]:
    """What was rated, 0 to 1, by criterion."""
    scales = {one.id: one.scale for one in card.criteria}
    return {
        rating.criterion: scales[rating.criterion].score_0_100(rating.value) / 100
        for rating in ratings
        if rating.value is not None
    }


def _remark(forms: Mapping[str, str], language: str, label: BilingualText) -> str:
    text = label.cy if language == "cy" else label.en
    return forms.get(language, forms["en"]).format(label=text)[:4000]
