"""Ineligible transactions by reason (D13-3): what may not be reviewed, since when, and how large a share it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, get_args

from sinks.queries.log_of_decisions import in_utc
from sinks.queries.text import sql
from sinks.store import Asker, Parameter

IneligibleBy = Literal["all", "channel", "site", "team", "colleague", "topic", "language"]
NOTICE_REASONS: Final = {
    "customer_told_late": "customer",
    "customer_told_otherwise": "customer",
    "customer_notice_not_valid": "customer",
    "colleague_notice_not_valid": "colleague",
}
"""The reasons that speak of a notice which the transaction names, and for whom that is."""
INELIGIBLE_BY: Final[tuple[IneligibleBy, ...]] = get_args(IneligibleBy)


@dataclass(frozen=True, slots=True)
class Ineligible:
    """Transactions of one group that may not be reviewed for one reason."""

    group_id: str
    """Empty when the group is 'all'."""
    reason: str
    transactions: int
    of: int
    """All valid transactions of the group."""
    first_ended_at: datetime
    last_ended_at: datetime

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.transactions / self.of


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """A transaction that may not be reviewed because of the notice it names, and where its record stands."""

    id: str
    channel: str
    reason: str
    ended_at: datetime
    source_topic: str
    source_partition: int
    source_offset: int


def unnoticed(
    store: Asker, *, from_day: date, to_day: date, time_zone: str, most: int
) -> tuple[tuple[Unnoticed, ...], int]:
    """The latest `most` of local days [from_day, to_day), and how many there are. Raises StoreError."""
    parameters: dict[str, Parameter] = {
        "from_day": from_day,
        "to_day": to_day,
        "time_zone": time_zone,
        "reasons": list(NOTICE_REASONS),
        "most": most,
    }
    rows = [in_utc(row) for row in store.ask(sql("ineligible_by_notice"), parameters)]
    of_all = int(rows[0]["of_all"]) if rows else 0
    return tuple(Unnoticed(**{name: row[name] for name in Unnoticed.__slots__}) for row in rows), of_all


def ineligible(
    store: Asker, *, group_by: IneligibleBy, from_day: date, to_day: date, time_zone: str
) -> tuple[Ineligible, ...]:
    """By group, the commonest reason first, for transactions that ended on local days [from_day, to_day).

    Raises ValueError for a group that is not known, StoreError.
    """
    if group_by not in INELIGIBLE_BY:
        raise ValueError(f"no report of ineligible transactions by {group_by!r}")
    parameters: dict[str, Parameter] = {
        "from_day": from_day,
        "to_day": to_day,
        "time_zone": time_zone,
        "group_by": group_by,
    }
    rows = [in_utc(row) for row in store.ask(sql("ineligible"), parameters)]
    of = _sums((str(row["group_id"]), int(row["transactions"])) for row in rows)
    return tuple(Ineligible(**row, of=of[row["group_id"]]) for row in rows if row["reason"])


def _sums(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for group, count in counts:
        found[group] = found.get(group, 0) + count
    return found
