"""Publishes register entries: sampling frames, notices, scorecards, detectors (contracts, "Registers").

A register is append-only and its entries are immutable, so what must not be is refused here, before it is written: a
version that is there with other content, a version that is not above the last, an entry that would come too late to
hold, a frame that routes to a scorecard nobody has published or that was changed after it was signed. Workers would
ignore such an entry, or stop; a person should hear of it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from kafka import KafkaConsumer, KafkaProducer
from pydantic import ValidationError

from schemas.base import RegisterEntry
from schemas.catalogue import CHECK_REQUESTS, DETECTORS, MESSAGES, NOTICES, REGISTERS, SAMPLING_FRAMES, SCORECARDS
from schemas.detector import Detectors
from schemas.errors import ConfigError, TafolError
from schemas.frame import SamplingFrame
from schemas.frame_signature import content_sha256
from schemas.headers import Headers, without_origin
from schemas.notice import NoticeRegister
from schemas.request import CheckRequest
from schemas.scorecard import Scorecard
from schemas.transaction import explain
from streams.connection import Connection
from streams.drawing.windows import begins_window, next_beginning
from streams.registers import LEAD, Appended, Timeline
from streams.stage import instant
from tafol.kafka_clients import SEND_WITHIN_S, log_consumer, producer, read_to_end

SUGGESTED_MARGIN: Final = timedelta(minutes=5)
"""Beyond the lead: time to write the date into the file and publish it."""
SOURCE: Final = "publish"

TOPIC_OF: Final[dict[type[RegisterEntry], str]] = {
    SamplingFrame: SAMPLING_FRAMES,
    NoticeRegister: NOTICES,
    Scorecard: SCORECARDS,
    Detectors: DETECTORS,
}
NAME_OF: Final[dict[type[RegisterEntry], str]] = {
    SamplingFrame: "sampling frame",
    NoticeRegister: "notices",
    Scorecard: "scorecard",
    Detectors: "detectors",
}


@dataclass(frozen=True, slots=True)
class Published:
    """All registers as they stand in the log, in its order."""

    frames: tuple[Appended[SamplingFrame], ...] = ()
    notices: tuple[Appended[NoticeRegister], ...] = ()
    scorecards: tuple[Appended[Scorecard], ...] = ()
    detectors: tuple[Appended[Detectors], ...] = ()
    requests: tuple[Appended[CheckRequest], ...] = ()

    def like(self, entry: RegisterEntry) -> Sequence[Appended[Any]]:
        """The entries of the timeline that `entry` belongs to. Each scorecard has one of its own."""
        if isinstance(entry, SamplingFrame):
            return self.frames
        if isinstance(entry, NoticeRegister):
            return self.notices
        if isinstance(entry, Detectors):
            return self.detectors
        return [one for one in self.scorecards if one.entry.id == entry.id]

    def frame(self, frame_id: str, version: int) -> SamplingFrame | None:
        """The first published frame of this id and version."""
        wanted = (frame_id, version)
        return next((one.entry for one in self.frames if (one.entry.id, one.entry.version) == wanted), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing an entry will do. `holds_from` None: from the beginning of time, as the first of its kind."""

    entry: RegisterEntry
    outcome: Literal["new", "already there"]
    holds_from: datetime | None = None
    replaces: RegisterEntry | None = None
    holds_until: datetime | None = None
    """When an entry that is already published takes over."""
    warnings: tuple[str, ...] = field(default=())

    @property
    def topic(self) -> str:
        return TOPIC_OF[type(self.entry)]

    @property
    def name(self) -> str:
        return f"{NAME_OF[type(self.entry)]} {self.entry.ref}"


def read_published(connection: Connection) -> Published:
    """Reads the register topics to their ends. Raises ConfigError for a missing topic, Unreachable, TafolError."""
    with log_consumer(connection) as consumer:
        return _read(consumer)


def plan(entry: RegisterEntry, published: Published, now: datetime) -> Plan:
    """What publishing `entry` at `now` would do. Raises ConfigError, with what to do, when it must not be. Pure."""
    name = f"{NAME_OF[type(entry)]} {entry.ref}"
    log = published.like(entry)
    there = next((one.entry for one in log if one.entry.ref == entry.ref), None)
    if there is not None:
        if there != entry:
            raise ConfigError(
                f"{name} is published already, with other content; what is published never changes",
                hint=f"Write the change as version {_next_version(entry, log)}.",
            )
        return Plan(entry, "already there")
    if entry.version < _next_version(entry, log):
        raise ConfigError(
            f"{name}: the register is at version {_next_version(entry, log) - 1} of {entry.id} already",
            hint=f"Write it as version {_next_version(entry, log)}.",
        )
    _refuse_changed_since_signed(entry)
    warnings = _warnings(entry, published)
    if not log:
        return Plan(entry, "new", warnings=warnings)
    _refuse_too_late(entry, name, now)
    _refuse_within_window(entry, name)
    before = Timeline.of("published", log)
    after = [one.holds_from for one in before.entries[1:] if one.holds_from > entry.holds_from]
    return Plan(
        entry,
        "new",
        holds_from=entry.holds_from,
        replaces=before.at(entry.holds_from),
        holds_until=min(after, default=None),
        warnings=warnings,
    )


def publish(connection: Connection, planned: Plan) -> datetime | None:
    """Write the entry and wait for all copies; the broker's append time. None: it was there already.

    Raises TafolError when the broker took it too late for it to hold, or when somebody else published the same version
    a moment before; Unreachable.
    """
    if planned.outcome == "already there":
        return None
    entry = planned.entry
    key = entry.ref.key.encode()
    with producer(connection) as client:
        appended_at = _send(client, planned.topic, key, entry)
    with log_consumer(connection) as consumer:
        published = _read(consumer)
    first = next(one for one in published.like(entry) if one.entry.ref == entry.ref)
    if first.entry != entry:
        raise TafolError(
            f"{planned.name}: somebody else published this version a moment before; theirs holds",
            hint=f"Write yours as version {_next_version(entry, published.like(entry))}.",
        )
    if entry in Timeline.of("published", published.like(entry)).void:
        raise TafolError(
            f"{planned.name} reached the log at {_written(appended_at)}, too late to hold: it is void for everyone",
            hint=f"Publish it as version {_next_version(entry, published.like(entry))} with a later holds_from.",
        )
    return appended_at


def headers(entry: RegisterEntry) -> Headers:
    """CloudEvents headers of an entry. No origin: no stage made it."""
    return without_origin(MESSAGES[TOPIC_OF[type(entry)]].kind, entry.ref.key, SOURCE)


def suggested_holds_from(now: datetime) -> datetime:
    """A whole minute that is early enough to be useful and late enough to be published in time."""
    earliest = now + LEAD + SUGGESTED_MARGIN
    return earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _refuse_changed_since_signed(entry: RegisterEntry) -> None:
    """A signature that is there must be of this content; whose it is, is for those who know the keys to say."""
    if not isinstance(entry, SamplingFrame) or (signature := entry.signature) is None:
        return
    if signature.content_sha256 != content_sha256(entry):
        raise ConfigError(
            f"sampling frame {entry.ref} is not what was signed: it was changed afterwards, or has lost its seed",
            hint="Publish the file as it was signed; or have the change agreed, remove the lines of 'signature:' and "
            "sign again: tafol frame sign FILE --key KEY",
        )


def _refuse_too_late(entry: RegisterEntry, name: str, now: datetime) -> None:
    if entry.holds_from - LEAD > now:
        return
    minutes, example = LEAD.total_seconds() / 60, _written(suggested_holds_from(now))
    raise ConfigError(
        f"{name} would hold from {_written(entry.holds_from)}, which is less than {minutes:.0f} minutes ahead (it is "
        f"{_written(now)}): a worker could decide a transaction of that time before it reads this entry",
        hint=f"Set holds_from at least {minutes:.0f} minutes ahead, for example to {example}.",
    )


def _refuse_within_window(entry: RegisterEntry, name: str) -> None:
    """A quota counts whole windows: one that begins in the middle of a window would draw as many from a part of it."""
    if not isinstance(entry, SamplingFrame) or (window := entry.longest_window) is None:
        return
    if begins_window(entry.holds_from, window, entry.zone):
        return
    example = next_beginning(entry.holds_from, window, entry.zone)
    raise ConfigError(
        f"{name} has quotas or caps by the {window}, and holds_from {_written(entry.holds_from)} is not the "
        f"beginning of a {window} in {entry.time_zone}",
        hint=f"Let it begin with a {window}, for example: holds_from: {_written(example)}",
    )


def _warnings(entry: RegisterEntry, published: Published) -> tuple[str, ...]:
    """Raises ConfigError for a frame that names a scorecard which is not published."""
    if not isinstance(entry, SamplingFrame):
        return ()
    known = {one.entry.id for one in published.scorecards}
    missing = sorted({route.scorecard for route in entry.routes} - known)
    if missing:
        raise ConfigError(
            f"sampling frame {entry.ref} routes to scorecard {', '.join(missing)}, which is not published: its "
            "transactions could not become tasks",
            hint="Publish it first: tafol scorecard publish FILE",
        )
    if not published.notices:
        return ("No notices are published yet: sampling waits until there are (tafol notices publish FILE).",)
    return ()


def _next_version(entry: RegisterEntry, log: Iterable[Appended[Any]]) -> int:
    return max((one.entry.version for one in log if one.entry.id == entry.id), default=0) + 1


def _send(client: KafkaProducer, topic: str, key: bytes, entry: RegisterEntry) -> datetime:
    future = client.send(topic, key=key, value=entry.model_dump_json().encode(), headers=headers(entry))
    return instant(future.get(timeout=SEND_WITHIN_S).timestamp)


def _read(consumer: KafkaConsumer) -> Published:
    frames: list[Appended[SamplingFrame]] = []
    notices: list[Appended[NoticeRegister]] = []
    scorecards: list[Appended[Scorecard]] = []
    detectors: list[Appended[Detectors]] = []
    requests: list[Appended[CheckRequest]] = []
    for record in read_to_end(consumer, REGISTERS):
        at = instant(record.timestamp)
        where = f"{record.topic}[{record.partition}]@{record.offset}"
        try:
            if record.topic == SAMPLING_FRAMES:
                frames.append(Appended(SamplingFrame.model_validate_json(record.value or b""), at))
            elif record.topic == NOTICES:
                notices.append(Appended(NoticeRegister.model_validate_json(record.value or b""), at))
            elif record.topic == CHECK_REQUESTS:
                requests.append(Appended(CheckRequest.model_validate_json(record.value or b""), at))
            elif record.topic == DETECTORS:
                detectors.append(Appended(Detectors.model_validate_json(record.value or b""), at))
            else:
                scorecards.append(Appended(Scorecard.model_validate_json(record.value or b""), at))
        except ValidationError as error:
            raise TafolError(
                f"{where} is no register entry: {explain(error)}",
                hint="Registers are written by `tafol ... publish` alone; is this tafol older than what was published?",
            ) from None
    return Published(tuple(frames), tuple(notices), tuple(scorecards), tuple(detectors), tuple(requests))


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
