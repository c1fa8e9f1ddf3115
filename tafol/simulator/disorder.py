"""What goes wrong on the way, and what must become of it.

Every fault carries its own expected fate, from the simulation's intention alone: nothing here asks the pipeline's code
what it would do. A transaction has at most one fault that excludes or rejects it, so no fate hangs on the order in
which the pipeline looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final, Literal, NamedTuple

from schemas.base import CHANNELS
from schemas.catalogue import CHANNEL_OF_TOPIC, SOURCE_TOPIC
from schemas.decided import ExcludeReason
from schemas.rejected import RejectReason
from tafol.simulator.config import SimulationConfig
from tafol.simulator.transactions import Draft, later

Becomes = Literal["eligible", "excluded", "rejected", "repeat"]
UNKNOWN_NOTICE: Final = "recording-announcement-2019"
UNKNOWN_POLICY: Final = "handbook-2019"
TOLD_TOO_LATE_BY_S = (15.0, 240.0)
FUTURE_BEYOND_LIMIT_S = (2 * 3600.0, 3 * 86_400.0)
"""Counted from the end of the simulation, so that an event is still from the future when all is sent at the end."""
AGE_BEYOND_LIMIT_S = (86_400.0, 20 * 86_400.0)


class Fate(NamedTuple):
    """What must become of one event. `reason`: code of the exclusion or rejection; `kind`: how it was spoilt."""

    becomes: Becomes
    reason: ExcludeReason | RejectReason | Literal[""] = ""
    kind: str = ""


ELIGIBLE: Final = Fate("eligible")
REPEAT: Final = Fate("repeat")
CONFLICT: Final = Fate("rejected", "conflicting_repeat", "conflicting_repeat")


@dataclass(slots=True)
class Unsent:
    """An event before it is sent; a spoiler changes it. `value` None: the fields as JSON."""

    topic: str
    key: bytes
    fields: dict[str, Any]
    value: bytes | None = None

    def encoded(self) -> bytes:
        return encode(self.fields) if self.value is None else self.value


def encode(fields: dict[str, Any]) -> bytes:
    """One value of a source topic."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def beset(draft: Draft, config: SimulationConfig, chances: Random) -> Fate:
    """Choose at most one fault for a draft, change its times and notices accordingly, and say what must become of it.

    A fate with a `kind` in SPOILERS still wants `spoil` once the fields are there.
    """
    chosen = chances.random()
    for fault, share in config.disorder.faults:
        chosen -= share
        if chosen < 0:
            return _FAULTS[fault](draft, config, chances)
    return ELIGIBLE


def spoil(unsent: Unsent, kind: str) -> None:
    """Spoil an event in the way of SPOILERS[kind]."""
    SPOILERS[kind][1](unsent)


def extra_fields(chances: Random) -> dict[str, Any]:
    """Top-level fields that the schema does not know; the last is too large to be kept."""
    links = [f"case/{chances.randrange(10**6)}" for _ in range(3)]
    return {"desk_version": "7.2.1", "wrap_up_s": chances.randrange(5, 180), "crm": {"links": links}}


def contradicted(fields: dict[str, Any]) -> dict[str, Any]:
    """The same transaction with other content."""
    return {**fields, "outcome": "reopened"}


def _not_told(draft: Draft, _config: SimulationConfig, _chances: Random) -> Fate:
    draft.told = None
    return Fate("excluded", "customer_not_told")


def _told_late(draft: Draft, config: SimulationConfig, chances: Random) -> Fate:
    assert draft.told is not None
    draft.told.at = later(
        draft.started_at, config.expects.customer_told_within_s + chances.uniform(*TOLD_TOO_LATE_BY_S)
    )
    draft.ended_at = max(draft.ended_at, draft.told.at + timedelta(seconds=30))
    return Fate("excluded", "customer_told_late")


def _notice_unknown(draft: Draft, _config: SimulationConfig, _chances: Random) -> Fate:
    assert draft.told is not None
    draft.told.notice_id = UNKNOWN_NOTICE
    return Fate("excluded", "customer_notice_not_valid")


def _colleague_not_told(draft: Draft, _config: SimulationConfig, _chances: Random) -> Fate:
    draft.colleague_policy = None
    return Fate("excluded", "colleague_not_told")


def _policy_unknown(draft: Draft, _config: SimulationConfig, _chances: Random) -> Fate:
    draft.colleague_policy = UNKNOWN_POLICY
    return Fate("excluded", "colleague_notice_not_valid")


def _too_short(draft: Draft, config: SimulationConfig, chances: Random) -> Fate:
    if not config.expects.minimum_length_s:
        return ELIGIBLE
    draft.ended_at = later(draft.started_at, config.expects.minimum_length_s * chances.uniform(0.2, 0.9))
    return Fate("excluded", "too_short")


def _bad(draft: Draft, config: SimulationConfig, chances: Random) -> Fate:
    kind = chances.choice((*SPOILERS, "from_the_future", "too_old"))
    if kind == "from_the_future":
        limit = timedelta(seconds=config.expects.future_limit_s + chances.uniform(*FUTURE_BEYOND_LIMIT_S))
        _move(draft, config.ends + limit - draft.ended_at)
        return Fate("rejected", "from_the_future", kind)
    if kind == "too_old":
        limit = timedelta(days=config.expects.age_limit_days, seconds=chances.uniform(*AGE_BEYOND_LIMIT_S))
        _move(draft, -limit)
        return Fate("rejected", "too_old", kind)
    return Fate("rejected", SPOILERS[kind][0], kind)


def _move(draft: Draft, by: timedelta) -> None:
    by = timedelta(milliseconds=by // timedelta(milliseconds=1))
    draft.started_at += by
    draft.ended_at += by
    if draft.told is not None:
        draft.told.at += by


_FAULTS: Final[dict[str, Callable[[Draft, SimulationConfig, Random], Fate]]] = {
    "bad": _bad,
    "customer_not_told": _not_told,
    "customer_told_late": _told_late,
    "customer_notice_unknown": _notice_unknown,
    "colleague_not_told": _colleague_not_told,
    "colleague_notice_unknown": _policy_unknown,
    "too_short": _too_short,
}


def _cut_off(unsent: Unsent) -> None:
    whole = unsent.encoded()
    unsent.value = whole[: len(whole) // 2]


def _not_utf8(unsent: Unsent) -> None:
    unsent.value = unsent.encoded()[:-1] + b',"note":"\xff\xfe"}'


def _empty(unsent: Unsent) -> None:
    unsent.value = b""


def _in_a_list(unsent: Unsent) -> None:
    unsent.value = b"[" + unsent.encoded() + b"]"


def _wrong_type(unsent: Unsent) -> None:
    unsent.fields["colleague_id"] = 4711


def _missing_field(unsent: Unsent) -> None:
    del unsent.fields["team_id"]


def _unknown_channel(unsent: Unsent) -> None:
    unsent.fields["channel"] = "email"


def _ended_before_started(unsent: Unsent) -> None:
    fields = unsent.fields
    fields["started_at"], fields["ended_at"] = fields["ended_at"], fields["started_at"]


def _without_offset(unsent: Unsent) -> None:
    unsent.fields["ended_at"] = unsent.fields["ended_at"][: len("2026-11-01T09:00:00.000")]


def _out_of_range(unsent: Unsent) -> None:
    unsent.fields["csat_0_100"] = 140


def _wrong_channel(unsent: Unsent) -> None:
    position = CHANNELS.index(CHANNEL_OF_TOPIC[unsent.topic])
    unsent.topic = SOURCE_TOPIC[CHANNELS[(position + 1) % len(CHANNELS)]]


def _wrong_key(unsent: Unsent) -> None:
    unsent.key += b"-other"


SPOILERS: Final[dict[str, tuple[RejectReason, Callable[[Unsent], None]]]] = {
    "cut_off": ("undecodable", _cut_off),
    "not_utf8": ("undecodable", _not_utf8),
    "empty": ("undecodable", _empty),
    "in_a_list": ("undecodable", _in_a_list),
    "wrong_type": ("invalid", _wrong_type),
    "missing_field": ("invalid", _missing_field),
    "unknown_channel": ("invalid", _unknown_channel),
    "ended_before_started": ("invalid", _ended_before_started),
    "without_offset": ("invalid", _without_offset),
    "out_of_range": ("invalid", _out_of_range),
    "wrong_channel": ("wrong_channel", _wrong_channel),
    "wrong_key": ("wrong_key", _wrong_key),
}
"""Ways to spoil a whole event, with the reason it must be rejected for."""
