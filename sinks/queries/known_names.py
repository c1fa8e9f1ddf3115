"""The names that filters may have: of channels, sites, teams and so on, in stored selections and scores."""

from __future__ import annotations

from sinks.queries.estimates import Within
from sinks.queries.text import sql
from sinks.store import Asker


def known_names(store: Asker, within: Within) -> dict[str, tuple[str, ...]]:
    """Sorted names by filter of `Within`, in its days; its filters are not looked at. Raises StoreError."""
    (row,) = store.ask(
        sql("known_names"), {"from_day": within.from_day, "to_day": within.to_day, "time_zone": within.time_zone}
    )
    return {name: tuple(str(one) for one in names) for name, names in row.items()}
