"""The first look at a chunk: which records are valid transactions, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, cast

from schemas import catalogue
from schemas.base import Origin
from schemas.errors import InvalidRecord
from schemas.headers import StageOrigin, cloud_event
from schemas.rejected import CONTENT_TYPE, Rejected, RejectReason, rejected_headers
from streams.sampling.counts import BEFORE_ALL
from streams.sampling.decode import Event, read_event
from streams.sampling.frames import Frames
from streams.sampling.repeats import Repeats, Window
from streams.stage import Chunk, LogRecord, Output, instant

MAX_MESSAGE_CHARS: Final = 500


class Refusal(NamedTuple):
    """One record that is not taken."""

    record: LogRecord
    reason: RejectReason
    message: str


@dataclass(slots=True)
class Intake:
    """A chunk after the first look. The lists of the valid records run in parallel, in the order of the log."""

    events: list[Event] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    appended: list[datetime] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    """In UTF-8."""
    values: list[bytes] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    records: list[LogRecord] = field(default_factory=list)
    unknown_fields: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """By position in the lists."""
    refused: list[Refusal] = field(default_factory=list)


def look_at(chunk: Chunk, channel: str, frames: Frames, repeats: Repeats) -> Intake:
    """Decode and check every record of a chunk; `repeats` learns the stretch of the frames that judge them.

    "Now" is the append time of the record itself, so that a replay judges alike.
    """
    seen = Intake()
    refused = seen.refused
    stamp = None
    appended = starts = ends = earliest = latest = BEFORE_ALL
    stretch = 0
    window_stretch = -1
    for record in chunk.records:
        raw, key, offset = record.value, record.key, record.offset
        if raw is None:
            refused.append(Refusal(record, "undecodable", "the record has no value"))
            continue
        try:
            event, unknown = read_event(raw)
        except InvalidRecord as invalid:
            refused.append(Refusal(record, cast("RejectReason", invalid.reason), invalid.message))
            continue
        name, ended = event.id.encode(), event.ended_at
        if event.channel != channel:
            refused.append(Refusal(record, "wrong_channel", f"channel {event.channel} is not that of the topic"))
            continue
        if key is not None and key != name:
            refused.append(Refusal(record, "wrong_key", "the record's key is not the transaction id"))
            continue
        if not (starts <= ended < ends and record.timestamp == stamp):
            stamp = record.timestamp
            appended = instant(stamp)
            frame, starts, ends, _ = frames.at(ended)
            stretch = frame.stretch
            earliest, latest = appended - frame.age_limit, appended + frame.future_limit
        if ended > latest:
            after_s = (ended - appended).total_seconds()
            refused.append(Refusal(record, "from_the_future", f"ended {after_s:.0f} s after it was appended"))
            continue
        if ended < earliest:
            before_days = (appended - ended).total_seconds() / 86_400
            refused.append(Refusal(record, "too_old", f"ended {before_days:.1f} days before it was appended"))
            continue
        if stretch != window_stretch:
            repeats.reach(stretch, offset)
            seen.windows.append(Window(len(seen.events), stretch, repeats.base))
            window_stretch = stretch
        if unknown:
            seen.unknown_fields[len(seen.events)] = unknown
        seen.events.append(event)
        seen.offsets.append(offset)
        seen.appended.append(appended)
        seen.ids.append(name)
        seen.values.append(raw)
        seen.records.append(record)
    return seen


def rejected_output(refusal: Refusal, origin: StageOrigin) -> Output:
    """The rejected record as it came, with the reason in its headers."""
    record, value = refusal.record, refusal.record.value
    rejected = Rejected(
        origin=Origin(topic=origin.topic, partition=origin.partition, offset=origin.offset),
        reason=refusal.reason,
        message=refusal.message[:MAX_MESSAGE_CHARS],
        bytes=len(value or b""),
        appended_at=instant(record.timestamp),
    )
    headers = cloud_event("rejected.v1", str(rejected.origin), origin, CONTENT_TYPE) + rejected_headers(rejected)
    # A record without a key would land anywhere, and elsewhere after a crash: the source's own partition it is.
    return Output(catalogue.REJECTED, record.key, value, headers, origin.partition)
