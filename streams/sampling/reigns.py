"""The span of event time over which one register entry holds, so that it need not be looked up for every event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.base import RegisterEntry
from schemas.errors import UnknownVersion
from streams.registers import Timeline

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC)

EntryT = TypeVar("EntryT", bound=RegisterEntry)


class Reign(NamedTuple, Generic[EntryT]):
    """`entry` holds at every instant of [starts, ends)."""

    entry: EntryT
    starts: datetime
    ends: datetime


def reign_at(timeline: Timeline[EntryT], instant: datetime) -> Reign[EntryT]:
    """The entry that holds at `instant`, and for how long. Raises UnknownVersion while the register is empty."""
    entry = timeline.at(instant)
    if entry is None:
        raise UnknownVersion(f"the register of {timeline.name} is empty")
    changes = [later.holds_from for later in timeline.entries[1:]]
    return Reign(
        entry,
        max((change for change in changes if change <= instant), default=BEGINNING),
        min((change for change in changes if change > instant), default=END),
    )
