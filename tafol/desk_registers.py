"""What the desk asks of the pipeline about registers: read a document, publish an entry, say which entry holds."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from desk.errors import Conflict, Invalid, Problem
from desk.services.registers import Kind, Published, State
from schemas.draw_number import SEED_BYTES
from schemas.errors import ConfigError
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from streams.connection import Connection
from streams.registers import Appended, Timeline
from tafol import publish
from tafol.documents import DocumentInvalid, read_frame, read_scorecard


class Registers:
    """The RegisterPort of a desk. `connection`: the broker, asked for when something is published."""

    def __init__(self, connection: Callable[[], Connection], now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def read(self, kind: Kind, yaml_text: str) -> Scorecard | SamplingFrame:
        """The entry that a document says; a frame without a seed is given one. Raises Invalid."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{kind}.yaml"
            path.write_text(yaml_text, encoding="utf-8", errors="replace")
            try:
                if kind == "scorecard":
                    return read_scorecard(path)
                return read_frame(path).with_seed(secrets.token_bytes(SEED_BYTES))
            except DocumentInvalid as error:
                problems = tuple(Problem(f"line {one.line}", "wrong", str(one)) for one in error.problems)
                raise Invalid(f"this is no {kind} yet", problems) from None
            except ConfigError as error:
                words = error.message.removeprefix(f"{path}").lstrip(": ")
                raise Invalid(f"this is no {kind} yet", (Problem("", "wrong", words),)) from None

    def publish(self, entry: Scorecard | SamplingFrame) -> None:
        """Put it on its register, as it stands: it is what was agreed to.

        Raises Conflict when it must not be published (too late to hold, other content published), Unreachable.
        """
        connection = self._connection()
        try:
            planned = publish.plan(entry, publish.read_published(connection), self._now())
        except ConfigError as error:
            raise Conflict(error.message, hint=error.hint) from None
        publish.publish(connection, planned)

    def states(self, log: Sequence[Published[Scorecard] | Published[SamplingFrame]], now: datetime) -> dict[str, State]:
        """How each entry stands at `now`; frames form one timeline, scorecards one for each id."""
        found: dict[str, State] = {}
        timelines: dict[str, list[Appended[Any]]] = {}
        for one in log:
            name = "frames" if isinstance(one.entry, SamplingFrame) else one.entry.id
            timelines.setdefault(name, []).append(Appended(one.entry, one.appended_at))
        for name, appended in timelines.items():
            timeline = Timeline.of(name, appended)
            holding = timeline.at(now)
            for entry in timeline.void:
                found[entry.ref.key] = "void"
            for entry in timeline.entries:
                later = entry is not holding and entry is not timeline.entries[0] and entry.holds_from > now
                found[entry.ref.key] = "holds" if entry is holding else "later" if later else "earlier"
        return found
