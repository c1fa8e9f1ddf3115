"""Detection once more over a series' stored records, review by review: how its evidence grew.

The arithmetic and the order are those of the detect stage (streams.trends), by the register entries that were in force,
so the trace ends where the stage stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from desk.services.analytics import Weighed
from schemas.base import Versioned
from schemas.detector import DIMENSIONS, Detectors, Dimension
from schemas.series import CellReference, ReferenceAgreed, SeriesPoint
from sinks.queries.series_records import SeriesRow
from streams.registers import Timeline
from streams.trends.series import SeriesState, agree, go_by, in_force, kind_of, log_evidence, named, weigh

TO_LOG10: Final = math.log10(math.e)
CELL: Final = re.compile(r"(.+?):(\d+)/(.+)")


def trace(series_id: str, rows: Sequence[SeriesRow], detectors: Timeline[Detectors]) -> Iterator[Weighed]:
    """One value a review, in the order of `rows`. Raises UnknownVersion for an entry that is not on the register."""
    values: dict[Dimension, str] = dict(_pair(one) for one in series_id.split(","))
    state = SeriesState(values)
    for row in rows:
        if row.agreed:
            agree(state, _agreed(series_id, row))
            continue
        point = _point(series_id, values, row)
        entry = detectors.get(point.detectors)
        holds_from_ms = 0 if entry is detectors.entries[0] else round(entry.holds_from.timestamp() * 1000)
        if in_force(state, holds_from_ms):
            go_by(state, entry, holds_from_ms)
        else:
            entry = detectors.get(named(state))
        kind = kind_of(entry, state)
        assert kind is not None, f"{entry.ref} made this a series"
        change = weigh(state, point, entry, kind, series_id)
        raised = change is not None and change.closed_because is None
        # An alarm starts the evidence anew: what it had come to is in the alert.
        log = math.log(change.alert.evidence) if change is not None and raised else log_evidence(state)
        evidence = None if log == -math.inf else log * TO_LOG10
        yield Weighed(row.reviewed_at, row.ended_at, row.score_0_100, evidence)


def _pair(one: str) -> tuple[Dimension, str]:
    name, _, value = one.partition("=")
    return next(known for known in DIMENSIONS if known == name), value


def _point(series_id: str, values: dict[Dimension, str], row: SeriesRow) -> SeriesPoint:
    return SeriesPoint(
        series_id=series_id,
        series=values,
        score_0_100=row.score_0_100,
        scorecard=Versioned(id=row.scorecard_id, version=row.scorecard_version),
        stratum=row.stratum,
        detectors=Versioned(id=row.detectors_id, version=row.detectors_version),
        review_id=row.review_id,
        transaction_id=row.transaction_id,
        ended_at=row.ended_at,
        reviewed_at=row.reviewed_at,
    )


def _agreed(series_id: str, row: SeriesRow) -> ReferenceAgreed:
    return ReferenceAgreed(
        agreement_id=row.agreement_id,
        series_id=series_id,
        references=tuple(
            _reference(cell, points) for cell, points in zip(row.cells, row.references_0_100, strict=True)
        ),
        agreed_by=row.agreed_by,
        reason=row.reason,
        agreed_at=row.reviewed_at,
    )


def _reference(cell: str, reference_0_100: float) -> CellReference:
    """`cell`: 'scorecard:version/stratum', as schemas.series.cell_of writes it."""
    found = CELL.fullmatch(cell)
    assert found is not None, cell
    name, version, stratum = found.groups()
    return CellReference(
        scorecard=Versioned(id=name, version=int(version)), stratum=stratum, reference_0_100=reference_0_100
    )
