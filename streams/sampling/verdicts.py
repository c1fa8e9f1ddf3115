"""What a frame and the notices say of records that are alike: whether they are eligible, and their stratum.

The rules are asked once for each combination of the fields that they ask about (`NoticeJudge`, `Strata`); the answer is
remembered for records with the same combination, as long as the times that the rules look at are clear: the customer
told in time, the call long enough, the notices known to hold at its start. Every other record is asked about by itself.
So the memory changes what a verdict costs, never what it is.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

import numpy as np

from schemas.conditions import Condition
from streams.record_columns import Int64s
from streams.sampling.columns import MICROSECOND, Columns, microseconds
from streams.sampling.decode import Event
from streams.sampling.eligibility import NoticeJudge
from streams.sampling.frames import ReadyFrame
from streams.sampling.native import TOLD, Field, Mask, Native
from streams.sampling.strata import StratumDraw

REMEMBERED_LIMIT: Final = 50_000
"""Combinations that are remembered; then the memory starts again."""

FIELD_OF: Final = {
    "colleague_id": Field.COLLEAGUE, "team_id": Field.TEAM, "site": Field.SITE, "topic": Field.TOPIC,
    "language": Field.LANGUAGE, "outcome": Field.OUTCOME, "place": Field.PLACE, "flags": Field.FLAGS,
    "csat_0_100": Field.CSAT, "auto_score_0_100": Field.AUTO_SCORE, "attributes": Field.ATTRIBUTES,
}  # fmt: skip
"""Texts by the names of the fields in conditions. The channel is that of the topic; whether there are a recording and a
transcript stands in the bits, which are always looked at."""
NUMBERS: Final = ("chat_lines", "duration_s")
ALWAYS: Final = (Field.NOTICE, Field.HOW, Field.POLICY)


class Verdict(NamedTuple):
    """`reason`: why records are excluded; empty where `stratum` takes them."""

    reason: str
    stratum: StratumDraw | None


class _Known(NamedTuple):
    """Number of a verdict, and the span of `started_at` in which it holds; an empty span: ask every time."""

    verdict: int
    from_us: int
    until_us: int


class Verdicts:
    """The verdicts of one frame, one channel and one state of the notices."""

    def __init__(self, frame: ReadyFrame, judge: NoticeJudge, native: Native) -> None:
        self._frame = frame
        self._judge = judge
        self._native = native
        asked = _asked(frame)
        self._fields = (*ALWAYS, *sorted(FIELD_OF[name] for name in asked if name in FIELD_OF))
        self._numbers = tuple(name for name in NUMBERS if name in asked)
        self._key = os.urandom(16)
        """Of the hash by which records are found alike: nobody outside can make two that only look it."""
        self._known: dict[int, _Known] = {}
        self._numbered: dict[tuple[str, str], int] = {}
        self.found: list[Verdict] = []
        """By their numbers."""

    def of(self, columns: Columns, rows: Int64s) -> Int64s:
        """The number of each row's verdict."""
        hashes = self._native.alike(columns.scanned, self._fields, self._columns(columns), self._key)[rows]
        started = columns.started_us[rows]
        clear = self._clear(columns, rows)
        verdicts = np.full(len(rows), -1, dtype=np.int64)
        at = np.flatnonzero(clear)
        alike, first, which = np.unique(hashes[at], return_index=True, return_inverse=True)
        if len(self._known) + len(alike) > REMEMBERED_LIMIT:
            self._known.clear()
        known = np.array(
            [self._remembered(one, columns, int(rows[at[n]])) for one, n in zip(alike.tolist(), first, strict=True)],
            dtype=np.int64,
        ).reshape(-1, 3)[which]
        holds = (known[:, 1] <= started[at]) & (started[at] < known[:, 2])
        verdicts[at[holds]] = known[holds, 0]
        for n in np.flatnonzero(verdicts < 0).tolist():
            verdicts[n] = self._asked_about(columns.event(int(rows[n])))
        return verdicts

    def _columns(self, columns: Columns) -> list[Int64s]:
        scanned = columns.scanned
        numbers = {"chat_lines": scanned.chat_lines, "duration_s": columns.ended_us - columns.started_us}
        return [scanned.bits, *(numbers[name] for name in self._numbers)]

    def _clear(self, columns: Columns, rows: Int64s) -> Mask:
        """Where the rules about times say nothing against a record."""
        rules = self._frame.eligibility
        started = columns.started_us[rows]
        clear: Mask = (
            ((columns.scanned.bits[rows] & TOLD) != 0)
            & (columns.told_us[rows] - started <= rules.told_within // MICROSECOND)
            & (columns.ended_us[rows] - started >= rules.minimum_length // MICROSECOND)
        )
        return clear

    def _remembered(self, hashed: int, columns: Columns, row: int) -> _Known:
        known = self._known.get(hashed)
        if known is None:
            event = columns.event(row)
            verdict = self._asked_about(event)
            span = self._judge.notices_hold(event)
            known = _Known(verdict, 0, 0) if span is None else _Known(verdict, *map(microseconds, span))
            self._known[hashed] = known
        return known

    def _asked_about(self, event: Event) -> int:
        reason = self._judge.reason(event, self._frame.eligibility)
        stratum = None if reason else self._frame.strata.of(event)
        reason = reason if stratum else reason or "no_stratum"
        name = reason, stratum.name if stratum else ""
        number = self._numbered.get(name)
        if number is None:
            number = self._numbered[name] = len(self.found)
            self.found.append(Verdict(reason, stratum))
        return number


def _asked(frame: ReadyFrame) -> set[str]:
    """Names of the fields that the frame's strata and exclusions ask about."""
    declared = frame.frame
    conditions: list[Condition] = [one.when for one in declared.strata]
    conditions += [one.when for one in declared.eligibility.exclusions]
    asked = {name for when in conditions for name in when.named}
    return asked.union(*(one.by for one in declared.strata))
