"""Reviewer hours in, rates out: the Neyman-optimal share of each stratum, rounded to rates that people can agree on.

Planned for a week. Strata that are drawn by rate are planned; what quotas, caps and overlays take comes off the hours
first, and strata from which nothing is drawn stay so. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from schemas.errors import ConfigError
from schemas.frame import RandomDraw, SamplingFrame, SystematicDraw
from tafol.frames import precision, words
from tafol.frames.trial import StratumTrial, Trial

LEAST_A_WEEK = 2.0
"""Items of each stratum: from fewer than two, nothing can be said of how scores differ."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One stratum in a week. `rate` None: not drawn by rate, so left as it is. Items are transactions drawn."""

    name: str
    eligible: float
    deviation: float
    observed: int
    now: str
    items_now: float
    best: float | None
    """Items of the exact optimum, before rounding."""
    rate: float | None

    @property
    def items(self) -> float:
        return self.items_now if self.rate is None else self.rate * self.eligible


@dataclass(frozen=True, slots=True)
class RatePlan:
    """A plan for a week. Errors: of the mean over all planned strata, points."""

    strata: tuple[Planned, ...]
    reviews: float
    """Reviews that the hours allow."""
    reviews_planned: float
    copies: float
    """Reviews for each transaction drawn, on average: some are reviewed twice."""
    error_now: float | None
    error_planned: float
    unseen: tuple[str, ...]
    """Strata in which the period had no transaction; they keep their rates."""


def plan_rates(frame: SamplingFrame, trial: Trial, *, reviewer_hours: float, minutes_per_review: float) -> RatePlan:
    """Rates for `reviewer_hours` a week. Raises ConfigError when they do not reach for two items of each stratum."""
    weeks = trial.days / 7
    reviews = reviewer_hours * 60 / minutes_per_review
    copies = 1 + frame.overlap.share * (frame.overlap.copies - 1)
    seen = _declared(frame, trial)
    free = [one for one in seen if _by_rate(frame, one.name)]
    fixed = sum(one.expected for one in seen if one not in free) / weeks + trial.overlays.total() / weeks
    to_share = reviews / copies - fixed
    sizes, deviations = [one.eligible / weeks for one in free], [one.deviation for one in free]
    try:
        best = precision.neyman(sizes, deviations, to_share, LEAST_A_WEEK)
    except ValueError as error:
        raise ConfigError(
            f"{reviewer_hours:g} hours a week are {reviews:.0f} reviews, {fixed * copies:.0f} of them for quotas, caps "
            f"and overlays; of the rest, {error}",
            hint="Give more hours, fewer minutes a review, or join small strata.",
        ) from None
    rates = precision.sensible(sizes, deviations, best, LEAST_A_WEEK)
    by_name = {one.name: (items, rate) for one, items, rate in zip(free, best, rates, strict=True)}
    strata = tuple(_planned(frame, one, weeks, by_name.get(one.name)) for one in seen)
    return RatePlan(
        strata=strata,
        reviews=reviews,
        reviews_planned=(sum(one.items for one in strata) + trial.overlays.total() / weeks) * copies,
        copies=copies,
        error_now=_error(free, weeks, [one.expected / one.eligible for one in free]),
        error_planned=_error(free, weeks, rates) or 0.0,
        unseen=tuple(_unseen(frame, trial)),
    )


def snippet(plan: RatePlan) -> str:
    """The planned draws as YAML, to be put into the frame."""
    lines = ["strata:"]
    for one in plan.strata:
        if one.rate is not None:
            lines += [f"  - name: {one.name}", f"    draw: {{method: random, rate: {one.rate:g}}}"]
    return "\n".join(lines) + "\n"


def _declared(frame: SamplingFrame, trial: Trial) -> list[StratumTrial]:
    """The strata as the frame declares them: a nested one as the sum of those that it stands for."""
    found: dict[str, StratumTrial] = {}
    for one in trial.strata.values():
        name = frame.stratum(one.name).name
        whole = found.get(name)
        if whole is None:
            found[name] = replace(one, name=name)
            continue
        eligible = whole.eligible + one.eligible
        spread = (whole.eligible * whole.deviation**2 + one.eligible * one.deviation**2) / eligible
        found[name] = replace(
            whole,
            eligible=eligible,
            drawn=whole.drawn + one.drawn,
            expected=whole.expected + one.expected,
            deviation=spread**0.5,
            observed=whole.observed + one.observed,
        )
    return [found[stratum.name] for stratum in frame.strata if stratum.name in found]


def _by_rate(frame: SamplingFrame, name: str) -> bool:
    stratum = frame.stratum(name)
    return isinstance(stratum.draw, RandomDraw | SystematicDraw) and stratum.cap is None


def _planned(frame: SamplingFrame, one: StratumTrial, weeks: float, new: tuple[float, float] | None) -> Planned:
    best, rate = new or (None, None)
    return Planned(
        one.name, one.eligible / weeks, one.deviation, one.observed, words.draw(frame.stratum(one.name)),
        one.expected / weeks, best, rate,
    )  # fmt: skip


def _error(strata: list[StratumTrial], weeks: float, rates: list[float]) -> float | None:
    """Standard error of a week's mean over the strata; None where one of them is not drawn from."""
    if not strata or any(rate <= 0 for rate in rates):
        return None
    excess = [one.eligible / weeks * (1 - rate) / rate for one, rate in zip(strata, rates, strict=True)]
    deviations = [one.deviation for one in strata]
    return precision.standard_error(excess, deviations, sum(one.eligible for one in strata) / weeks)


def _unseen(frame: SamplingFrame, trial: Trial) -> list[str]:
    seen = {frame.stratum(name).name for name in trial.strata}
    return [one.name for one in frame.strata if one.name not in seen]
