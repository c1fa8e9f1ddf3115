"""Trends: estimates of quality as far as a person may see them. The arithmetic is the query library's.

Sight narrows what is asked for, not what is shown of it: a supervisor of two teams asks for two teams. So filters and
sight meet in `Within`, and nothing that is out of sight ever comes out of ClickHouse.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Final, Literal, get_args

import numpy as np

from desk.errors import NoOwnWork
from desk.people.authorisation import Actor, require
from desk.services.analytics import Analytics, connected
from desk.services.sight import Sight, sight_of
from desk.surroundings import Surroundings
from sinks.queries.comparison import Comparison, Driver, compare, drivers
from sinks.queries.estimates import Estimate, Period, Within, estimates
from sinks.queries.known_names import known_names
from sinks.queries.league import League, league

By = Literal["all", "channel", "site", "team", "colleague", "topic", "language"]
BYS: Final[tuple[By, ...]] = get_args(By)
Every = Literal["day", "week", "month", "quarter"]
EVERIES: Final[tuple[Every, ...]] = get_args(Every)
DEFAULT_WEEKS: Final = 13
LATEST: Final = timedelta(days=14)
LONGEST: Final = timedelta(days=3 * 366)
MOST_PERIODS: Final = 120
NOBODY: Final = "-"
"""A filter that lets nothing through: no identifier is a hyphen alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What each dimension has, in order: channels by their codes, the others by ids."""

    channels: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    colleagues: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    scorecards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters(Values):
    """What is asked for, as the address of a page says it. Days are local, [from_day, to_day).

    A dimension without values lets all of them through.
    """

    from_day: date
    to_day: date
    by: By = "all"
    every: Every = "week"


@dataclass(frozen=True, slots=True)
class Changed:
    """The days that are asked for against as many days before them. `comparison` None: no reviews on a side."""

    before_from: date
    comparison: Comparison | None
    drivers: tuple[Driver, ...]


class TrendService:
    """Estimates, for those who may see trends of all (trend.see) or their own (trend.own)."""

    def __init__(self, here: Surroundings, analytics: Analytics | None) -> None:
        self._here = here
        self._analytics = analytics

    def default_days(self) -> tuple[date, date]:
        """The last DEFAULT_WEEKS weeks from a Monday on, today included."""
        today = self._here.now().astimezone(self._here.config.zone).date()
        monday = today - timedelta(days=today.weekday())
        return monday - timedelta(weeks=DEFAULT_WEEKS - 1), today + timedelta(days=1)

    def latest_days(self) -> tuple[date, date]:
        """The last LATEST days, today included: what is held against as many before."""
        after_last = self.default_days()[1]
        return after_last - LATEST, after_last

    def choices(self, actor: Actor, filters: Filters) -> Values:
        """What may be chosen in the days asked for: nothing that is out of sight. Raises AnalyticsAway."""
        sight = self._sight(actor)
        days = Within(filters.from_day, filters.to_day, self._here.config.time_zone)
        names = known_names(connected(self._analytics), days)
        found = Values(**{one.name: names[one.name] for one in fields(Values)})
        if sight.own is not None:
            return replace(found, teams=(), colleagues=(), sites=())
        if sight.teams is None:
            return found
        own = tuple(one for one in found.teams if one in sight.teams)
        return replace(found, teams=own, colleagues=tuple(one for one in found.colleagues if one in sight.colleagues))

    def over_time(self, actor: Actor, filters: Filters) -> tuple[Estimate, ...]:
        """By group and period. Raises AnalyticsAway."""
        return self._total(actor, filters, self._by(actor, filters.by), filters.every)

    def overall(self, actor: Actor, filters: Filters) -> Estimate | None:
        """Of all that is asked for, in one; None when nothing was selected or reviewed. Raises AnalyticsAway."""
        return next(iter(self._total(actor, filters, "all", "all")), None)

    def accuracy(self, actor: Actor, filters: Filters) -> tuple[Estimate, ...]:
        """Per cent of transactions without a critical error, by error class ('any' for all). Raises AnalyticsAway."""
        within = self._within(actor, filters)
        return estimates(connected(self._analytics), within, measure="error_class")

    def distribution(self, actor: Actor, filters: Filters) -> tuple[Estimate, ...]:
        """Per cent of transactions by tenth of the score. Raises AnalyticsAway."""
        within = self._within(actor, filters)
        return estimates(connected(self._analytics), within, measure="distribution")

    def criteria(self, actor: Actor, filters: Filters) -> tuple[Estimate, ...]:
        """The score of each criterion by group. Raises AnalyticsAway."""
        within, by = self._within(actor, filters), self._by(actor, filters.by)
        return estimates(connected(self._analytics), within, group_by=by, measure="criterion")

    def league(self, actor: Actor, filters: Filters) -> League | None:
        """The groups of `by`, such as colleagues, side by side; None of fewer than two. Raises AnalyticsAway."""
        require(actor, "trend.see")
        # The same days give the same draws, so that a page, its pictures and its CSV tell the same ranks.
        chance = np.random.default_rng([filters.from_day.toordinal(), filters.to_day.toordinal()])
        return league(connected(self._analytics), self._within(actor, filters), random=chance, group_by=filters.by)

    def changed(self, actor: Actor, filters: Filters) -> Changed:
        """What changed, how much of it is mix, and which criteria drive it. Raises AnalyticsAway."""
        after = self._within(actor, filters)
        before = replace(after, from_day=after.from_day - (after.to_day - after.from_day), to_day=after.from_day)
        store = connected(self._analytics)
        return Changed(
            before_from=before.from_day,
            comparison=compare(store, before, after, mix_by=self._by(actor, filters.by)),
            drivers=drivers(store, before, after),
        )

    def _total(self, actor: Actor, filters: Filters, by: By, period: Period) -> tuple[Estimate, ...]:
        within = self._within(actor, filters)
        return estimates(connected(self._analytics), within, group_by=by, period=period)

    def _by(self, actor: Actor, by: By) -> By:
        """Groups of people are for those who see more than themselves."""
        return by if actor.may("trend.see") or by in ("channel", "topic", "language") else "all"

    def _within(self, actor: Actor, filters: Filters) -> Within:
        sight = self._sight(actor)
        return Within(
            from_day=filters.from_day,
            to_day=filters.to_day,
            time_zone=self._here.config.time_zone,
            channels=filters.channels,
            sites=filters.sites,
            teams=_in_sight(filters.teams, None if sight.own is not None else sight.teams),
            colleagues=filters.colleagues if sight.own is None else (sight.own,),
            topics=filters.topics,
            languages=filters.languages,
            scorecards=filters.scorecards,
        )

    def _sight(self, actor: Actor) -> Sight:
        if not actor.may("trend.see"):
            require(actor, "trend.own")
            if actor.colleague_id is None:
                raise NoOwnWork("this account has no id as a colleague, so no work is known to be theirs")
        with self._here.database.read() as session:
            return sight_of(session, actor, self._here.now())


def _in_sight(wanted: tuple[str, ...], seen: frozenset[str] | None) -> tuple[str, ...]:
    """The teams to ask for. Nothing in sight of what is wanted: a filter that lets nothing through."""
    if seen is None:
        return wanted
    return tuple(sorted(seen.intersection(wanted) if wanted else seen)) or (NOBODY,)
