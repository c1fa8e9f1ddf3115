"""The simulator's ledger: what was sent, and what must become of it.

It counts intentions (`Fate`), never results of the pipeline's code, so that the two can be held against each other:
sent = repeats + rejected + excluded + eligible, by channel of the topic that an event was sent to.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from schemas.base import CHANNELS, Channel
from schemas.catalogue import CHANNEL_OF_TOPIC
from tafol.simulator.stream import Facts, SimulatedEvent


@dataclass(slots=True)
class Totals:
    """Counts of events. `excluded` and `rejected` by reason."""

    sent: int = 0
    repeats: int = 0
    eligible: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)

    @property
    def valid(self) -> int:
        """Transactions that must be counted, once each."""
        return self.eligible + sum(self.excluded.values())


class Ledger:
    """What was sent. `keep_transactions` False: counts alone, for loads without end."""

    def __init__(self, *, keep_transactions: bool = True) -> None:
        self._keep = keep_transactions
        self._counts: dict[Channel, Counter[tuple[str, str]]] = {channel: Counter() for channel in CHANNELS}
        self.sent = 0
        self.unknown_fields: Counter[str] = Counter()
        """Valid transactions by name of an unknown field."""
        self.spoilt: Counter[str] = Counter()
        """Rejected events by how they were spoilt."""
        self.transactions: dict[str, Facts] = {}
        """Eligible transactions by id."""

    def follow(self, events: Iterable[SimulatedEvent]) -> Iterator[SimulatedEvent]:
        """Hand events on, and note each when the next is asked for: one that was not sent is not noted."""
        for event in events:
            yield event
            self.note(event)

    def note(self, event: SimulatedEvent) -> None:
        fate, facts = event.fate, event.facts
        self.sent += 1
        self._counts[CHANNEL_OF_TOPIC[event.topic]][fate.becomes, fate.reason] += 1
        if fate.becomes == "rejected":
            self.spoilt[fate.kind] += 1
        elif fate.becomes != "repeat":
            self.unknown_fields.update(facts.unknown_fields)
        if self._keep and fate.becomes == "eligible":
            self.transactions[facts.id] = facts

    def totals(self, channel: Channel | None = None) -> Totals:
        """Totals of one channel, or of all."""
        totals = Totals()
        for counted in CHANNELS if channel is None else (channel,):
            for (becomes, reason), number in self._counts[counted].items():
                totals.sent += number
                if becomes == "eligible":
                    totals.eligible += number
                elif becomes == "repeat":
                    totals.repeats += number
                else:
                    by_reason = totals.excluded if becomes == "excluded" else totals.rejected
                    by_reason[reason] = by_reason.get(reason, 0) + number
        return totals

    def mean_quality_0_100(
        self, team_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> float | None:
        """True mean of the eligible transactions that ended in [since, until); None when there are none."""
        qualities = [
            facts.quality
            for facts in self.transactions.values()
            if (team_id is None or facts.team_id == team_id)
            and (since is None or facts.ended_at >= since)
            and (until is None or facts.ended_at < until)
        ]
        return 100 * sum(qualities) / len(qualities) if qualities else None

    def as_json(self) -> dict[str, object]:
        """All of it, as JSON values. A transaction: id, channel, team, colleague, topic, end, true quality."""
        return {
            "totals": asdict(self.totals()),
            "by_channel": {channel: asdict(self.totals(channel)) for channel in CHANNELS},
            "spoilt": dict(sorted(self.spoilt.items())),
            "unknown_fields": dict(sorted(self.unknown_fields.items())),
            "transactions": [
                [one.id, one.channel, one.team_id, one.colleague_id, one.topic, one.ended_at.isoformat(), one.quality]
                for one in self.transactions.values()
            ],
        }

    def write(self, path: Path) -> None:
        """Write the ledger as one JSON file, whole or not at all."""
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.write_text(json.dumps(self.as_json(), separators=(",", ":")) + "\n", "utf-8")
        unfinished.replace(path)
