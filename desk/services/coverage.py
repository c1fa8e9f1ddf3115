"""Coverage: what became of everything that was read, from ClickHouse."""

from __future__ import annotations

from desk.people.authorisation import Actor, require
from desk.services.analytics import Analytics, connected
from desk.surroundings import Surroundings
from sinks.queries.coverage import Coverage, coverage


class CoverageService:
    """Whether the numbers add up."""

    def __init__(self, here: Surroundings, analytics: Analytics | None) -> None:
        self._here = here
        self._analytics = analytics

    def coverage(self, actor: Actor) -> Coverage:
        """Of the whole log so far (coverage.see). Raises AnalyticsAway."""
        require(actor, "coverage.see")
        store = connected(self._analytics)
        kept_for = store.rows_kept_for
        return coverage(store, oldest_kept=None if kept_for is None else self._here.now() - kept_for)
