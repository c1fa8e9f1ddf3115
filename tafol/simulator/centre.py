"""The organisation that is simulated: sites, teams, colleagues, and what customers and colleagues are told.

Names of teams, sites, topics and notices are those of the example frame and notices in tafol/examples. Colleagues are
opaque ids; how many a team has is a matter of the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas.base import Channel
from tafol.simulator import chance

FEWEST_COLLEAGUES, MOST_COLLEAGUES = 6, 14
COLLEAGUE_POLICY: Final = "monitoring-policy-2026"


@dataclass(frozen=True, slots=True)
class Team:
    """One team. `share`: of the contacts on each of its channels. `topics`: what its contacts are about, by weight."""

    team_id: str
    site: str
    channels: tuple[Channel, ...]
    share: float
    topics: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """How a channel's customers are told. `delay_s`: earliest and latest moment after the start."""

    notice_id: str
    how: Literal["recorded_message", "spoken", "written", "sign"]
    delay_s: tuple[float, float]


ON_THE_LINE: Final[tuple[Channel, ...]] = ("phone", "chat")
AT_THE_COUNTER: Final[tuple[Channel, ...]] = ("face_to_face",)
_SUPPORT: Final = (("technical-support", 0.75), ("account-change", 0.15), ("complaint", 0.10))
_COUNTER: Final = (
    ("billing", 0.30),
    ("account-change", 0.25),
    ("sales", 0.20),
    ("technical-support", 0.15),
    ("complaint", 0.06),
    ("cancellation", 0.04),
)
_BILLING: Final = (("billing", 0.72), ("account-change", 0.18), ("complaint", 0.10))

TEAMS: Final = (
    Team("cardiff-billing", "cardiff", ON_THE_LINE, 0.24, _BILLING),
    Team("cardiff-sales", "cardiff", ON_THE_LINE, 0.16, (("sales", 0.85), ("account-change", 0.15))),
    Team("cardiff-retention", "cardiff", ON_THE_LINE, 0.12, (("cancellation", 0.80), ("complaint", 0.20))),
    Team("bangor-billing", "bangor", ON_THE_LINE, 0.14, _BILLING),
    Team("bangor-support", "bangor", ON_THE_LINE, 0.14, _SUPPORT),
    Team("bangor-counter", "bangor", AT_THE_COUNTER, 0.45, _COUNTER),
    Team("swansea-support", "swansea", ON_THE_LINE, 0.20, _SUPPORT),
    Team("swansea-counter", "swansea", AT_THE_COUNTER, 0.55, _COUNTER),
)
TOPICS: Final = ("billing", "sales", "technical-support", "complaint", "account-change", "cancellation")
WELSH_SHARE: Final = {"cardiff": 0.06, "bangor": 0.38, "swansea": 0.11}
"""Share of contacts in Welsh, by site."""
PLACES: Final = {
    "bangor": ("Bangor, High Street", "Bangor, Ffordd Gwynedd library"),
    "swansea": ("Swansea, Oxford Street", "Swansea, Civic Centre"),
}
NOTICES: Final[dict[Channel, NoticeGiven]] = {
    "phone": NoticeGiven("phone-recording", "recorded_message", (1.0, 8.0)),
    "chat": NoticeGiven("chat-banner", "written", (0.0, 1.0)),
    "face_to_face": NoticeGiven("counter-sign", "sign", (0.0, 2.0)),
}


class Centre:
    """The colleagues of a seed."""

    def __init__(self, seed: int) -> None:
        spread = MOST_COLLEAGUES - FEWEST_COLLEAGUES + 1
        self.colleagues: dict[str, tuple[str, ...]] = {}
        """Opaque ids by team."""
        for team in TEAMS:
            size = FEWEST_COLLEAGUES + int(chance.unit(seed, "team size", team.team_id) * spread)
            self.colleagues[team.team_id] = tuple(
                f"c-{int(chance.unit(seed, 'colleague', team.team_id, n) * 16**8):08x}" for n in range(size)
            )
