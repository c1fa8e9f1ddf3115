"""Colleagues (or teams) side by side, honestly: means drawn towards the common one by as much as chance explains, and
an interval of ranks. There is no rank alone, here or anywhere.

Five reviews put a true 80 % colleague level with or above a true 90 % one half of the time; so a list by plain means is
mostly a list of luck. Empirical Bayes (Efron & Morris 1975): m_j ~ N(theta_j, V_j), theta_j ~ N(mu, tau^2);
the drawn-in mean is mu + (1 - B_j)(m_j - mu) with B_j = V_j / (V_j + tau^2).

V_j = (1 - f_j) s^2 / n_j, with s^2 pooled over all (a variance from three reviews says nothing), n_j Kish's effective
number (sum w)^2 / sum w^2, and f_j the share reviewed. tau^2 by Paule & Mandel 1982. Rank intervals by drawing all
theta_j together from what is known of them (Goldstein & Spiegelhalter 1996).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sinks.queries.domains import Domain, domain, grouped
from sinks.queries.estimates import Z_95, Group, Measure, ScoreCell, Within, score_cells
from sinks.store import Asker

DRAWS: Final = 4000
"""Of all theta together; the ends of rank intervals vary by a rank or so from run to run of fewer."""
AT_ONCE: Final = 2_000_000
"""Numbers drawn at once: 16 MB."""
LEAST_REVIEWED: Final = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one colleague stands. Points, or per cent of transactions."""

    group_id: str
    reviewed: int
    mean: float
    """As estimated from the colleague's own reviews alone."""
    drawn_in: float
    """Drawn towards the mean of all: the best guess."""
    lower: float
    upper: float
    """95 % interval of the best guess."""
    best_rank: int
    worst_rank: int
    """95 % interval of the rank; 1 is the highest."""
    of: int
    """How many there are."""
    verdict: str
    """above, below (the interval excludes the mean of all), not told apart, or too few."""


@dataclass(frozen=True, slots=True)
class League:
    """`standings` by best guess, the highest first."""

    standings: tuple[Standing, ...]
    mean: float
    between: float
    """Standard deviation of true means, in points: what is left when chance is taken out. 0: all may be alike."""
    within: float
    """Standard deviation of transactions of one colleague."""


def league(
    store: Asker,
    within: Within,
    *,
    random: np.random.Generator,
    group_by: Group = "colleague",
    measure: Measure = "total",
    measure_ids: tuple[str, ...] = (),
) -> League | None:
    """The league of a range of days; None with fewer than two that have reviews. Raises ValueError, StoreError."""
    if measure != "total" and len(measure_ids) != 1:
        raise ValueError(f"a league by {measure!r} is of one id")
    return league_of(score_cells(store, within, group_by=group_by, measure=measure, measure_ids=measure_ids), random)


def league_of(cells: tuple[ScoreCell, ...], random: np.random.Generator) -> League | None:
    """The same, from rows that were asked for. A group that is empty (nobody named) takes no part."""
    rows = {name: of for name, of in grouped(cells).items() if name}
    domains = {name: found for name, of in rows.items() if (found := domain(of)) is not None}
    if len(domains) < 2:
        return None
    names = list(domains)
    means = np.array([domains[name].mean for name in names])
    spread = _pooled(rows, domains)
    variances = np.array([spread * _per_review(rows[name], domains[name]) for name in names])
    between = paule_mandel(means, variances)
    mu, error = _common(means, variances, between)
    # Where nothing is left to chance the colleague's own mean stands; where all are alike the common one.
    keep = between / np.maximum(between + variances, 1e-12) if between else (variances <= 0).astype(float)
    drawn_in = mu + keep * (means - mu)
    deviation = np.sqrt(keep * variances + (1 - keep) ** 2 * error**2)
    best, worst = rank_intervals(drawn_in, deviation, random)
    standings = [
        Standing(
            group_id=name,
            reviewed=round(domains[name].reviewed),
            mean=float(means[n]),
            drawn_in=float(drawn_in[n]),
            lower=max(0.0, float(drawn_in[n] - Z_95 * deviation[n])),
            upper=min(100.0, float(drawn_in[n] + Z_95 * deviation[n])),
            best_rank=int(best[n]),
            worst_rank=int(worst[n]),
            of=len(names),
            verdict=_verdict(domains[name].reviewed, float(drawn_in[n]), Z_95 * float(deviation[n]), mu),
        )
        for n, name in enumerate(names)
    ]
    standings.sort(key=lambda one: (-one.drawn_in, one.group_id))
    return League(tuple(standings), mu, math.sqrt(between), math.sqrt(spread))


def paule_mandel(means: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """tau^2 for which the weighted squares about the common mean are J - 1, as expected; 0 when they are less."""
    from scipy.optimize import brentq  # noqa: PLC0415 - loads for a quarter of a second

    floor = np.maximum(variances, 1e-9)

    def too_much(between: float) -> float:
        weights = 1 / (floor + between)
        mu = float(np.sum(weights * means) / np.sum(weights))
        return float(np.sum(weights * (means - mu) ** 2)) - (len(means) - 1)

    if too_much(0.0) <= 0:
        return 0.0
    most = float(np.var(means) * len(means)) + 1.0
    return float(brentq(too_much, 0.0, most, xtol=1e-9))


def rank_intervals(
    centres: NDArray[np.float64], deviations: NDArray[np.float64], random: np.random.Generator, draws: int = DRAWS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best and worst rank of each in 95 % of `draws` of all together; rank 1 is the highest."""
    at_once = max(1, AT_ONCE // len(centres))
    ranks = np.empty((draws, len(centres)), dtype=np.int32)
    for start in range(0, draws, at_once):
        some = min(at_once, draws - start)
        drawn = random.normal(centres, deviations, size=(some, len(centres)))
        ranks[start : start + some] = np.argsort(np.argsort(-drawn, axis=1, kind="stable"), axis=1) + 1
    best = np.quantile(ranks, 0.025, axis=0, method="lower")
    worst = np.quantile(ranks, 0.975, axis=0, method="higher")
    return best.astype(np.int64), worst.astype(np.int64)


def _pooled(rows: dict[str, list[ScoreCell]], domains: dict[str, Domain]) -> float:
    """Variance of transactions of one colleague, weighted, over all of them: points squared."""
    squares = degrees = 0.0
    for name, one in domains.items():
        about = sum(row.weight * (row.m2 + row.k * (row.mean - one.mean) ** 2) for row in rows[name]) / one.weight
        squares += one.reviewed * about
        degrees += one.reviewed - 1
    return squares / degrees if degrees else 0.0


def _per_review(cells: list[ScoreCell], one: Domain) -> float:
    """(1 - f) / effective n: what a colleague's variance is in units of the pooled one."""
    kish = one.weight**2 / sum(row.weight**2 * row.k for row in cells)
    return max(0.0, 1 - one.reviewed / one.weight) / kish


def _common(means: NDArray[np.float64], variances: NDArray[np.float64], between: float) -> tuple[float, float]:
    """Mean of all, each weighed by what is known of it, and its standard error."""
    weights = 1 / np.maximum(variances + between, 1e-9)
    return float(np.sum(weights * means) / np.sum(weights)), float(1 / math.sqrt(np.sum(weights)))


def _verdict(reviewed: float, drawn_in: float, reach: float, mean: float) -> str:
    if reviewed < LEAST_REVIEWED:
        return "too few"
    if drawn_in - reach > mean:
        return "above"
    return "below" if drawn_in + reach < mean else "not told apart"
