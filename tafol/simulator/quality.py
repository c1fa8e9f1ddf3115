"""How well a transaction was really handled, 0 to 1: what reviewers try to see and trends try to recover.

A function of the seed and the transaction's own fields, so that any process can work it out from a review task. A
colleague or team that the simulation did not invent (real input) has a quality too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from tafol.simulator import chance
from tafol.simulator.config import SimulationConfig

LOWEST, HIGHEST = 0.05, 0.98
CENTRE_MEAN: Final = 0.80
TEAM_SPREAD: Final = 0.025
COLLEAGUE_SPREAD: Final = 0.055
TRANSACTION_SPREAD: Final = 0.075
TOPIC_EFFECT: Final = {"complaint": -0.04, "cancellation": -0.02, "account-change": 0.02}


class Handled(Protocol):
    """The fields that quality is made of; TransactionFields of a review task has them."""

    @property
    def id(self) -> str: ...
    @property
    def team_id(self) -> str: ...
    @property
    def colleague_id(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def ended_at(self) -> datetime: ...


class LatentQuality:
    """The true quality of transactions under one configuration."""

    def __init__(self, config: SimulationConfig) -> None:
        self._seed = config.seed
        self._drop = config.drop
        self._drop_starts = config.drop_starts
        self._skill: dict[tuple[str, str], float] = {}

    def of(self, handled: Handled) -> float:
        """0 to 1, to four decimals (so that it is the same on every platform)."""
        quality = self._skill_of(handled.team_id, handled.colleague_id)
        quality += TOPIC_EFFECT.get(handled.topic, 0.0)
        quality += TRANSACTION_SPREAD * chance.normal(self._seed, "quality", handled.id)
        if self._dropped(handled):
            quality -= self._drop.points / 100 if self._drop is not None else 0.0
        return round(min(max(quality, LOWEST), HIGHEST), 4)

    def _dropped(self, handled: Handled) -> bool:
        if self._drop is None or self._drop_starts is None or handled.team_id != self._drop.team_id:
            return False
        return handled.ended_at >= self._drop_starts

    def _skill_of(self, team_id: str, colleague_id: str) -> float:
        known = self._skill.get((team_id, colleague_id))
        if known is None:
            team = TEAM_SPREAD * chance.normal(self._seed, "team quality", team_id)
            own = COLLEAGUE_SPREAD * chance.normal(self._seed, "skill", colleague_id)
            known = self._skill[team_id, colleague_id] = CENTRE_MEAN + team + own
        return known


def latent_quality(config: SimulationConfig, handled: Handled) -> float:
    """The true quality of one transaction, 0 to 1. For many, keep a LatentQuality."""
    return LatentQuality(config).of(handled)
