"""The query library: SQL files with typed parameters, and a Python function for each that returns frozen values.

Grafana panels use the SQL as it stands; the command line and the desk use the functions.
"""

from sinks.queries.coverage import Counts, Coverage, Difference, coverage
from sinks.queries.estimates import (
    GROUPS,
    MEASURES,
    PERIODS,
    Estimate,
    Group,
    Measure,
    Period,
    ScoreCell,
    Within,
    estimates,
    score_cells,
)
from sinks.queries.rejected import RejectedRow, rejected
from sinks.queries.selections import StratumSelections, selections_by_stratum

__all__ = [
    "GROUPS",
    "MEASURES",
    "PERIODS",
    "Counts",
    "Coverage",
    "Difference",
    "Estimate",
    "Group",
    "Measure",
    "Period",
    "RejectedRow",
    "ScoreCell",
    "StratumSelections",
    "Within",
    "coverage",
    "estimates",
    "rejected",
    "score_cells",
    "selections_by_stratum",
]
