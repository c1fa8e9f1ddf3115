"""Reads the register topics to their ends, again and again, and says how fresh that knowledge is.

A worker makes sure at least every 30 s that it has read its registers to their ends; if it can't for a minute, it
stops deciding (contracts, "Registers"). Both ends of that rule are here; the lead of 15 minutes rests on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.base import RegisterEntry
from schemas.catalogue import CHECK_REQUESTS, DETECTORS, NOTICES, REGISTERS, SAMPLING_FRAMES, SCORECARDS
from schemas.detector import Detectors
from schemas.errors import StageStopped
from schemas.frame import SamplingFrame
from schemas.notice import NoticeRegister
from schemas.request import CheckRequest
from schemas.scorecard import Scorecard
from schemas.transaction import explain
from streams.connection import Connection
from streams.log_reader import LogReader
from streams.registers import Appended, Registers, Requests, Timeline
from streams.stage import LogRecord, Partition, instant

READ_EVERY_S: Final = 2.0
STALE_AFTER_S: Final = 60.0
"""Without a read to the end for this long, nothing may be decided."""

EntryT = TypeVar("EntryT", bound=RegisterEntry)

log = logging.getLogger(__name__)


class RegisterRecord(NamedTuple):
    """A record of a register topic."""

    topic: str
    record: LogRecord


def read_registers(records: Sequence[RegisterRecord]) -> Registers:
    """The registers that these records make, each topic's in the order of its log. Raises StageStopped."""
    frames: list[Appended[SamplingFrame]] = []
    notices: list[Appended[NoticeRegister]] = []
    scorecards: defaultdict[str, list[Appended[Scorecard]]] = defaultdict(list)
    detectors: list[Appended[Detectors]] = []
    requests: list[Appended[CheckRequest]] = []
    for topic, record in records:
        if record.value is None:
            continue
        at = instant(record.timestamp)
        if topic == SAMPLING_FRAMES:
            frames.append(Appended(_entry(SamplingFrame, topic, record), at))
        elif topic == NOTICES:
            notices.append(Appended(_entry(NoticeRegister, topic, record), at))
        elif topic == SCORECARDS:
            scorecard = _entry(Scorecard, topic, record)
            scorecards[scorecard.id].append(Appended(scorecard, at))
        elif topic == CHECK_REQUESTS:
            requests.append(Appended(_entry(CheckRequest, topic, record), at))
        elif topic == DETECTORS:
            detectors.append(Appended(_entry(Detectors, topic, record), at))
    return Registers(
        frames=Timeline.of("sampling frame", frames),
        notices=Timeline.of("notices", notices),
        scorecards={one: Timeline.of(f"scorecard {one}", entries) for one, entries in scorecards.items()},
        detectors=Timeline.of("detectors", detectors),
        requests=Requests.of(requests),
    )


class RegisterReader:
    """Keeps `registers` up to date. `monotonic_s`: a clock that never goes back; `on_read`: told of every read."""

    def __init__(
        self, connection: Connection, monotonic_s: Callable[[], float], on_read: Callable[[], None] = lambda: None
    ) -> None:
        self._log = LogReader(connection)
        self._on_read = on_read
        self._monotonic_s = monotonic_s
        self._records: list[RegisterRecord] = []
        self._next = {Partition(topic, 0): 0 for topic in REGISTERS}
        self._confirmed_at_s: float | None = None
        self._task: asyncio.Task[None] | None = None
        self.registers = Registers()

    @property
    def age_s(self) -> float:
        """Seconds since the registers were last known to be read to their ends; infinite before the first time."""
        return float("inf") if self._confirmed_at_s is None else self._monotonic_s() - self._confirmed_at_s

    @property
    def fresh(self) -> bool:
        return self.age_s < STALE_AFTER_S

    async def start(self) -> None:
        """Read everything once, then go on in the background."""
        await self.refresh()
        self._task = asyncio.create_task(self._keep_reading(), name="registers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._log.stop()

    async def refresh(self) -> None:
        """Read to the ends now. Raises KafkaError when the broker does not answer, StageStopped for a bad record."""
        begun_s = self._monotonic_s()
        new = [RegisterRecord(home.topic, record) async for home, record in self._log.read_to_end(dict(self._next))]
        if new:
            self.registers = read_registers(self._records + new)
            self._records += new
            for topic, record in new:
                self._next[Partition(topic, 0)] = record.offset + 1
        self._confirmed_at_s = begun_s
        self._on_read()

    async def _keep_reading(self) -> None:
        quiet = True
        while True:
            await asyncio.sleep(READ_EVERY_S)
            try:
                await self.refresh()
                quiet = True
            except (KafkaError, OSError, TimeoutError) as error:
                if quiet:
                    log.warning("cannot read the registers, trying again: %s", type(error).__name__)
                quiet = False
            except StageStopped:
                log.exception("a register holds a record that cannot be used; deciding stops within a minute")
                return


def _entry(model: type[EntryT], topic: str, record: LogRecord) -> EntryT:
    try:
        return model.model_validate_json(record.value or b"")
    except ValidationError as error:
        raise StageStopped(
            f"{topic}[0]@{record.offset} is not a {model.__name__}: {explain(error)}",
            hint="Registers are written by `tafol ... publish` only. Is this worker older than what was published?",
        ) from None
