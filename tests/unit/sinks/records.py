"""Records of every topic the sink reads, made by hand for the sink's tests."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas import catalogue as c
from schemas.alert import Alert, AlertAction, alert_id
from schemas.base import CHANNELS, Origin, Versioned
from schemas.counts import PopulationCount, ReadCount
from schemas.decided import DECIDED_FIELDS, DecidedTransaction
from schemas.drawn import DrawCell, DrawCount
from schemas.rejected import Rejected, rejected_headers
from schemas.review import Outcome, Rating, Review
from schemas.score import CombinedReview, CriterionScore, QualityScore
from schemas.selection import ReviewTask, Selection, TransactionFields, selection_id, task_id
from schemas.series import ReferenceAgreed, SeriesPoint
from sinks.rows import SinkChunk
from sinks.store import LogPartition

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FRAME = Versioned(id="centre", version=1)
SCORECARD = Versioned(id="service", version=1)
PSEUDONYM = "0123456789abcdef" * 2


class Logged(NamedTuple):
    """A record as it stands in the log."""

    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def at(topic: str, partition: int = 0, topic_id: str = "first") -> LogPartition:
    return LogPartition(topic, topic_id, partition)


def chunk(topic: str, *records: BaseModel | bytes | None, first_offset: int = 0, partition: int = 0) -> SinkChunk:
    """Records one after the other; models as their JSON."""
    logged = [
        Logged(offset, record.model_dump_json().encode() if isinstance(record, BaseModel) else record)
        for offset, record in enumerate(records, first_offset)
    ]
    return SinkChunk(at(topic, partition), logged)


def json_lines(records: Sequence[BaseModel]) -> bytes:
    return b"".join(record.model_dump_json().encode() + b"\n" for record in records)


def decided_lines(records: Sequence[DecidedTransaction]) -> bytes:
    """The value of one record of `transactions.decided`."""
    lines = [DECIDED_FIELDS, *(list(record.model_dump(mode="json").values()) for record in records)]
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def decided(number: int, ended_at: datetime = NOW, **fields: Any) -> DecidedTransaction:
    """Transaction `t-<number>` at offset <number> of its channel's topic."""
    channel = fields.pop("channel", "phone")
    shown = {
        "id": f"t-{number}",
        "channel": channel,
        "colleague_id": "col-1",
        "team_id": "north",
        "site": "leeds",
        "topic": "billing",
        "language": "en",
        "started_at": ended_at - timedelta(minutes=5),
        "ended_at": ended_at,
        "customer_pseudonym": PSEUDONYM,
        "pseudonym_key": "key-1",
        "outcome": "solved",
        "flags": ("vip",),
        "csat_0_100": None,
        "auto_score_0_100": 71.5,
        "chat_lines": 0,
        "has_recording": True,
        "has_transcript": False,
        "place": "",
        "attributes": {"queue": "a"},
        "source_topic": c.SOURCE_TOPIC[channel],
        "source_partition": 0,
        "source_offset": number,
        "appended_at": ended_at + timedelta(seconds=5),
        "frame_id": FRAME.id,
        "frame_version": FRAME.version,
        "stratum": "all",
        "decision": "not_selected",
        "reason": "",
        "draw_method": "random",
        "draw_number": 2**64 - 1 - number,
        "inclusion_probability": 0.1,
    }
    return DecidedTransaction.model_validate(shown | fields)


def fields_of(number: int, ended_at: datetime = NOW, **fields: Any) -> TransactionFields:
    record = decided(number, ended_at, **fields).model_dump()
    return TransactionFields.model_validate({name: record[name] for name in TransactionFields.model_fields})


def origin(number: int, channel: str = "phone") -> Origin:
    return Origin(topic=c.SOURCE_TOPIC[next(one for one in CHANNELS if one == channel)], partition=0, offset=number)


def selection(number: int, ended_at: datetime = NOW, *, stratum: str = "all", **fields: Any) -> Selection:
    transaction = fields_of(number, ended_at, **fields)
    draw = f"{FRAME.key}:{stratum}"
    return Selection(
        selection_id=selection_id(draw, transaction.id),
        draw_id=draw,
        purpose="random",
        frame=FRAME,
        stratum=stratum,
        inclusion_probability=0.1,
        draw_number=17,
        drawn_at=ended_at + timedelta(seconds=5),
        transaction=transaction,
        origin=origin(number, transaction.channel),
    )


def task(number: int, ended_at: datetime = NOW, *, copy: int = 1, copies: int = 1, **fields: Any) -> ReviewTask:
    transaction = fields_of(number, ended_at, **fields)
    return ReviewTask(
        task_id=task_id(transaction.id, SCORECARD.id, copy),
        copy_number=copy,
        copies=copies,
        purposes=("random",),
        frame=FRAME,
        stratum="all",
        inclusion_probability=0.1,
        scorecard=SCORECARD,
        queue="general",
        priority=5,
        drawn_at=ended_at,
        due_at=ended_at + timedelta(days=2),
        transaction=transaction,
        origin=origin(number, transaction.channel),
    )


def review(
    number: int,
    outcome: Outcome = "submitted",
    *,
    revision: int = 0,
    ratings: Sequence[tuple[str, float | None]] = (("greeting", 1.0), ("solution", None)),
    **fields: Any,
) -> Review:
    return Review(
        task=task(number, **fields),
        revision=revision,
        outcome=outcome,
        reason="" if outcome == "submitted" else "no recording",
        reviewer_id="rev-1" if outcome in ("submitted", "skipped") else None,
        at=NOW + timedelta(days=1),
        time_spent_s=300.0,
        ratings=tuple(Rating(criterion=name, value=value) for name, value in ratings) if outcome == "submitted" else (),
    )


def score(
    number: int, total: float | None, *, as_of_offset: int = 0, criteria: Sequence[str] = ("greeting",), **fields: Any
) -> QualityScore:
    stratum = fields.pop("stratum", "all")
    transaction = fields_of(number, fields.pop("ended_at", NOW), **fields)
    return QualityScore(
        score_id=f"{transaction.id}|{SCORECARD.id}",
        total_0_100=total,
        criteria=tuple(CriterionScore(criterion=name, score_0_100=total, rated_by=1) for name in criteria),
        critical_errors=(),
        reviews=(
            CombinedReview(
                review_id=task_id(transaction.id, SCORECARD.id, 1), revision=0, reviewer_id="rev-1", total_0_100=total
            ),
        ),
        scorecard=SCORECARD,
        scoring_rule=1,
        purposes=("random",),
        frame=FRAME,
        stratum=stratum,
        inclusion_probability=0.1,
        transaction=transaction,
        origin=origin(number, transaction.channel),
        scored_at=NOW,
        as_of_offset=as_of_offset,
    )


def population(eligible: int, selected: int, *, as_of_offset: int = 1000, **fields: Any) -> PopulationCount:
    shown = {
        "topic": c.SOURCE_TOPIC["phone"],
        "partition": 0,
        "day": date(2026, 11, 20),
        "after_final": False,
        "channel": "phone",
        "frame": FRAME,
        "stratum": "all",
        "eligible": eligible,
        "selected": selected,
        "as_of_offset": as_of_offset,
    }
    return PopulationCount.model_validate(shown | fields)


def read_count(**fields: Any) -> ReadCount:
    shown = {
        "topic": c.SOURCE_TOPIC["phone"],
        "partition": 0,
        "read": 0,
        "repeats": 0,
        "rejected": {},
        "excluded": {},
        "eligible": 0,
        "selected": 0,
        "not_selected": 0,
        "pending": 0,
        "unknown_fields": {},
        "as_of_offset": 1000,
    }
    return ReadCount.model_validate(shown | fields)


def draw_cell(number: int, starts: datetime = NOW, **fields: Any) -> DrawCell:
    shown = {
        "draw_id": f"{FRAME.key}:all",
        "purpose": "quota",
        "frame": FRAME,
        "stratum": "all",
        "unit": f"colleague/col-{number}",
        "starts": starts,
        "ends": starts + timedelta(days=7),
        "closed_at": starts + timedelta(days=7, hours=1),
        "eligible": 9,
        "taken": 9,
        "selected": 3,
        "inclusion_probability": 1 / 3,
        "as_of_offset": number,
    }
    return DrawCell.model_validate(shown | fields)


def draw_count(**fields: Any) -> DrawCount:
    shown = {
        "partition": 0,
        "channel": "phone",
        "frame": FRAME,
        "stratum": "quota",
        "candidates": 0,
        "late": 0,
        "eligible": 0,
        "selected": 0,
        "as_of_offset": 1000,
    }
    return DrawCount.model_validate(shown | fields)


def point(number: int, score_0_100: float, ended_at: datetime = NOW) -> SeriesPoint:
    return SeriesPoint(
        series_id="team=north",
        series={"team": "north"},
        score_0_100=score_0_100,
        scorecard=SCORECARD,
        stratum="all",
        detectors=Versioned(id="quality", version=1),
        review_id=task_id(f"t-{number}", SCORECARD.id, 1),
        transaction_id=f"t-{number}",
        ended_at=ended_at,
        reviewed_at=ended_at + timedelta(days=1),
    )


def agreed(number: int) -> ReferenceAgreed:
    return ReferenceAgreed(
        agreement_id=f"a-{number}", series_id="team=north", agreed_by="manager", reason="new procedure", agreed_at=NOW
    )


def alert(number: int, **fields: Any) -> Alert:
    """The alert that review `number` raised."""
    shown = {
        "alert_id": alert_id("team=north", f"t-{number}|service|1"),
        "series_id": "team=north",
        "series": {"team": "north"},
        "state": "open",
        "since": NOW - timedelta(days=7),
        "raised_at": NOW,
        "changed_at": NOW,
        "times_raised": 1,
        "evidence": 320.5,
        "threshold": 300,
        "reviews": 41,
        "reference_0_100": 78,
        "mean_0_100": 66,
        "one_false_alarm_in_periods": 1,
        "period": "quarter",
        "detectors": Versioned(id="quality", version=1),
        "as_of_offset": number,
    }
    return Alert.model_validate(shown | fields)


def alert_action(number: int, action: str = "acknowledge", *, of: int | None = None, **fields: Any) -> AlertAction:
    """Action `number`, on the alert that review `of` raised."""
    shown = {
        "action_id": f"action-{number}",
        "alert_id": alert(number if of is None else of).alert_id,
        "series_id": "team=north",
        "action": action,
        "by": "supervisor",
        "reason": "spoke with the team" if action == "resolve" else "",
        "at": NOW + timedelta(hours=1),
    }
    return AlertAction.model_validate(shown | fields)


def rejected(number: int, topic: str = c.SOURCE_TOPIC["phone"], reason: str = "invalid") -> Rejected:
    return Rejected.model_validate(
        {
            "origin": Origin(topic=topic, partition=0, offset=number),
            "reason": reason,
            "message": "ended_at: a time zone is missing",
            "bytes": 4,
            "appended_at": NOW,
        }
    )


def rejected_chunk(*records: Rejected, topic: str = c.REJECTED) -> SinkChunk:
    logged = [Logged(offset, b"oops", rejected_headers(record)) for offset, record in enumerate(records)]
    return SinkChunk(at(topic), logged)


def everything(number: int, ended_at: datetime = NOW) -> list[SinkChunk]:
    """One record of every topic, all of one transaction, at offset <number>."""
    reject = rejected(number)
    return [
        chunk(c.DECIDED, decided_lines([decided(number, ended_at)]), first_offset=number),
        chunk(c.POPULATION_COUNTS, population(1, 1, as_of_offset=number), first_offset=number),
        chunk(c.READ_COUNTS, read_count(read=number, as_of_offset=number), first_offset=number),
        chunk(c.DRAW_CELLS, draw_cell(number, ended_at), first_offset=number),
        chunk(c.DRAW_COUNTS, draw_count(as_of_offset=number), first_offset=number),
        chunk(c.SELECTIONS, selection(number, ended_at), first_offset=number),
        chunk(c.REVIEW_TASKS, task(number, ended_at), first_offset=number),
        chunk(c.REVIEWS, review(number, ended_at=ended_at), first_offset=number),
        chunk(c.SCORES, score(number, 80.0, ended_at=ended_at), first_offset=number),
        chunk(c.SERIES_POINTS, point(number, 80.0, ended_at), agreed(number), first_offset=number),
        chunk(c.ALERTS, alert(number), first_offset=number),
        chunk(c.ALERT_ACTIONS, alert_action(number), first_offset=number),
        SinkChunk(at(c.REJECTED), [Logged(number, b"oops", rejected_headers(reject))]),
    ]
