"""Detectors: which series are watched for a drop, what counts as one, and how many false alarms are bearable.

Written by a quality manager as YAML, published as immutable entries of the register topic `detectors`. A series is one
combination of values of the dimensions that a kind names: kind [team] makes a series of every team, kind
[team, criterion] one of every team and criterion. The method and its guarantee: docs/detection.md.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field, field_validator, model_validator

from schemas.base import Record, RegisterEntry

Dimension = Literal["team", "colleague", "channel", "site", "topic", "language", "criterion", "error_class"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
"""In the order in which a series id names them."""
BETS: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
"""Small bets find small drops surely and late, large ones find large drops at once."""
LEAST_REFERENCE_REVIEWS: Final = 30

Points = Annotated[float, Field(ge=0, le=50)]
ReferenceReviews = Annotated[int, Field(ge=LEAST_REFERENCE_REVIEWS, le=100_000)]
ReviewsAPeriod = Annotated[float, Field(ge=1, le=10_000_000)]


class SeriesKind(Record):
    """One kind of series. What is not given here is taken from the register entry.

    With `criterion` the scores of each criterion are watched, with `error_class` the share of reviews without a
    critical error of that class (100 or 0 points a review), else the totals.
    """

    of: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=3)]
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    """How many series of this kind there are, about: it shares out the budget of false alarms."""
    reviews_a_period: ReviewsAPeriod | None = None
    tolerance_points: Points | None = None
    reference_reviews: ReferenceReviews | None = None

    @field_validator("of", mode="before")
    @classmethod
    def _one_dimension_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("of")
    @classmethod
    def _a_set_in_order(cls, of: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(of)) != len(of):
            raise ValueError("a dimension is named twice")
        if {"criterion", "error_class"} <= set(of):
            raise ValueError("a series is of a criterion or of an error class, not of both")
        return tuple(one for one in DIMENSIONS if one in of)


class Detectors(RegisterEntry):
    """Everything that detection rests on but the scores themselves."""

    period: Literal["week", "month", "quarter", "year"] = "quarter"
    """What `one_false_alarm_in_periods`, `reviews_a_period` and the alerts' words count in."""
    one_false_alarm_in_periods: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """At most one false alarm in so many periods, over all series together, on average."""
    reviews_a_period: ReviewsAPeriod = 300.0
    """Reviews that one series has in a period, about."""
    tolerance_points: Points = 2.0
    """A fall by less than this is nobody's alarm."""
    reference_reviews: ReferenceReviews = 200
    """The first so many reviews of a series, stratum and scorecard version are its reference."""
    close_after_reviews: Annotated[int, Field(ge=10, le=10_000)] = 30
    """An alert closes when the mean of so many reviews is back at the reference."""
    bets: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=50)] = BETS
    series: Annotated[tuple[SeriesKind, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _kinds_and_bets_differ(self) -> Detectors:
        kinds = [kind.of for kind in self.series]
        repeated = next((of for of in kinds if kinds.count(of) > 1), None)
        if repeated is not None:
            raise ValueError(f"series of {' and '.join(repeated)} are listed twice")
        if len(set(self.bets)) != len(self.bets):
            raise ValueError("two bets are the same")
        return self

    @property
    def series_count(self) -> int:
        """K: all series together."""
        return sum(kind.count for kind in self.series)

    def kind(self, dimensions: frozenset[str]) -> SeriesKind | None:
        """The kind of the series with these dimensions; None when no such series is watched."""
        return next((kind for kind in self.series if frozenset(kind.of) == dimensions), None)

    def threshold(self, kind: SeriesKind) -> float:
        """Evidence at which a series of `kind` raises an alarm: K * T * n_s.

        Without a drop a series alarms once in that many reviews at most, on average, so K series of n_s reviews a
        period have together at most K * n_s / (K * T * n_s) = 1 / T false alarms a period.
        """
        return max(1.0, self.series_count * self.one_false_alarm_in_periods * self.reviews_expected(kind))

    def reviews_expected(self, kind: SeriesKind) -> float:
        """n_s: reviews a period of one series."""
        return self.reviews_a_period if kind.reviews_a_period is None else kind.reviews_a_period

    def tolerance(self, kind: SeriesKind) -> float:
        """In points, 0 to 100."""
        return self.tolerance_points if kind.tolerance_points is None else kind.tolerance_points

    def reference_size(self, kind: SeriesKind) -> int:
        """Reviews that make a reference."""
        return self.reference_reviews if kind.reference_reviews is None else kind.reference_reviews
