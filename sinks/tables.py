"""The tables as the code sees them: columns, id, and which row of an id stands. `migrations/*.sql` makes them.

A contract test holds this page to what the migrations really make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DecidedTransaction
from schemas.drawn import DrawCell, DrawCount

Class = Literal["transactions", "reviews", "rejected", "counts", "positions"]
"""What a retention setting speaks of."""


@dataclass(frozen=True, slots=True)
class Table:
    """One ReplacingMergeTree. Of the rows with the same `key`, the one with the highest `version` stands, or with the
    lowest where `first_stands`. `event_time`: the column whose month is the partition; None: not partitioned.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    version: str
    kept_as: Class
    event_time: str | None = "ended_at"
    first_stands: bool = False


TRANSACTION: Final = (
    "transaction_id", "channel", "colleague_id", "team_id", "site", "topic", "language", "started_at", "ended_at",
    "customer_pseudonym", "transaction_outcome",
)  # fmt: skip
SOURCE: Final = ("source_topic", "source_partition", "source_offset")
LOG: Final = ("log_partition", "log_offset")
CELL: Final = ("frame_id", "frame_version", "stratum", "inclusion_probability")
TASK: Final = (
    "copy_number", "copies", "purposes", *CELL, "scorecard_id", "scorecard_version", "queue", "priority", "drawn_at",
    "due_at", *TRANSACTION, *SOURCE,
)  # fmt: skip


def _with_frame_in_two(fields: tuple[str, ...]) -> tuple[str, ...]:
    at = fields.index("frame")
    return (*fields[:at], "frame_id", "frame_version", *fields[at + 1 :])


TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "transactions", tuple(DecidedTransaction.model_fields), ("id",), "source_offset", "transactions",
            first_stands=True,
        ),
        Table(
            "population_counts", _with_frame_in_two(tuple(PopulationCount.model_fields)),
            ("frame_id", "frame_version", "stratum", "day", "topic", "partition", "channel", "after_final"),
            "as_of_offset", "counts", event_time="day",
        ),
        Table(
            "read_counts", tuple(ReadCount.model_fields), ("topic", "partition"), "as_of_offset", "counts",
            event_time=None,
        ),
        Table(
            "draw_cells", _with_frame_in_two(tuple(DrawCell.model_fields)), ("draw_id", "unit", "starts"),
            "as_of_offset", "counts", event_time="starts",
        ),
        Table(
            "draw_counts", _with_frame_in_two(tuple(DrawCount.model_fields)),
            ("frame_id", "frame_version", "stratum", "channel", "partition"), "as_of_offset", "counts",
            event_time=None,
        ),
        Table(
            "selections",
            ("selection_id", "draw_id", "purpose", *CELL, "draw_number", "drawn_at", *TRANSACTION, *SOURCE, *LOG),
            ("selection_id",), "source_offset", "reviews", first_stands=True,
        ),
        Table("review_tasks", ("task_id", *TASK, *LOG), ("task_id",), "log_offset", "reviews"),
        Table(
            "reviews",
            (
                "review_id", "revision", "outcome", "outcome_reason", "outcome_at", "reviewer_id", "time_spent_s",
                *TASK, *LOG,
            ),
            ("review_id", "revision"), "log_offset", "reviews", first_stands=True,
        ),
        Table(
            "review_ratings",
            (
                "review_id", "revision", "criterion", "value", "reviewer_id", "scorecard_id", "scorecard_version",
                "transaction_id", "ended_at", *LOG,
            ),
            ("review_id", "revision", "criterion"), "log_offset", "reviews", first_stands=True,
        ),
        Table(
            "scores",
            (
                "score_id", "total_0_100", "critical_errors", "review_ids", "reviewer_ids", "scorecard_id",
                "scorecard_version", "scoring_rule", "purposes", *CELL, *TRANSACTION, *SOURCE, "scored_at",
                "as_of_offset", *LOG,
            ),
            ("score_id",), "as_of_offset", "reviews",
        ),
        Table(
            "score_criteria", ("score_id", "criterion", "score_0_100", "rated_by", "ended_at", "as_of_offset"),
            ("score_id", "criterion"), "as_of_offset", "reviews",
        ),
        Table(
            "series_points",
            (
                "series_id", "series", "score_0_100", "scorecard_id", "scorecard_version", "stratum", "detectors_id",
                "detectors_version", "review_id", "transaction_id", "ended_at", "reviewed_at", *LOG,
            ),
            ("series_id", "review_id"), "log_offset", "reviews", first_stands=True,
        ),
        Table(
            "agreed_references",
            ("agreement_id", "series_id", "cells", "references_0_100", "agreed_by", "reason", "agreed_at", *LOG),
            ("series_id", "agreement_id"), "log_offset", "reviews", event_time="agreed_at", first_stands=True,
        ),
        Table(
            "alerts",
            (
                "alert_id", "series_id", "series", "state", "closed_because", "since", "raised_at", "changed_at",
                "times_raised", "evidence", "threshold", "reviews", "reference_0_100", "mean_0_100",
                "one_false_alarm_in_periods", "period", "detectors_id", "detectors_version", "as_of_offset", *LOG,
            ),
            ("alert_id",), "as_of_offset", "reviews", event_time="raised_at",
        ),
        Table(
            "alert_actions",
            ("action_id", "alert_id", "series_id", "action", "acted_by", "reason", "acted_at", *LOG),
            ("alert_id", "action_id"), "log_offset", "reviews", event_time="acted_at", first_stands=True,
        ),
        Table(
            "rejected", (*SOURCE, "reason", "message", "bytes", "appended_at", "log_topic", *LOG), SOURCE,
            "log_offset", "rejected", event_time="appended_at",
        ),
        Table(
            "sink_positions", ("topic", "topic_id", "partition", "next_offset", "written_at"),
            ("topic", "topic_id", "partition"), "next_offset", "positions", event_time=None,
        ),
    )
}  # fmt: skip
POSITIONS: Final = TABLES["sink_positions"]
