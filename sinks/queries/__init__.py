"""The query library: SQL files with typed parameters, and a Python function for each that returns frozen values.

Grafana panels use the SQL as it stands; the command line and the desk use the functions.
"""

from sinks.queries.coverage import Counts, Coverage, Difference, coverage
from sinks.queries.rejected import RejectedRow, rejected
from sinks.queries.scores import GROUPS, PERIODS, Group, MeanScore, Period, mean_scores
from sinks.queries.selections import StratumSelections, selections_by_stratum

__all__ = [
    "GROUPS",
    "PERIODS",
    "Counts",
    "Coverage",
    "Difference",
    "Group",
    "MeanScore",
    "Period",
    "RejectedRow",
    "StratumSelections",
    "coverage",
    "mean_scores",
    "rejected",
    "selections_by_stratum",
]
