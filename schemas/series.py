"""What travels on `series-points`: the scores of a series, one a review, and references that people agreed.

Both are keyed by series id, so that all that a series' detection rests on lies in one partition, in one order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, RootModel, StringConstraints, model_validator

from schemas.base import Identifier, Instant, Record, Score0To100, Versioned
from schemas.detector import DIMENSIONS, Dimension
from schemas.frame import StratumName

SeriesId = Annotated[str, StringConstraints(min_length=1, max_length=900)]
DimensionValue = Annotated[str, StringConstraints(min_length=1, max_length=260)]
SeriesValues = Annotated[dict[Dimension, DimensionValue], Field(min_length=1, max_length=3)]


def series_id(values: Mapping[Dimension, str]) -> str:
    """'team=cardiff-sales,criterion=chat/greeting': identifiers hold neither '=' nor ','."""
    return ",".join(f"{one}={values[one]}" for one in DIMENSIONS if one in values)


def cell_of(scorecard: Versioned, stratum: str) -> str:
    """Scores are compared within a cell only: another stratum is other work, another scorecard another ruler."""
    return f"{scorecard.key}/{stratum}"


class SeriesPoint(Record):
    """One review's score in one series: of copy 1, revision 0, of a transaction that a probability draw took."""

    record: Literal["point"] = "point"
    series_id: SeriesId
    series: SeriesValues
    score_0_100: Score0To100
    """Total or score of the criterion; for an error class 0 with such an error and 100 without."""
    scorecard: Versioned
    stratum: StratumName
    detectors: Versioned
    """The register entry that made this a series."""
    review_id: Annotated[str, StringConstraints(max_length=300)]
    transaction_id: Identifier
    ended_at: Instant
    reviewed_at: Instant
    """Append time of the review."""

    @property
    def cell(self) -> str:
        return cell_of(self.scorecard, self.stratum)

    @model_validator(mode="after")
    def _id_fits(self) -> SeriesPoint:
        if self.series_id != series_id(self.series):
            raise ValueError("series_id is not that of the values in `series`")
        return self


class CellReference(Record):
    """The reference of one stratum and scorecard version, in points. The tolerance is still taken off it."""

    scorecard: Versioned
    stratum: StratumName
    reference_0_100: Score0To100

    @property
    def cell(self) -> str:
        return cell_of(self.scorecard, self.stratum)


class ReferenceAgreed(Record):
    """A person agreed a new reference of a series: evidence starts anew, and an open alert closes.

    With `references` these cells have that reference from now on; with none, all cells of the series learn theirs
    anew from the reviews that follow.
    """

    record: Literal["reference"] = "reference"
    agreement_id: Identifier
    series_id: SeriesId
    references: Annotated[tuple[CellReference, ...], Field(max_length=1000)] = ()
    agreed_by: Identifier
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    agreed_at: Instant


class SeriesRecord(RootModel[Annotated[SeriesPoint | ReferenceAgreed, Field(discriminator="record")]]):
    """A record of the topic: a point, or a reference agreed."""
