"""The reference of one cell of a series: what its scores were before, with what is not known taken off.

The first reviews of the cell are the reference, a function of the log; then it stands until a person agrees another:
one that followed by itself would follow a slow decline. It is the lower end of a one-sided 95 % interval of the mean
(Student's t), for a mean of few reviews that came out too high by chance would raise false alarms for ever after.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import msgspec

CONFIDENCE: Final = 0.95


class Reference(msgspec.Struct, array_like=True):
    """Learns until `bound` is set. Scores in [0, 1]; `squares`: sum of squared deviations from the mean (Welford)."""

    reviews: int = 0
    mean: float = 0.0
    squares: float = 0.0
    bound: float | None = None

    def learn(self, score: float, size: int) -> None:
        """Take in one of the first `size` reviews; with the last of them the reference stands."""
        self.reviews += 1
        before = self.mean
        self.mean += (score - before) / self.reviews
        self.squares += (score - before) * (score - self.mean)
        if self.reviews >= size:
            self.bound = lower_bound(self.reviews, self.mean, self.squares)


def lower_bound(reviews: int, mean: float, squares: float) -> float:
    """Lower end of the one-sided interval of the mean, not below 0. Needs two reviews."""
    deviation = math.sqrt(max(0.0, squares) / (reviews - 1))
    return max(0.0, mean - quantile(reviews - 1) * deviation / math.sqrt(reviews))


@cache
def quantile(df: int) -> float:
    """Student's t: exceeded with probability 1 - CONFIDENCE."""
    # half a second of imports, which a worker that was killed and has no series to watch need not wait for
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(df, CONFIDENCE))
