"""How far a person sees into trends and alerts: everything, some teams, or oneself.

A quality manager sees everything. A supervisor who is in teams sees these teams and their colleagues, and what names no
team at all (a channel, a site); one who is in none, everything. A colleague sees their own work alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from desk.people.authorisation import Actor
from desk.store.tables import Account, TeamMember
from schemas.detector import Dimension


@dataclass(frozen=True, slots=True)
class Sight:
    """`teams` None: every team. `colleagues`: of these teams as the desk knows them; `own`: the only one, if any."""

    teams: frozenset[str] | None = None
    colleagues: frozenset[str] = frozenset()
    own: str | None = None

    def sees_series(self, values: Mapping[Dimension, str]) -> bool:
        """Whether a series may be shown: the teams and colleagues that it names are in sight."""
        if self.own is not None:
            return values.get("colleague") == self.own
        if self.teams is None:
            return True
        if "team" in values:
            return values["team"] in self.teams
        return "colleague" not in values or values["colleague"] in self.colleagues


def sight_of(session: Session, actor: Actor, now: datetime) -> Sight:
    """As of `now`. For people whom the table of authorisation lets in at all."""
    if not actor.may("trend.see"):
        return Sight(frozenset(), own=actor.colleague_id or "")
    if "quality_manager" in actor.roles:
        return Sight()
    in_now = (TeamMember.from_at <= now, or_(TeamMember.to_at.is_(None), TeamMember.to_at > now))
    teams = frozenset(
        session.scalars(select(TeamMember.team_id).where(TeamMember.account_id == actor.account_id, *in_now))
    )
    if not teams:
        return Sight()
    members = select(TeamMember.account_id).where(TeamMember.team_id.in_(teams), *in_now)
    colleagues = session.scalars(
        select(Account.colleague_id).where(Account.account_id.in_(members), Account.colleague_id.is_not(None))
    )
    return Sight(teams, frozenset(one for one in colleagues if one is not None))
