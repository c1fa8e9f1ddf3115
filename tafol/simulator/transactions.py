"""What happens when a customer comes: who serves them, how long it takes, how it ends, what is said and recorded.

A transaction is first a Draft, whose times and notices disorder may still change, then the fields that a source system
would send. Everything about one transaction comes from a stream of chance named by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import Any, Final

from schemas.base import Channel
from tafol.simulator import chance
from tafol.simulator.arrivals import Arrival
from tafol.simulator.centre import COLLEAGUE_POLICY, NOTICES, PLACES, TEAMS, WELSH_SHARE, Centre, Team
from tafol.simulator.config import SimulationConfig
from tafol.simulator.conversation import converse
from tafol.simulator.quality import LatentQuality

MEDIAN_LENGTH_S: Final[dict[Channel, float]] = {"phone": 330.0, "chat": 680.0, "face_to_face": 420.0}
LENGTH_FACTOR: Final = {"technical-support": 1.5, "complaint": 1.6, "cancellation": 1.2, "account-change": 0.8}
LENGTH_SPREAD: Final = 0.55
"""Standard deviation of the logarithm of the length."""
SHORTEST_S, LONGEST_S = 45.0, 7200.0
LINES_BEFORE_LEAVING: Final = 2
"""Turns of a chat whose customer left before SHORTEST_S."""
CSAT_SHARE: Final = 0.22
AUTO_SCORE_SHARE: Final = 0.55
AUTO_SCORE_NOISE: Final = 9.0
FLAG_SHARES: Final = (("repeat-contact", 0.08), ("vulnerable-customer", 0.03), ("callback-promised", 0.05))


@dataclass(slots=True)
class Told:
    """The customer was told by this notice, in this way, at this moment."""

    notice_id: str
    how: str
    at: datetime


@dataclass(slots=True)
class Draft:
    """A transaction as it is about to be. `id`, `team_id`, `colleague_id`, `topic`, `ended_at` make its quality."""

    id: str
    channel: Channel
    team: Team
    colleague_id: str
    topic: str
    language: str
    customer_ref: str
    started_at: datetime
    ended_at: datetime
    told: Told | None
    colleague_policy: str | None

    @property
    def team_id(self) -> str:
        return self.team.team_id


class Transactions:
    """Makes transactions under one configuration."""

    def __init__(self, config: SimulationConfig) -> None:
        self._config = config
        self._zone = config.zone
        self._centre = Centre(config.seed)
        self.quality: Final = LatentQuality(config)
        self._teams = {channel: [team for team in TEAMS if channel in team.channels] for channel in NOTICES}
        self._team_shares = {channel: [team.share for team in teams] for channel, teams in self._teams.items()}

    def draft(self, arrival: Arrival) -> Draft:
        """Who serves the customer who arrives, about what, and for how long. All is in order in a draft."""
        config = self._config
        transaction_id = f"{config.run}-{arrival.name}"
        chances = chance.stream(config.seed, "transaction", arrival.name)
        (team,) = chances.choices(self._teams[arrival.channel], self._team_shares[arrival.channel])
        (topic,) = chances.choices([one for one, _ in team.topics], [weight for _, weight in team.topics])
        started_at = _to_the_millisecond(arrival.at)
        notice = NOTICES[arrival.channel]
        told_after_s = min(chances.uniform(*notice.delay_s), config.expects.customer_told_within_s)
        return Draft(
            id=transaction_id,
            channel=arrival.channel,
            team=team,
            colleague_id=chances.choice(self._centre.colleagues[team.team_id]),
            topic=topic,
            language="cy" if chances.random() < WELSH_SHARE[team.site] else "en",
            customer_ref=self._customer(chances),
            started_at=started_at,
            ended_at=later(started_at, self._length_s(chances, arrival.channel, topic)),
            told=Told(notice.notice_id, notice.how, later(started_at, told_after_s)),
            colleague_policy=COLLEAGUE_POLICY,
        )

    def fields(self, draft: Draft) -> dict[str, Any]:
        """What the source system sends of a draft, as JSON values."""
        quality = self.quality.of(draft)
        chances = chance.stream(self._config.seed, "fields", draft.id)
        resolved = chances.random() < 0.35 + 0.65 * quality
        told = draft.told
        outcome = "resolved" if resolved else chances.choice(("follow-up", "transferred", "not-resolved"))
        fields: dict[str, Any] = {
            "id": draft.id,
            "channel": draft.channel,
            "colleague_id": draft.colleague_id,
            "team_id": draft.team_id,
            "site": draft.team.site,
            "topic": draft.topic,
            "started_at": self._written(draft.started_at),
            "ended_at": self._written(draft.ended_at),
            "language": draft.language,
            "customer_ref": draft.customer_ref,
            "outcome": "abandoned" if _left_at_once(draft) else outcome,
            "monitoring_notice": {
                "customer": told and {"notice_id": told.notice_id, "how": told.how, "at": self._written(told.at)},
                "colleague": draft.colleague_policy,
            },
            "flags": [flag for flag, share in FLAG_SHARES if chances.random() < share],
            "attributes": {
                "queue_wait_s": round(chances.expovariate(1 / 75)),
                "transferred_in": chances.random() < 0.1,
            },
        }
        if chances.random() < CSAT_SHARE:
            fields["csat_0_100"] = 25 * min(max(round(4 * chances.gauss(quality, 0.18)), 0), 4)
        if draft.channel != "face_to_face" and chances.random() < AUTO_SCORE_SHARE:
            fields["auto_score_0_100"] = round(min(max(chances.gauss(100 * quality, AUTO_SCORE_NOISE), 0.0), 100.0), 1)
        if draft.channel == "phone":
            fields["recording_ref"] = f"recordings/{draft.started_at:%Y/%m/%d}/{draft.id}.wav"
        elif draft.channel == "chat":
            fields["chat"] = self._chat(draft, quality, resolved)
        else:
            fields["place"] = chances.choice(PLACES[draft.team.site])
        return fields

    def _chat(self, draft: Draft, quality: float, resolved: bool) -> list[dict[str, str]]:
        chances = chance.stream(self._config.seed, "chat", draft.id)
        fewest, most = self._config.chat_turns
        turns = converse(
            chances,
            language=draft.language,
            topic=draft.topic,
            account=draft.customer_ref,
            quality=quality,
            resolved=resolved,
            told=draft.told is not None,
            turns=round(chances.triangular(fewest, most)),
        )
        gaps = [chances.uniform(0.3, 1.0) for _ in turns]
        scale = (draft.ended_at - draft.started_at) / sum(gaps)
        at = draft.started_at
        lines = []
        for (speaker, text), gap in zip(turns, gaps, strict=True):
            lines.append({"speaker": speaker, "text": text, "at": self._written(at)})
            at += scale * gap
        return lines[:LINES_BEFORE_LEAVING] if _left_at_once(draft) else lines

    def _length_s(self, chances: Random, channel: Channel, topic: str) -> float:
        median = MEDIAN_LENGTH_S[channel] * LENGTH_FACTOR.get(topic, 1.0)
        shortest = max(SHORTEST_S, 2 * self._config.expects.minimum_length_s)
        return min(max(chances.lognormvariate(log(median), LENGTH_SPREAD), shortest), max(LONGEST_S, shortest))

    def _customer(self, chances: Random) -> str:
        number = chances.randrange(self._config.customers)
        return str(10_000_000 + int(chance.unit(self._config.seed, "customer", number) * 90_000_000))

    def _written(self, at: datetime) -> str:
        """Local time with its offset, as most telephone systems write it."""
        return at.astimezone(self._zone).isoformat(timespec="milliseconds")


def later(at: datetime, seconds: float) -> datetime:
    """`at` plus `seconds`, to the millisecond."""
    return at + timedelta(milliseconds=round(seconds * 1000))


def _left_at_once(draft: Draft) -> bool:
    return (draft.ended_at - draft.started_at).total_seconds() < SHORTEST_S


def _to_the_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
