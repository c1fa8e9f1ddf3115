"""The e-detector: evidence that the mean of bounded scores lies below a floor (Shin, Ramdas & Rinaldo 2023).

Pure arithmetic. Scores x and floors m are scaled to [0, 1]; the floor of each score is known before the score is. For
a bet lambda in (0, 1) and a = lambda / (1 - m):

    factor        L(a) = 1 + a (m - x)              between 1 - lambda and 1 + lambda m / (1 - m), so never negative
    evidence      M_t(a) = L_t(a) (1 + M_{t-1}(a))  Shiryaev-Roberts: the sum over all starts of a drop
    run           R_t(a) = L_t(a) max(1, R_{t-1}(a))  the strongest single start, which says since when

While the mean of every score is at its floor or above, L has expectation 1 or less whatever the shape, so M_t - t is a
supermartingale, and so is the mean over several bets: it first reaches A after A scores or more, on average.

Everything is kept as logarithms: neither a long run of bad scores nor a long run of good ones leaves the range of a
float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

HIGHEST_FLOOR: Final = 0.999
"""A floor of 1 would stake everything on one score: at this one a single review weighs at most a thousandfold."""


class Bet(msgspec.Struct, array_like=True):
    """What one bet has come to. Logarithms to base e. The rest describes the run, from its start to now."""

    evidence: float = -math.inf
    run: float = -math.inf
    since_ms: int = 0
    """Event time of the first score of the run."""
    reviews: int = 0
    scores: float = 0.0
    """Sum of the scores of the run."""
    floors: float = 0.0
    """Sum of their floors."""


class Evidence(msgspec.Struct, array_like=True):
    """The evidence of one series: a bet by bet, in the order of the lambdas it was begun with."""

    bets: list[Bet]
    reviews: int = 0
    """Scores weighed since the evidence began."""

    @classmethod
    def fresh(cls, lambdas: Sequence[float]) -> Evidence:
        return cls([Bet() for _ in lambdas])

    def weigh(self, lambdas: Sequence[float], floor: float, score: float, at_ms: int) -> None:
        """Take in one score. `lambdas`: as many as at the start, in the same order; `at_ms`: event time."""
        floor = usable(floor)
        shortfall = (floor - score) / (1.0 - floor)
        self.reviews += 1
        for bet, stake in zip(self.bets, lambdas, strict=True):
            factor = math.log1p(stake * shortfall)
            bet.evidence = factor + _log_one_plus_exp(bet.evidence)
            if bet.run > 0.0:
                bet.run += factor
            else:
                bet.run, bet.since_ms, bet.reviews, bet.scores, bet.floors = factor, at_ms, 0, 0.0, 0.0
            bet.reviews += 1
            bet.scores += score
            bet.floors += floor

    @property
    def log_total(self) -> float:
        """Logarithm of the mean over the bets."""
        highest = max(bet.evidence for bet in self.bets)
        if highest == -math.inf:
            return highest
        total = sum(math.exp(bet.evidence - highest) for bet in self.bets)
        return highest + math.log(total / len(self.bets))

    @property
    def strongest(self) -> Bet:
        """The bet whose run speaks most strongly: the arg max over starts and bets."""
        return max(self.bets, key=lambda bet: bet.run)


def usable(floor: float) -> float:
    """`floor` within [0, HIGHEST_FLOOR]."""
    return min(max(floor, 0.0), HIGHEST_FLOOR)


def _log_one_plus_exp(x: float) -> float:
    """log(1 + e^x), for any x."""
    return x + math.log1p(math.exp(-x)) if x > 0.0 else math.log1p(math.exp(x))
