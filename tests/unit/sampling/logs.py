"""Small logs of transactions for the tests of the sample stage, by hand and by hypothesis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from streams.record_columns import RecordColumns
from streams.registers import Appended, Registers, Timeline
from streams.stage import Partition, PlainRecord

SOURCE: Final = Partition("transactions.phone", 3)
CHAT_SOURCE: Final = Partition("transactions.chat", 0)
KEY: Final = b"a key of thirty-two bytes or more"
NOON: Final = datetime(2026, 3, 27, 12, tzinfo=UTC)
"""A Friday; the clocks of Europe/London go forward on the Sunday."""
SEED: Final = "0123456789abcdef" * 4

STRATA: Final[list[dict[str, Any]]] = [
    {"name": "cy", "when": {"language": "cy"}, "draw": {"method": "random", "rate": 0.5}},
    {"name": "complaints", "when": {"topic": ["complaint"]}, "draw": {"method": "systematic", "every": 3}},
    {"name": "north", "when": {"site": ["bangor"], "team_id": ["t-1", "t-2"]}, "draw": {"method": "none"}},
    {"name": "chat", "when": {"channel": "chat"}, "draw": {"method": "random", "rate": 0.1}},
    {"name": "rest", "draw": {"method": "systematic", "every": 2}},
]


def frame(version: int = 1, **changes: Any) -> SamplingFrame:
    """A small frame; `changes` by field name."""
    fields: dict[str, Any] = {
        "id": "centre", "version": version, "holds_from": "2026-01-01T00:00:00Z", "lawful_purpose": "quality",
        "seed": SEED, "strata": STRATA, "routes": [{"queue": "all", "scorecard": "card"}], "lateness_s": 3600,
        "duplicate_stretch": 5, "age_limit_days": 10,
    }  # fmt: skip
    return SamplingFrame.model_validate({**fields, **changes})


def notices(version: int = 1, **changes: Any) -> NoticeRegister:
    """A notice for phone customers, one for chat, one for colleagues, and one of each that ended at NOON."""
    text, begun = {"en": "told", "cy": "dweud"}, "2025-01-01T00:00:00Z"
    held: list[dict[str, Any]] = [
        {"id": "ivr", "audience": "customer", "channels": ["phone"], "valid_from": begun},
        {"id": "banner", "audience": "customer", "channels": ["chat"], "valid_from": begun},
        {"id": "old", "audience": "customer", "valid_from": begun, "valid_to": NOON.isoformat()},
        {"id": "policy", "audience": "colleague", "valid_from": begun},
        {"id": "old-policy", "audience": "colleague", "valid_from": begun, "valid_to": NOON.isoformat()},
    ]
    fields: dict[str, Any] = {
        "id": "notices", "version": version, "holds_from": "2026-01-01T00:00:00Z",
        "notices": [{**one, "text": text} for one in held],
    }  # fmt: skip
    return NoticeRegister.model_validate({**fields, **changes})


def registers(*frames: SamplingFrame, told: Sequence[NoticeRegister] = ()) -> Registers:
    """Registers that hold these entries, each published a day before it holds."""
    day = timedelta(days=1)
    return Registers(
        frames=Timeline.of("sampling frame", [Appended(one, one.holds_from - day) for one in frames or (frame(),)]),
        notices=Timeline.of("notices", [Appended(one, one.holds_from - day) for one in told or (notices(),)]),
    )


def event(transaction_id: str = "t-1", ended: datetime = NOON, lasted_s: float = 300, **changes: Any) -> dict[str, Any]:
    """One valid phone call; `changes` by field name."""
    started = ended - timedelta(seconds=lasted_s)
    fields: dict[str, Any] = {
        "id": transaction_id, "channel": "phone", "colleague_id": "c-1", "team_id": "t-1", "site": "cardiff",
        "topic": "billing", "started_at": started.isoformat(), "ended_at": ended.isoformat(), "language": "en",
        "customer_ref": "C0001", "outcome": "resolved",
        "monitoring_notice": {
            "customer": {"notice_id": "ivr", "how": "recorded_message", "at": started.isoformat()},
            "colleague": "policy",
        },
    }  # fmt: skip
    return {**fields, **changes}


def value(fields: object) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def record(offset: int, raw: bytes | None, appended: datetime = NOON, key: bytes | None = None) -> PlainRecord:
    return PlainRecord(offset, int(appended.timestamp() * 1000), key, raw)


def log(events: Iterable[dict[str, Any]], appended: datetime = NOON) -> list[PlainRecord]:
    """One record an event, offsets from 0."""
    return [record(offset, value(one), appended) for offset, one in enumerate(events)]


def among(*values: Any, often: Any = None, weight: int = 8) -> st.SearchStrategy[Any]:
    """One of `values`, or `often`, which comes `weight` times as often as any of them."""
    return st.sampled_from([often] * weight + list(values))


@st.composite
def events(draw: st.DrawFn, ended: datetime) -> dict[str, Any]:
    """A transaction that ended then: of any stratum, mostly with good notices, sometimes with unknown fields."""
    lasted_s = draw(among(299, 0, often=300))
    fields = event(f"t-{draw(st.integers(0, 12))}", ended, lasted_s)
    changes = {
        "language": st.sampled_from(["en", "cy"]),
        "topic": st.sampled_from(["billing", "complaint"]),
        "site": st.sampled_from(["cardiff", "bangor"]),
        "team_id": st.sampled_from(["t-1", "t-2", "t-3"]),
        "attributes": st.sampled_from([{}, {"score": 1.5, "vip": True}]),
    }
    fields |= {name: draw(values) for name, values in changes.items()}
    told = fields["monitoring_notice"]
    told["customer"]["notice_id"] = draw(among("old", "banner", often="ivr"))
    told_after_s = draw(among(30, 31, 60, 61, often=0))
    told["customer"]["at"] = (ended - timedelta(seconds=lasted_s - told_after_s)).isoformat()
    told |= draw(among({"customer": None}, {"colleague": None}, {"colleague": "old-policy"}, often={}, weight=12))
    fields |= draw(among({"till": 7}, {"till": [1], "queue_name": "x"}, {"channel": "chat"}, often={}))
    return fields


@st.composite
def logs(draw: st.DrawFn) -> list[PlainRecord]:
    """Logs of all that can happen: days that pass, late events, repeats, conflicts, bad records, gaps in offsets.

    Event times go from two days before the clocks change to some days after it.
    """
    records: list[PlainRecord] = []
    offset, now = draw(st.integers(0, 10**12)), NOON
    for _ in range(draw(st.integers(1, 40))):
        offset += draw(st.sampled_from([1, 1, 1, 1, 2, 4]))
        now += timedelta(seconds=draw(st.sampled_from([0, 0, 1, 600, 7200, 40_000])))
        late_s = draw(st.sampled_from([0, 0, 0, 1, 3600, 86_400, 3 * 86_400, 11 * 86_400, -299, -301]))
        fields = draw(events(now - timedelta(seconds=late_s)))
        raw: bytes | None = value(fields)
        kind = draw(among("null", "noise", "invalid", "again", "again", "again", often="good", weight=10))
        if kind == "null":
            raw = None
        elif kind == "noise":
            raw = draw(st.binary(max_size=20))
        elif kind == "invalid":
            raw = value({**fields, "csat_0_100": 101})
        elif kind == "again" and records:
            raw = draw(st.sampled_from(records[-9:])).value
        key = draw(among(fields["id"].encode(), b"other"))
        records.append(record(offset, raw, now, key))
    return records


def in_columns(values: Sequence[bytes], keys: Sequence[bytes | None] | None = None) -> RecordColumns:
    """Records with these values and keys; without keys where none are given."""
    both = zip(values, keys or [None] * len(values), strict=True)
    return RecordColumns.of([PlainRecord(offset, 0, key, value) for offset, (value, key) in enumerate(both)])
