"""Logs of sources for the tests of the draw stage, and the log of candidates that sample makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from schemas.catalogue import CANDIDATES, SOURCE_TOPICS
from schemas.frame import SamplingFrame
from schemas.request import CheckRequest
from streams.registers import Appended, Registers, Requests
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord, instant
from tests.reference.stage_runs import Course
from tests.unit.sampling import logs as sampling
from tests.unit.sampling.courses import run

HOME: Final = Partition(CANDIDATES, 0)
SAMPLE: Final = SampleStage(Pseudonyms(sampling.KEY))
STRATA: Final[list[dict[str, Any]]] = [
    {
        "name": "cy", "when": {"language": "cy"},
        "draw": {"method": "quota", "n": 3, "per": "colleague", "window": "week", "parts": 2},
    },
    {
        "name": "complaints", "when": {"topic": "complaint"}, "draw": {"method": "random", "rate": 0.6},
        "cap": {"n": 2, "window": "day"},
    },
    {
        "name": "north", "when": {"site": "bangor"}, "draw": {"method": "systematic", "every": 2},
        "cap": {"n": 1, "window": "week"},
    },
    {"name": "rest", "by": "team_id", "draw": {"method": "quota", "n": 2, "per": "stratum", "window": "day"}},
]  # fmt: skip
OVERLAYS: Final = [
    {"name": "vip", "when": {"attributes": {"vip": True}}, "cap": {"n": 2, "window": "week", "per": "team"}},
    {"name": "all-complaints", "when": {"topic": "complaint"}},
]


def frame(**changes: Any) -> SamplingFrame:
    fields: dict[str, Any] = {"strata": STRATA, "overlays": OVERLAYS, "age_limit_days": 30, "duplicate_stretch": 1000}
    return sampling.frame(**{**fields, **changes})


def request(name: str, **changes: Any) -> CheckRequest:
    fields: dict[str, Any] = {
        "id": name, "version": 1, "holds_from": sampling.NOON, "holds_until": sampling.NOON + timedelta(days=2),
        "purpose": "spot", "when": {"colleague_id": "c-1"}, "n": 2, "asked_by": "supervisor",
    }  # fmt: skip
    return CheckRequest.model_validate({**fields, **changes})


def registers(held: SamplingFrame | None = None, requests: Iterable[CheckRequest] | None = None) -> Registers:
    asked = (request("next"), request("any", pick="random")) if requests is None else requests
    hour = timedelta(hours=1)
    return replace(
        sampling.registers(held or frame()),
        requests=Requests.of([Appended(one, one.holds_from - hour) for one in asked]),
    )


def sources(records: Sequence[PlainRecord]) -> dict[Partition, list[PlainRecord]]:
    """The phone log, and the logs of the other channels, which are empty."""
    return {Partition(topic, 0): list(records) if topic == SOURCE_TOPICS[0] else [] for topic in SOURCE_TOPICS}


def phone_calls(events: Iterable[dict[str, Any]]) -> list[PlainRecord]:
    """One record an event, appended when it ends or, where that is later, as late as the one before."""
    records: list[PlainRecord] = []
    stamp = datetime.min.replace(tzinfo=sampling.NOON.tzinfo)
    for offset, one in enumerate(events):
        stamp = max(stamp, datetime.fromisoformat(one["ended_at"]))
        records.append(sampling.record(offset, sampling.value(one), stamp))
    return records


def candidates_log(
    logs: dict[Partition, list[PlainRecord]],
    held: Registers,
    *,
    chunk: int = 5,
    idle_at: datetime | None = None,
    start_ms: int = 0,
    stage: SampleStage = SAMPLE,
) -> list[PlainRecord]:
    """Partition 0 of `candidates` when each source is read in turn, chunk by chunk; the empty ones are idle at once.

    `idle_at`: when all sources are said to be idle at the end.
    """
    sent: list[tuple[int, Output]] = []
    for source, records in logs.items():
        state = stage.initial(source)
        if not records:
            sent += [(start_ms, one) for one in stage.idle(state, 0, held)]
    for source, records in logs.items():
        state = stage.initial(source)
        for at in range(0, len(records), chunk):
            part = records[at : at + chunk]
            sent += [(part[-1].timestamp, one) for one in stage.step(state, Chunk(source, part), held)]
        if records and idle_at is not None:
            stamp = int(idle_at.timestamp() * 1000)
            sent += [(stamp, one) for one in stage.idle(state, records[-1].offset + 1, held)]
    there = [(stamp, one) for stamp, one in sent if one.topic == CANDIDATES and one.partition in (None, 0)]
    return [PlainRecord(n, stamp, one.key, one.value, tuple(one.headers)) for n, (stamp, one) in enumerate(there)]


def disturbed_logs(
    records: Sequence[PlainRecord], held: Registers, course: Course, partitions: int
) -> dict[Partition, list[PlainRecord]]:
    """All partitions of `candidates` when the workers that read the phone log die as `course` says: what stands there
    twice may stand in other records. Then all sources are idle for two weeks.
    """
    stage = SampleStage(Pseudonyms(sampling.KEY), partitions)
    stamp = records[-1].timestamp
    ended = int((instant(stamp) + timedelta(days=14)).timestamp() * 1000)
    sent: list[tuple[int, Output]] = []
    for source, there in sources(records).items():
        if there:
            sent += [(stamp, one) for one in run(stage, source, there, held, course)]
        sent += [(stamp, one) for one in stage.idle(stage.initial(source), len(there), held)]
    for source, there in sources(records).items():
        sent += [(ended, one) for one in stage.idle(stage.initial(source), len(there), held)]
    logs: dict[Partition, list[PlainRecord]] = {Partition(CANDIDATES, number): [] for number in range(partitions)}
    for at, one in sent:
        if one.topic == CANDIDATES and one.partition is not None:
            log = logs[Partition(CANDIDATES, one.partition)]
            log.append(PlainRecord(len(log), at, one.key, one.value, tuple(one.headers)))
    return logs


@st.composite
def phone_logs(draw: st.DrawFn) -> list[PlainRecord]:
    """Some weeks of few calls, in any order, some of them late; the clocks go forward within."""
    events = []
    now = sampling.NOON - timedelta(days=2)
    for number in range(draw(st.integers(1, 40))):
        now += timedelta(seconds=draw(st.sampled_from([0, 60, 3600, 20_000, 80_000])))
        late = timedelta(seconds=draw(st.sampled_from([0, 0, 0, 600, 3500, 7200, 3 * 86_400])))
        changes = {
            "colleague_id": draw(st.sampled_from(["c-1", "c-2"])),
            "team_id": draw(st.sampled_from(["t-1", "t-2"])),
            "language": draw(st.sampled_from(["en", "cy"])),
            "topic": draw(st.sampled_from(["billing", "complaint"])),
            "site": draw(st.sampled_from(["cardiff", "bangor"])),
            "attributes": draw(st.sampled_from([{}, {"vip": True}])),
        }
        fields = sampling.event(f"t-{number}", now - late, 300, **changes)
        events.append((now, fields))
    return [sampling.record(n, sampling.value(fields), at) for n, (at, fields) in enumerate(events)]
