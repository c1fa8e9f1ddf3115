"""The combine stage: reviews -> quality scores, and series points.

Invariants beyond those of every stage:
- A score goes out whenever the set of submitted reviews behind it changes, and only then: also with no total when the
  last review is withdrawn, and not at all for plain non-response (skipped, expired, shed).
- Which reviews make the score does not depend on the order in which they came: the highest revision of each. Of two
  records of one review and revision the first stands.
- Reviews are written by tools that are not ours. One that cannot be used goes to `reviews.rejected` as it came, with
  the reason, and its neighbours go on. A scorecard version that is not in the register stops the stage instead: the
  fault may be ours.
- Series points go out with the first record of a review that can give them (`streams.scoring.series`), by the entry of
  `detectors` that holds when the transaction ended. They enter no state here. Combine does not wait for a first entry:
  scores must not wait for detection, so it acts from the moment that the worker has read it.
- A transaction is kept open for `KEEP_OPEN` of log time after its last review. A correction that comes later makes a
  score of its own, from that review alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import msgspec
from pydantic import ValidationError

from schemas import catalogue
from schemas.base import Origin
from schemas.errors import InvalidRecord, SnapshotUnusable, UnknownVersion
from schemas.headers import StageOrigin, cloud_event
from schemas.rejected import CONTENT_TYPE, Rejected, rejected_headers
from schemas.review import Review
from schemas.scorecard import Scorecard
from schemas.scoring import NOT_FITTING, score, values_of
from schemas.selection import task_id
from schemas.series import SeriesPoint
from schemas.transaction import explain
from streams.recent import Recent
from streams.registers import Registers
from streams.scoring.combined import Reviews, head_of, quality_score
from streams.scoring.series import gives_points, points
from streams.stage import Chunk, LogRecord, Output, Partition, instant

KEEP_OPEN: Final = timedelta(days=45)
KEEP_OPEN_MS: Final = KEEP_OPEN // timedelta(milliseconds=1)
MESSAGE_CHARS: Final = 500
"""Of `schemas.rejected.Rejected.message`."""
SCORE_KIND: Final = catalogue.MESSAGES[catalogue.SCORES].kind
POINT_KIND: Final = catalogue.MESSAGES[catalogue.SERIES_POINTS].kind
REJECTED_KIND: Final = catalogue.MESSAGES[catalogue.REVIEWS_REJECTED].kind

CombineState = Recent[Reviews]
"""Reviews by score id."""


class CombineStage:
    """Stage that makes quality scores of reviews; see the module's docstring."""

    name: str = "combine"
    logic_version: int = 1
    sources: tuple[str, ...] = (catalogue.REVIEWS,)
    side_topic: str | None = None

    def initial(self, source: Partition) -> CombineState:  # noqa: ARG002 - all partitions begin alike
        return CombineState(span_ms=KEEP_OPEN_MS)

    def ready(self, registers: Registers) -> str | None:
        """Waits for a first scorecard."""
        return None if registers.scorecards else "a first scorecard (tafol scorecard publish FILE)"

    def step(self, state: CombineState, chunk: Chunk, registers: Registers) -> list[Output]:
        """Raises UnknownVersion when a review names a scorecard version that is not in the register."""
        outputs: list[Output] = []
        for record in chunk.records:
            state.pass_time(record.timestamp)
            try:
                outputs += self._combine(state, chunk.source, record, registers)
            except InvalidRecord as invalid:
                outputs.append(self._rejected(chunk.source, record, invalid))
        return outputs

    def dump(self, state: CombineState) -> bytes:
        return msgspec.msgpack.encode(state)

    def load(self, source: Partition, raw: bytes) -> CombineState:
        try:
            return msgspec.msgpack.decode(raw, type=CombineState)
        except msgspec.DecodeError as error:
            raise SnapshotUnusable(f"the snapshot of combine for {source} cannot be read: {error}") from None

    def recall(self, state: CombineState, side_value: bytes, next_offset: int) -> None:
        """Nothing: combine has no side topic."""

    def remembers_from(self, state: CombineState, next_offset: int) -> int:  # noqa: ARG002 - no side topic
        return next_offset

    def _combine(self, state: CombineState, source: Partition, record: LogRecord, registers: Registers) -> list[Output]:
        review = _read(record)
        try:
            scorecard = registers.scorecard(review.task.scorecard)
        except UnknownVersion as error:
            raise UnknownVersion(f"{source}@{record.offset}: {error.message}", hint=error.hint) from None
        score_id = f"{review.transaction_id}|{scorecard.id}"
        before = state.get(score_id) or Reviews(scorecard.version, {})
        _same_version(before, scorecard)
        values = values_of(review.ratings, scorecard) if review.outcome == "submitted" else ()
        after = before.with_head(review.task.copy_number, head_of(review, values))
        state.put(score_id, after)
        if after.submitted == before.submitted:
            return []
        at = instant(record.timestamp)
        combined = quality_score(after, scorecard, review, scored_at=at, as_of_offset=record.offset)
        output = Output(
            topic=catalogue.SCORES,
            key=review.transaction_id.encode(),
            value=combined.model_dump_json().encode(),
            headers=cloud_event(SCORE_KIND, score_id, self._origin(source, record)),
        )
        # Of two records of one review the first stands, and revision 0 is the first unless a tool sent them awry.
        if review.task.copy_number in before.heads or not gives_points(review):
            return [output]
        detectors = registers.detectors.at(review.task.transaction.ended_at)
        found = () if detectors is None else points(detectors, review, score(values, scorecard), scorecard, at)
        return [output, *self._points(source, record, found)]

    def _points(self, source: Partition, record: LogRecord, found: Iterable[SeriesPoint]) -> list[Output]:
        return [
            Output(
                topic=catalogue.SERIES_POINTS,
                key=point.series_id.encode(),
                value=point.model_dump_json().encode(),
                headers=cloud_event(
                    POINT_KIND, f"{point.series_id}|{point.review_id}", self._origin(source, record, nth)
                ),
            )
            for nth, point in enumerate(found, 1)
        ]

    def _rejected(self, source: Partition, record: LogRecord, invalid: InvalidRecord) -> Output:
        rejected = Rejected.model_validate(
            {
                "origin": Origin(topic=source.topic, partition=source.partition, offset=record.offset),
                "reason": invalid.reason,
                "message": invalid.message[:MESSAGE_CHARS],
                "bytes": len(record.value or b""),
                "appended_at": instant(record.timestamp),
            }
        )
        event = cloud_event(REJECTED_KIND, str(rejected.origin), self._origin(source, record), CONTENT_TYPE)
        return Output(
            topic=catalogue.REVIEWS_REJECTED,
            key=record.key,
            value=record.value,
            headers=event + rejected_headers(rejected),
            partition=source.partition,  # a record without a key would land anywhere, elsewhere after a crash
        )

    def _origin(self, source: Partition, record: LogRecord, nth: int = 0) -> StageOrigin:
        return StageOrigin(self.name, source.topic, source.partition, record.offset, nth)


def _read(record: LogRecord) -> Review:
    """The review that a record carries. Raises InvalidRecord."""
    if record.value is None:
        raise InvalidRecord("undecodable", "the record has no value")
    try:
        review = Review.model_validate_json(record.value)
    except ValidationError as error:
        decoded = all(wrong["type"] != "json_invalid" for wrong in error.errors(include_input=False))
        raise InvalidRecord("invalid" if decoded else "undecodable", explain(error)) from None
    task = review.task
    if record.key != review.transaction_id.encode():
        raise InvalidRecord("wrong_key", "the record's key is not the transaction id")
    if task.task_id != task_id(task.transaction.id, task.scorecard.id, task.copy_number):
        raise InvalidRecord(NOT_FITTING, "task_id is not the transaction, scorecard and copy of its own task")
    return review


def _same_version(reviews: Reviews, scorecard: Scorecard) -> None:
    if reviews.scorecard_version != scorecard.version:
        raise InvalidRecord(
            NOT_FITTING,
            f"the task names scorecard {scorecard.ref}, earlier reviews of this transaction version "
            f"{reviews.scorecard_version}",
        )
