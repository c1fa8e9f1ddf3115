"""The detect stage: series points -> alerts.

Invariants beyond those of every stage:
- A series lies in one partition and its points are weighed in the order of the log. All that changes detection comes
  in that log: points, and references that people agreed (`schemas.series`). Acknowledging and resolving an alert change
  nothing here; they travel on `alert-actions` and meet the alerts in the tables.
- A series goes by one entry of `detectors` at a time, the latest that any of its points named: a new one starts the
  evidence anew and keeps references and an open alert.
- A series that had no point for `KEEP` of log time is forgotten, with its reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NoReturn

import msgspec
from pydantic import ValidationError

from schemas import catalogue
from schemas.alert import Alert, alert_id
from schemas.detector import Detectors
from schemas.errors import SnapshotUnusable, StageStopped, UnknownVersion
from schemas.headers import StageOrigin, cloud_event
from schemas.series import ReferenceAgreed, SeriesPoint, SeriesRecord
from schemas.transaction import explain
from streams.recent import Recent
from streams.registers import Registers
from streams.stage import Chunk, LogRecord, Output, Partition, instant
from streams.trends.series import Change, SeriesState, agree, go_by, in_force, kind_of, named, weigh

KEEP: Final = timedelta(days=400)
KEEP_MS: Final = KEEP // timedelta(milliseconds=1)
ALERT_KIND: Final = catalogue.MESSAGES[catalogue.ALERTS].kind

DetectState = Recent[SeriesState]
"""Series by id."""


class DetectStage:
    """Stage that raises and closes alerts; see the module's docstring."""

    name: str = "detect"
    logic_version: int = 1
    sources: tuple[str, ...] = (catalogue.SERIES_POINTS,)
    side_topic: str | None = None

    def initial(self, source: Partition) -> DetectState:  # noqa: ARG002 - all partitions begin alike
        return DetectState(span_ms=KEEP_MS)

    def ready(self, registers: Registers) -> str | None:  # noqa: ARG002 - there is no point before a first entry
        return None

    def step(self, state: DetectState, chunk: Chunk, registers: Registers) -> list[Output]:
        """Raises StageStopped on a record that is neither point nor reference: the topic is our own, so guessing would
        lose one. Raises UnknownVersion for a register entry that is not there.
        """
        outputs: list[Output] = []
        for record in chunk.records:
            state.pass_time(record.timestamp)
            alert = self._take_in(state, chunk.source, record, registers)
            if alert is not None:
                outputs.append(
                    Output(
                        topic=catalogue.ALERTS,
                        key=alert.series_id.encode(),
                        value=alert.model_dump_json().encode(),
                        headers=cloud_event(
                            ALERT_KIND, alert.alert_id, StageOrigin(self.name, *chunk.source, record.offset, 0)
                        ),
                    )
                )
        return outputs

    def dump(self, state: DetectState) -> bytes:
        return msgspec.msgpack.encode(state)

    def load(self, source: Partition, raw: bytes) -> DetectState:
        try:
            return msgspec.msgpack.decode(raw, type=DetectState)
        except msgspec.DecodeError as error:
            raise SnapshotUnusable(f"the snapshot of detect for {source} cannot be read: {error}") from None

    def recall(self, state: DetectState, side_value: bytes, next_offset: int) -> None:
        """Nothing: detect has no side topic."""

    def remembers_from(self, state: DetectState, next_offset: int) -> int:  # noqa: ARG002 - no side topic
        return next_offset

    def _take_in(self, state: DetectState, source: Partition, record: LogRecord, registers: Registers) -> Alert | None:
        found = _read(source, record)
        series = state.get(found.series_id) or SeriesState({})
        if isinstance(found, ReferenceAgreed):
            change = agree(series, found)
        else:
            series.values = dict(found.series)
            entry = _entry(series, found, source, record, registers)
            kind = kind_of(entry, series)
            if kind is None:
                _stop(source, record, f"{entry.ref} watches no series such as {found.series_id}")
            change = weigh(series, found, entry, kind, alert_id(found.series_id, found.review_id))
        state.put(found.series_id, series)
        if change is None:
            return None
        return _alert(found.series_id, series, change, record, registers.detectors.get(named(series)))


def watched(state: DetectState) -> Iterator[tuple[str, SeriesState]]:
    """(series id, state) of every series of this partition that is not forgotten.

    Another thread may look while the stage goes on: the ids are copied at once.
    """
    for series_id in list(state.items):
        series = state.get(series_id)
        if series is not None:
            yield series_id, series


def _entry(
    series: SeriesState, point: SeriesPoint, source: Partition, record: LogRecord, registers: Registers
) -> Detectors:
    """The register entry by which this point is weighed; the series goes by it from now on."""
    known = registers.detectors
    try:
        entry = known.get(point.detectors)
        # The first entry holds from the beginning of time, whatever it says.
        holds_from_ms = 0 if entry is known.entries[0] else round(entry.holds_from.timestamp() * 1000)
        if not in_force(series, holds_from_ms):
            return known.get(named(series))
    except UnknownVersion as error:
        raise UnknownVersion(f"{source}@{record.offset}: {error.message}", hint=error.hint) from None
    go_by(series, entry, holds_from_ms)
    return entry


def _alert(series_id: str, series: SeriesState, change: Change, record: LogRecord, entry: Detectors) -> Alert:
    alert = change.alert
    return Alert.model_validate(
        {
            "alert_id": alert.alert_id,
            "series_id": series_id,
            "series": series.values,
            "state": "open" if change.closed_because is None else "closed",
            "closed_because": change.closed_because,
            "since": instant(alert.since_ms),
            "raised_at": instant(alert.raised_ms),
            "changed_at": instant(record.timestamp),
            "times_raised": alert.times_raised,
            "evidence": alert.evidence,
            "threshold": alert.threshold,
            "reviews": alert.reviews,
            "reference_0_100": _points(alert.reference),
            "mean_0_100": _points(alert.mean),
            "one_false_alarm_in_periods": entry.one_false_alarm_in_periods,
            "period": entry.period,
            "detectors": entry.ref,
            "as_of_offset": record.offset,
        }
    )


def _points(share: float) -> float:
    """`share` of 1 in points; sums of floats may stray beyond the ends by their last digit."""
    return min(max(share * 100.0, 0.0), 100.0)


def _read(source: Partition, record: LogRecord) -> SeriesPoint | ReferenceAgreed:
    if record.value is None:
        _stop(source, record, "it has no value")
    try:
        found = SeriesRecord.model_validate_json(record.value).root
    except ValidationError as error:
        _stop(source, record, explain(error))
    if record.key != found.series_id.encode():
        _stop(source, record, "its key is not the series id")
    return found


def _stop(source: Partition, record: LogRecord, why: str) -> NoReturn:
    raise StageStopped(
        f"{source}@{record.offset} cannot be weighed: {why}",
        hint="Only Tafol writes this topic. Find out who wrote this record before going on; nothing was lost.",
    )
