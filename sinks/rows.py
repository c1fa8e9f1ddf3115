"""Records of each topic -> rows of the tables. Pure; one entry of ROWS_OF for each topic the sink reads.

`transactions.decided` is not decoded: a record names the columns and holds an array of JSON for each row, and they are
inserted as they are (the table's constraints catch what JSON input would turn into a default). All others are read with
their own model, which holds every value to bounds that the columns have room for, so a refusal by ClickHouse is the
exception.

A record that cannot be read stops the sink where the topic is written by Tafol itself (SinkFatal names its place).
Reviews come from tools that are not ours: a bad one makes no row here, for `combine` puts it on `reviews.rejected`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from pydantic import ValidationError

from schemas import catalogue as c
from schemas.alert import Alert, AlertAction
from schemas.base import Origin
from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DECIDED_FIELDS
from schemas.drawn import DrawCell, DrawCount
from schemas.errors import InvalidRecord, SinkFatal
from schemas.rejected import read_rejected
from schemas.review import Review
from schemas.score import QualityScore
from schemas.selection import ReviewTask, Selection, TransactionFields
from schemas.series import ReferenceAgreed, SeriesRecord
from schemas.transaction import explain
from sinks.batching import Piece, Rows
from sinks.store import LogPartition

_HINT: Final = "The topic was written by something other than Tafol, or by another version of it."
_json_line = msgspec.json.Encoder().encode_lines
_DECIDED_NAMES: Final = _json_line([DECIDED_FIELDS])


class LogRecord(Protocol):
    """One record as it stands in the log."""

    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class SinkChunk(NamedTuple):
    """Consecutive records of one partition, in order; never empty. Offsets may have gaps, they never go back."""

    at: LogPartition
    records: Sequence[LogRecord]


class Made(NamedTuple):
    """One or more rows that one record makes for one table."""

    table: str
    lines: bytes
    rows: int


class Found(NamedTuple):
    """One record and where it stands; `value` is empty for a record without one."""

    at: LogPartition
    record: LogRecord
    value: bytes


RowsOf = Callable[[Found], Iterator[Made]]


def rows_of(chunk: SinkChunk) -> Rows:
    """What a chunk of any topic of ROWS_OF becomes. Raises SinkFatal, with topic, partition and offset."""
    at = chunk.at
    make = ROWS_OF.get(at.topic)
    if make is None:
        raise SinkFatal(f"the sink has no table for topic {at.topic}")
    pieces: dict[str, list[Piece]] = {}
    for record in chunk.records:
        if record.value is None and at.topic not in _ANYTHING_GOES:
            raise SinkFatal(f"{at}@{record.offset} has no value", hint=_HINT)
        try:
            for table, lines, rows in make(Found(at, record, record.value or b"")):
                pieces.setdefault(table, []).append(Piece(at, record.offset, lines, rows))
        except ValidationError as error:
            if at.topic != c.REVIEWS:
                raise SinkFatal(f"{at}@{record.offset} cannot be read: {explain(error)}", hint=_HINT) from None
        except InvalidRecord as error:
            raise SinkFatal(f"{at}@{record.offset} cannot be read: {error.message}", hint=_HINT) from None
    return Rows(at, chunk.records[0].offset, chunk.records[-1].offset + 1, pieces)


def _decided(found: Found) -> Iterator[Made]:
    value = found.value
    if value.startswith(_DECIDED_NAMES):
        lines = value[len(_DECIDED_NAMES) :]
    elif value.startswith(b"{"):
        lines = _in_columns(value)
    else:
        raise InvalidRecord("invalid", "its first line does not name the columns of the table transactions")
    if not lines.startswith(b"[") or not lines.endswith(b"]\n") or b"\n\n" in lines or b"\r" in lines:
        raise InvalidRecord("invalid", "lines of JSON are wanted, each an array that ends with its line")
    yield Made("transactions", lines, lines.count(b"\n"))


def _in_columns(objects: bytes) -> bytes:
    """The lines of a record as Tafol wrote them until version 0.1: an object each."""
    try:
        rows = [msgspec.json.decode(line, type=dict[str, Any]) for line in objects.splitlines()]
        return _json_line([[row[name] for name in DECIDED_FIELDS] for row in rows])
    except (msgspec.DecodeError, KeyError):
        raise InvalidRecord("invalid", "a line is not an object with the fields of a decided transaction") from None


def _population_count(found: Found) -> Iterator[Made]:
    yield _row("population_counts", _with_frame_in_two(PopulationCount.model_validate_json(found.value)))


def _read_count(found: Found) -> Iterator[Made]:
    yield _row("read_counts", ReadCount.model_validate_json(found.value).model_dump())


def _draw_cell(found: Found) -> Iterator[Made]:
    yield _row("draw_cells", _with_frame_in_two(DrawCell.model_validate_json(found.value)))


def _draw_count(found: Found) -> Iterator[Made]:
    yield _row("draw_counts", _with_frame_in_two(DrawCount.model_validate_json(found.value)))


def _selection(found: Found) -> Iterator[Made]:
    selection = Selection.model_validate_json(found.value)
    yield _row(
        "selections",
        {
            "selection_id": selection.selection_id,
            "draw_id": selection.draw_id,
            "purpose": selection.purpose,
            **_cell(selection),
            "draw_number": selection.draw_number,
            "drawn_at": selection.drawn_at,
            **_transaction(selection.transaction),
            **_source(selection.origin),
            **_log(found),
        },
    )


def _task(found: Found) -> Iterator[Made]:
    task = ReviewTask.model_validate_json(found.value)
    yield _row("review_tasks", {"task_id": task.task_id, **_task_fields(task), **_log(found)})


def _review(found: Found) -> Iterator[Made]:
    review = Review.model_validate_json(found.value)
    log = _log(found)
    yield _row(
        "reviews",
        {
            "review_id": review.review_id,
            "revision": review.revision,
            "outcome": review.outcome,
            "outcome_reason": review.reason,
            "outcome_at": review.at,
            "reviewer_id": review.reviewer_id or "",
            "time_spent_s": review.time_spent_s,
            **_task_fields(review.task),
            **log,
        },
    )
    if review.ratings:
        shared = {
            "review_id": review.review_id,
            "revision": review.revision,
            "reviewer_id": review.reviewer_id or "",
            "scorecard_id": review.task.scorecard.id,
            "scorecard_version": review.task.scorecard.version,
            "transaction_id": review.transaction_id,
            "ended_at": review.task.transaction.ended_at,
            **log,
        }
        yield _rows(
            "review_ratings",
            [{**shared, "criterion": rating.criterion, "value": rating.value} for rating in review.ratings],
        )


def _score(found: Found) -> Iterator[Made]:
    score = QualityScore.model_validate_json(found.value)
    yield _row(
        "scores",
        {
            "score_id": score.score_id,
            "total_0_100": score.total_0_100,
            "critical_errors": score.critical_errors,
            "review_ids": [review.review_id for review in score.reviews],
            "reviewer_ids": [review.reviewer_id for review in score.reviews],
            "scorecard_id": score.scorecard.id,
            "scorecard_version": score.scorecard.version,
            "scoring_rule": score.scoring_rule,
            "purposes": score.purposes,
            **_cell(score),
            **_transaction(score.transaction),
            **_source(score.origin),
            "scored_at": score.scored_at,
            "as_of_offset": score.as_of_offset,
            **_log(found),
        },
    )
    if score.criteria:
        shared = {
            "score_id": score.score_id,
            "ended_at": score.transaction.ended_at,
            "as_of_offset": score.as_of_offset,
        }
        yield _rows("score_criteria", [{**shared, **criterion.model_dump()} for criterion in score.criteria])


def _series_record(found: Found) -> Iterator[Made]:
    record = SeriesRecord.model_validate_json(found.value).root
    if isinstance(record, ReferenceAgreed):
        row = record.model_dump(exclude={"record", "references"})
        cells = {
            "cells": [one.cell for one in record.references],
            "references_0_100": [one.reference_0_100 for one in record.references],
        }
        yield _row("agreed_references", {**row, **cells, **_log(found)})
        return
    row = record.model_dump(exclude={"record", "scorecard", "detectors"})
    versions = {
        "scorecard_id": record.scorecard.id,
        "scorecard_version": record.scorecard.version,
        "detectors_id": record.detectors.id,
        "detectors_version": record.detectors.version,
    }
    yield _row("series_points", {**row, **versions, **_log(found)})


def _alert(found: Found) -> Iterator[Made]:
    alert = Alert.model_validate_json(found.value)
    row = alert.model_dump(exclude={"detectors"}) | {"closed_because": alert.closed_because or ""}
    versions = {"detectors_id": alert.detectors.id, "detectors_version": alert.detectors.version}
    yield _row("alerts", {**row, **versions, **_log(found)})


def _alert_action(found: Found) -> Iterator[Made]:
    action = AlertAction.model_validate_json(found.value).model_dump()
    acted = {"by": "acted_by", "at": "acted_at"}
    yield _row("alert_actions", {**{acted.get(name, name): value for name, value in action.items()}, **_log(found)})


def _rejected(found: Found) -> Iterator[Made]:
    rejected = read_rejected(found.record.headers, len(found.value))
    row = rejected.model_dump(exclude={"origin"})
    yield _row("rejected", {**row, **_source(rejected.origin), "log_topic": found.at.topic, **_log(found)})


ROWS_OF: Final[dict[str, RowsOf]] = {
    c.DECIDED: _decided,
    c.POPULATION_COUNTS: _population_count,
    c.READ_COUNTS: _read_count,
    c.DRAW_CELLS: _draw_cell,
    c.DRAW_COUNTS: _draw_count,
    c.SELECTIONS: _selection,
    c.REVIEW_TASKS: _task,
    c.REVIEWS: _review,
    c.SCORES: _score,
    c.SERIES_POINTS: _series_record,
    c.ALERTS: _alert,
    c.ALERT_ACTIONS: _alert_action,
    c.REJECTED: _rejected,
    c.REVIEWS_REJECTED: _rejected,
}
"""Every topic the sink reads."""

_ANYTHING_GOES: Final = frozenset({c.REVIEWS, c.REJECTED, c.REVIEWS_REJECTED})
"""Topics where a record without a value (a tombstone) may stand: reviews, and what was rejected for being one."""


def _row(table: str, row: dict[str, Any]) -> Made:
    return _rows(table, [row])


def _rows(table: str, rows: list[dict[str, Any]]) -> Made:
    return Made(table, _json_line(rows), len(rows))


def _with_frame_in_two(record: PopulationCount | DrawCell | DrawCount) -> dict[str, Any]:
    return record.model_dump(exclude={"frame"}) | {
        "frame_id": record.frame.id,
        "frame_version": record.frame.version,
    }


def _task_fields(task: ReviewTask) -> dict[str, Any]:
    return {
        "copy_number": task.copy_number,
        "copies": task.copies,
        "purposes": task.purposes,
        **_cell(task),
        "scorecard_id": task.scorecard.id,
        "scorecard_version": task.scorecard.version,
        "queue": task.queue,
        "priority": task.priority,
        "drawn_at": task.drawn_at,
        "due_at": task.due_at,
        **_transaction(task.transaction),
        **_source(task.origin),
    }


def _cell(record: Selection | ReviewTask | QualityScore) -> dict[str, Any]:
    return {
        "frame_id": record.frame.id,
        "frame_version": record.frame.version,
        "stratum": record.stratum,
        "inclusion_probability": record.inclusion_probability,
    }


def _transaction(transaction: TransactionFields) -> dict[str, Any]:
    return {
        "transaction_id": transaction.id,
        "channel": transaction.channel,
        "colleague_id": transaction.colleague_id,
        "team_id": transaction.team_id,
        "site": transaction.site,
        "topic": transaction.topic,
        "language": transaction.language,
        "started_at": transaction.started_at,
        "ended_at": transaction.ended_at,
        "customer_pseudonym": transaction.customer_pseudonym,
        "transaction_outcome": transaction.outcome,
    }


def _source(origin: Origin) -> dict[str, Any]:
    return {"source_topic": origin.topic, "source_partition": origin.partition, "source_offset": origin.offset}


def _log(found: Found) -> dict[str, Any]:
    return {"log_partition": found.at.partition, "log_offset": found.record.offset}
