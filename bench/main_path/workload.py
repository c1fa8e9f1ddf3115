"""The work that every contestant does: sound phone calls of about 390 bytes, 20 strata, one random draw of 5 %.

All decisions rest on the transaction id and the stratum alone, so that every contestant must select the same calls.
Times lie close to the instant of the call: the product judges age and future by the broker's append time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from schemas.catalogue import SOURCE_TOPIC
from schemas.draw_number import draw_numbers, threshold
from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister

SOURCE: Final = SOURCE_TOPIC["phone"]
RATE: Final = 0.05
SEED_HEX: Final = "5a" * 32
FRAME_ID: Final = "bench"
FRAME_VERSION: Final = 1
TEAMS: Final = 50
TEAMS_A_STRATUM: Final = 2
STRATA: Final = 20
"""Nineteen of two teams each, and one that takes the other twelve teams."""
REST: Final = "rest"
CLOCK_EVERY: Final = 64
"""Events between two looks at the clock; they share their times."""

Event = tuple[bytes, bytes]
"""Key and value of one record."""

_MOULD: Final = (
    b'{"id":"phone-%09d","channel":"phone","colleague_id":"c-%04d","team_id":"team-%02d","site":"%b",'
    b'"topic":"%b","started_at":"%b","ended_at":"%b","language":"%b","customer_ref":"%09d","outcome":"%b",'
    b'"monitoring_notice":{"customer":{"notice_id":"ivr-2026","how":"recorded_message","at":"%b"},'
    b'"colleague":"policy-4"}}'
)


def team(number: int) -> str:
    return f"team-{number:02}"


def stratum_of_team() -> dict[str, str]:
    """Name of the stratum that takes each team's calls."""
    return {
        team(number): f"s-{number // TEAMS_A_STRATUM:02}" if number // TEAMS_A_STRATUM < STRATA - 1 else REST
        for number in range(TEAMS)
    }


def frame(scorecard: str) -> SamplingFrame:
    """The sampling frame; selections are routed to one queue with `scorecard`."""
    by_stratum: dict[str, list[str]] = {}
    for name, stratum in stratum_of_team().items():
        by_stratum.setdefault(stratum, []).append(name)
    strata: list[dict[str, Any]] = [
        {"name": stratum, "draw": {"method": "random", "rate": RATE}}
        | ({} if stratum == REST else {"when": {"team_id": teams}})
        for stratum, teams in by_stratum.items()
    ]
    return SamplingFrame.model_validate(
        {
            "id": FRAME_ID, "version": FRAME_VERSION, "holds_from": "2026-01-01T00:00:00Z", "lawful_purpose": "bench",
            "seed": SEED_HEX, "strata": strata, "routes": [{"queue": "all", "scorecard": scorecard}],
        }
    )  # fmt: skip


def notices() -> NoticeRegister:
    """One notice for customers, one for colleagues: everyone was told."""
    told = {"valid_from": "2025-01-01T00:00:00Z", "text": {"en": "told", "cy": "dweud"}}
    return NoticeRegister.model_validate(
        {
            "id": "notices", "version": 1, "holds_from": "2026-01-01T00:00:00Z",
            "notices": [
                {"id": "ivr-2026", "audience": "customer", **told}, {"id": "policy-4", "audience": "colleague", **told},
            ],
        }
    )  # fmt: skip


def events(count: int, now: Callable[[], datetime], seed: int = 1) -> Iterator[Event]:
    """`count` calls, all eligible, all different; each ended when it is asked for."""
    chance = random.Random(seed)
    below = chance.random
    started_text = ended_text = b""
    for number in range(count):
        if number % CLOCK_EVERY == 0:
            ended = now().astimezone(UTC)
            ended_text, started_text = _text(ended), _text(ended - timedelta(seconds=30 + int(below() * 870)))
        value = _MOULD % (
            number,
            int(below() * 600),
            int(below() * TEAMS),
            (b"cardiff", b"bangor", b"swansea")[number % 3],
            (b"billing", b"moving-home", b"complaint", b"meter", b"tariff")[int(below() * 5)],
            started_text,
            ended_text,
            b"cy" if number % 4 == 3 else b"en",
            int(below() * 10**9),
            (b"resolved", b"follow-up", b"escalated")[number % 7 % 3],
            started_text,
        )
        yield b"phone-%09d" % number, value


class Call(msgspec.Struct, gc=False):
    """The fields that the decision needs."""

    id: str
    team_id: str
    channel: str


class Decider:
    """The decision as a contestant makes it: the stratum of a team, and the frame's own keyed draw."""

    def __init__(self) -> None:
        self.stratum_of = stratum_of_team()
        seed, below = bytes.fromhex(SEED_HEX), threshold(RATE)
        self._below = below
        self._number = {
            stratum: draw_numbers(seed, FRAME_ID, FRAME_VERSION, stratum) for stratum in set(self.stratum_of.values())
        }

    def selects(self, stratum: str, transaction_id: str) -> bool:
        return self._number[stratum](transaction_id) < self._below

    def selects_call(self, value: bytes) -> bool:
        """The verdict on one record of the source topic."""
        call = read_call(value)
        return self.selects(self.stratum_of[call.team_id], call.id)


read_call: Final = msgspec.json.Decoder(Call).decode


def _text(instant: datetime) -> bytes:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
