"""Where the tools get what they look at: a frame from a YAML file or the register, registers, records of the log."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kafka import TopicPartition

from schemas.base import Origin
from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from streams.connection import Connection
from streams.registers import Appended, Registers, Requests, Timeline
from tafol.documents import read_frame
from tafol.kafka_clients import POLL_MS, log_consumer
from tafol.publish import Published

TRIAL_SEED: Final = hashlib.sha256(b"a trial draw; no frame that is published has this seed").digest()
"""For a draft that has no seed yet: the sizes of its draws are right, the transactions they take are not the ones."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A frame and where it came from. `has_seed` False: a draft, with TRIAL_SEED in place of the seed to come."""

    frame: SamplingFrame
    name: str
    has_seed: bool


def load(name: str, published: Callable[[], Published]) -> Loaded:
    """The frame that `name` means; `published` is asked only when no file is meant.

    Raises ConfigError: DocumentInvalid for a file that is wrong, or a sentence that says what there is.
    """
    path = Path(name)
    frame_id, colon, version = name.rpartition(":")
    if path.is_file() or not (colon and version.isdecimal()):
        if not path.exists():
            raise ConfigError(
                f"{name}: there is no such file, and it is not id:version of a published frame",
                hint="Give a YAML file, or for example contact-centre:1; tafol frame list shows what is published.",
            )
        document = read_frame(path)
        return Loaded(document.with_seed(TRIAL_SEED), name, document.has_seed)
    register = published()
    found = register.frame(frame_id, int(version))
    if found is None:
        there = ", ".join(sorted({one.entry.ref.key for one in register.frames}))
        raise ConfigError(
            f"no sampling frame {name} is published",
            hint=f"There is {there}." if there else "The register is empty: tafol frame publish FILE",
        )
    return Loaded(found, name, True)


def registers_of(published: Published) -> Registers:
    """The registers as workers see them."""
    cards: dict[str, list[Appended[Scorecard]]] = defaultdict(list)
    for one in published.scorecards:
        cards[one.entry.id].append(one)
    return Registers(
        frames=Timeline.of("sampling frame", published.frames),
        notices=Timeline.of("notices", published.notices),
        scorecards={name: Timeline.of(f"scorecard {name}", log) for name, log in cards.items()},
        detectors=Timeline.of("detectors", published.detectors),
        requests=Requests.of(published.requests),
    )


def fetch(connection: Connection, origin: Origin) -> bytes | None:
    """The value of one record; None when it is no longer in the log, or never was. Raises Unreachable."""
    place = TopicPartition(origin.topic, origin.partition)
    with log_consumer(connection) as consumer:
        if origin.partition not in (consumer.partitions_for_topic(origin.topic) or ()):
            return None
        end = consumer.end_offsets([place])[place]
        if not consumer.beginning_offsets([place])[place] <= origin.offset < end:
            return None
        consumer.assign([place])
        consumer.seek(place, origin.offset)
        while consumer.position(place) < end:
            for record in consumer.poll(timeout_ms=POLL_MS, max_records=1).get(place, ()):
                value: bytes | None = record.value
                return value if record.offset == origin.offset else None
    return None
