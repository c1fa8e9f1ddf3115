"""Which record travels on which topic, under which key. `streams.topics` adds how each topic is kept."""

from __future__ import annotations

from typing import Final, NamedTuple

from pydantic import BaseModel

from schemas.alert import Alert, AlertAction
from schemas.base import CHANNELS, Channel
from schemas.candidate import CandidateRecord
from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DecidedTransaction
from schemas.detector import Detectors
from schemas.drawn import DrawCell, DrawCount
from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from schemas.rejected import Rejected
from schemas.request import CheckRequest
from schemas.review import Review
from schemas.score import QualityScore
from schemas.scorecard import Scorecard
from schemas.selection import ReviewTask, Selection
from schemas.series import SeriesRecord
from schemas.transaction import Transaction

SOURCE_TOPIC: Final[dict[Channel, str]] = {
    "phone": "transactions.phone",
    "chat": "transactions.chat",
    "face_to_face": "transactions.face-to-face",
}
SOURCE_TOPICS: Final = tuple(SOURCE_TOPIC[channel] for channel in CHANNELS)
CHANNEL_OF_TOPIC: Final[dict[str, Channel]] = {topic: channel for channel, topic in SOURCE_TOPIC.items()}

DECIDED: Final = "transactions.decided"
REJECTED: Final = "transactions.rejected"
POPULATION_COUNTS: Final = "population-counts"
READ_COUNTS: Final = "read-counts"
CANDIDATES: Final = "candidates"
DRAW_CELLS: Final = "draw-cells"
DRAW_COUNTS: Final = "draw-counts"
SELECTIONS: Final = "selections"
REVIEW_TASKS: Final = "review-tasks"
REVIEWS: Final = "reviews"
REVIEWS_REJECTED: Final = "reviews.rejected"
SCORES: Final = "scores"
SERIES_POINTS: Final = "series-points"
ALERTS: Final = "alerts"
ALERT_ACTIONS: Final = "alert-actions"
SAMPLING_FRAMES: Final = "sampling-frames"
NOTICES: Final = "notices"
SCORECARDS: Final = "scorecards"
DETECTORS: Final = "detectors"
CHECK_REQUESTS: Final = "check-requests"
REGISTERS: Final = (SAMPLING_FRAMES, NOTICES, SCORECARDS, CHECK_REQUESTS, DETECTORS)


class Message(NamedTuple):
    """What one record of a topic is. `kind`: CloudEvents type without prefix; `key`: the record key in words."""

    model: type[BaseModel]
    kind: str
    key: str
    content: str = "one JSON object"


MESSAGES: Final[dict[str, Message]] = {
    **{topic: Message(Transaction, "transaction.v1", "transaction id") for topic in SOURCE_TOPICS},
    DECIDED: Message(
        DecidedTransaction,
        "decided.v2",
        "none",
        "up to 900 kB of JSON lines: the field names, then an array of values for each transaction",
    ),
    REJECTED: Message(Rejected, "rejected.v1", "as it came", "the raw bytes; the record's fields are in the headers"),
    POPULATION_COUNTS: Message(PopulationCount, "population-count.v1", "topic, partition, day, frame and stratum"),
    READ_COUNTS: Message(ReadCount, "read-count.v1", "topic and partition"),
    CANDIDATES: Message(
        CandidateRecord,
        "candidate.v2",
        "none; the partition by draw and unit, markers in all",
        "a marker, one JSON object; or up to 900 kB of JSON lines: source and field names, then an array of values for "
        "each candidate",
    ),
    DRAW_CELLS: Message(DrawCell, "draw-cell.v1", "draw, unit and start of the window"),
    DRAW_COUNTS: Message(DrawCount, "draw-count.v1", "partition, channel, frame and stratum"),
    SELECTIONS: Message(Selection, "selection.v1", "transaction id"),
    REVIEW_TASKS: Message(ReviewTask, "review-task.v1", "transaction id"),
    REVIEWS: Message(Review, "review.v1", "transaction id"),
    REVIEWS_REJECTED: Message(
        Rejected, "rejected.v1", "as it came", "the raw bytes; the record's fields are in the headers"
    ),
    SCORES: Message(QualityScore, "score.v1", "transaction id"),
    SERIES_POINTS: Message(SeriesRecord, "series-point.v1", "series id"),
    ALERTS: Message(Alert, "alert.v1", "series id"),
    ALERT_ACTIONS: Message(AlertAction, "alert-action.v1", "series id"),
    SAMPLING_FRAMES: Message(SamplingFrame, "sampling-frame.v1", "id:version"),
    NOTICES: Message(NoticeRegister, "notices.v1", "id:version"),
    SCORECARDS: Message(Scorecard, "scorecard.v1", "id:version"),
    CHECK_REQUESTS: Message(CheckRequest, "check-request.v1", "id:version"),
    DETECTORS: Message(Detectors, "detectors.v1", "id:version"),
}
