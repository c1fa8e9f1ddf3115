"""Coverage: what became of everything that was read, and whether the counts add up.

Two stages decide: sample leaves what a quota or a cap decides `pending`, draw says what became of that: late, or of a
closed window, selected or not. What it has not said yet is pending in total.

Three identities (contracts, "Sinks"), and the witnesses against each other:
    read     = rejected + repeats + excluded + eligible
    eligible = selected + not selected + pending + late
    selected = reviewed + skipped + expired + shed + withdrawn + awaiting
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from schemas.catalogue import CHANNEL_OF_TOPIC
from sinks.queries.text import sql
from sinks.store import Asker

OUTCOMES: Final = ("reviewed", "skipped", "expired", "shed", "withdrawn", "awaiting")


@dataclass(frozen=True, slots=True)
class Counts:
    """Records read, and what became of them. Eligible and below: distinct transactions."""

    read: int
    repeats: int
    rejected: Mapping[str, int]
    """By reason."""
    excluded: Mapping[str, int]
    """By reason."""
    eligible: int
    selected: int
    not_selected: int
    pending: int
    """Eligible, with a draw that is not closed yet."""
    late: int
    """Eligible, but came after the window of its draw was closed: under-coverage."""
    reviewed: int
    skipped: int
    expired: int
    shed: int
    withdrawn: int
    awaiting: int
    """Selected, with a review still to come."""
    under_none: int = 0
    """Eligible, in strata from which nothing is drawn: no estimate speaks for them. Counted in the rows kept."""

    @property
    def share_under_none(self) -> float:
        """Of the eligible, 0 to 1."""
        return self.under_none / self.eligible if self.eligible else 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Two numbers that should be the same and are not. `channel`: empty for a topic that is no channel's."""

    channel: str
    what: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage in total and by channel."""

    total: Counts
    by_channel: Mapping[str, Counts]
    differences: tuple[Difference, ...]
    """Empty when all adds up. While data flows, tables that lag behind show here; a repeat beyond the stretch in which
    repeats are remembered shows as rows by id that are fewer than counted."""
    rows_compared: bool
    """False when retention has begun to remove rows: then only the counts are held against each other."""

    @property
    def reconciles(self) -> bool:
        return not self.differences


_Tally = dict[tuple[str, str], dict[str, int]]
"""(witness, measure) -> reason -> records"""


def coverage(store: Asker, *, oldest_kept: datetime | None = None) -> Coverage:
    """Coverage of the whole log so far. Raises StoreError.

    `oldest_kept`: event time before which retention may have removed rows (now less the shortest retention); None when
    rows are kept for ever.
    """
    tallies: dict[str, _Tally] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for row in store.ask(sql("coverage"), {}):
        channel = CHANNEL_OF_TOPIC.get(str(row["topic"]), "")
        reasons = tallies[channel][str(row["witness"]), str(row["measure"])]
        reasons[str(row["reason"])] += int(str(row["records"]))
    compare_rows = oldest_kept is None or not _counted_before(store, oldest_kept)
    differences = [
        found for channel in sorted(tallies) for found in _differences(channel, tallies[channel], compare_rows)
    ]
    by_channel = {channel: _counts([tallies[channel]]) for channel in sorted(tallies)}
    return Coverage(_counts(tallies.values()), by_channel, tuple(differences), compare_rows)


def _counted_before(store: Asker, oldest_kept: datetime) -> bool:
    (row,) = store.ask(sql("first_day"), {})
    first = row["day"]
    assert isinstance(first, date)
    # Days are local and `oldest_kept` is an instant: within a day of it either way is taken as before.
    return date(1970, 1, 1) < first <= oldest_kept.astimezone(UTC).date()


def _counts(tallies: Iterable[_Tally]) -> Counts:
    together: _Tally = defaultdict(lambda: defaultdict(int))
    for tally in tallies:
        for measured, reasons in tally.items():
            for reason, records in reasons.items():
                together[measured][reason] += records

    def count(witness: str, measure: str) -> int:
        return _sum(together, witness, measure)

    return Counts(
        read=count("counts", "read"),
        repeats=count("counts", "repeats"),
        rejected=dict(sorted(together["counts", "rejected"].items())),
        excluded=dict(sorted(together["counts", "excluded"].items())),
        eligible=count("counts", "eligible"),
        selected=count("counts", "selected") + count("draws", "selected"),
        not_selected=count("counts", "not_selected") + count("draws", "eligible") - count("draws", "selected"),
        pending=count("counts", "pending") - count("draws", "eligible") - count("draws", "late"),
        late=count("draws", "late"),
        **{outcome: count("selections", outcome) for outcome in OUTCOMES},
        under_none=count("rows", "under_none"),
    )


def _differences(channel: str, tally: _Tally, compare_rows: bool) -> list[Difference]:
    def count(witness: str, *measures: str) -> int:
        return sum(_sum(tally, witness, measure) for measure in measures)

    eligible = ("selected", "not_selected", "pending")
    held = [
        (
            "read = rejected + repeats + excluded + eligible",
            count("counts", "read"),
            count("counts", "rejected", "repeats", "excluded", "eligible"),
        ),
        (
            "eligible = selected + not selected + pending",
            count("counts", "eligible"),
            count("counts", *eligible),
        ),
        (
            "candidates are no more than what waits for a draw",
            0,
            max(0, count("draws", "candidates") - count("counts", "pending")),
        ),
        ("eligible in the population counts", count("counts", "eligible"), count("population", "eligible")),
        ("selected in the population counts", count("counts", "selected"), count("population", "selected")),
    ]
    if compare_rows:
        held += [
            (
                "selected = reviewed + skipped + expired + shed + withdrawn + awaiting",
                count("counts", "selected") + count("draws", "selected"),
                count("selections", *OUTCOMES),
            ),
            ("eligible transactions by id", count("counts", "eligible"), count("rows", *eligible)),
            ("selected transactions by id", count("counts", "selected"), count("rows", "selected")),
            ("reviews of transactions without a selection", 0, count("reviews", "not_selected")),
            *_by_reason(tally, "excluded"),
            *_by_reason(tally, "rejected"),
        ]
    return [Difference(channel, what, expected, found) for what, expected, found in held if expected != found]


def _by_reason(tally: _Tally, measure: str) -> list[tuple[str, int, int]]:
    counted, stored = tally["counts", measure], tally["rows", measure]
    return [
        (f"{measure} by id: {reason}", counted.get(reason, 0), stored.get(reason, 0))
        for reason in sorted({*counted, *stored})
    ]


def _sum(tally: _Tally, witness: str, measure: str) -> int:
    return sum(tally[witness, measure].values()) if (witness, measure) in tally else 0
