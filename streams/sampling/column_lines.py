"""Decided lines and candidates of many records at once: the bytes that `DecidedLine` and `CandidateLine` encode to.

A line is a list of parts (`streams.sampling.native`): constants, texts as they stand in the record, times and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from schemas.candidate import unit_key
from schemas.catalogue import CHANNEL_OF_TOPIC, SELECTIONS
from schemas.headers import StageOrigin, cloud_event
from schemas.selection import selection_id
from streams.record_columns import Int64s
from streams.sampling.candidates import batch_outputs
from streams.sampling.columns import Columns
from streams.sampling.decide import STAGE
from streams.sampling.decided import Lines, in_records
from streams.sampling.frames import ReadyFrame
from streams.sampling.native import RECORDING, TRANSCRIPT, Bytes, Field, Kind, Mask, Native, Part, Words
from streams.sampling.selections import SELECTION_KIND
from streams.sampling.strata import StratumDraw
from streams.sampling.verdicts import Verdict
from streams.stage import Output

NAMED_FIELDS: Final = {
    "colleague_id": Field.COLLEAGUE, "team_id": Field.TEAM, "site": Field.SITE, "topic": Field.TOPIC,
    "language": Field.LANGUAGE,
}  # fmt: skip
UNIT_FIELDS: Final = {"colleague": Field.COLLEAGUE, "team": Field.TEAM}
"""What a unit is named by, behind `<kind>/`; other kinds have one unit, `all`."""


class Judged(NamedTuple):
    """What is known of n records before they are written. Of records that are not decided it says nothing."""

    verdicts: Sequence[Verdict]
    verdict_of: Int64s
    """Number of each record's verdict."""
    pseudonyms: Bytes
    """(n, 32)"""
    numbers: Words
    """Draw numbers."""
    numbered: Int64s
    """1 where there is a draw number."""
    taken: Mask
    """Whether the draw that this stage makes took it."""


class _Template:
    """A line in the making: parts, with the constants and columns that they name."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.constants: list[bytes] = []
        self.columns: list[Int64s] = []

    def text(self, constant: str) -> None:
        self.parts.append(Part(Kind.CONSTANT, self._constant(constant.encode())))

    def fields(self, *fields: Field, kind: Kind = Kind.TEXT) -> None:
        """Fields, each with a comma behind it."""
        for field in fields:
            self.parts.append(Part(kind, field))
            self.text(",")

    def column(self, kind: Kind, column: Int64s, beside: Int64s | None = None) -> None:
        self.columns.append(column)
        at = len(self.columns) - 1
        if beside is not None:
            self.columns.append(beside)
        self.parts.append(Part(kind, at, at + 1))

    def choice(self, constants: Sequence[bytes], which: Int64s) -> None:
        """Of `constants`, the one that `which` says for each record."""
        self.column(Kind.CHOICE, which + len(self.constants))
        self.constants += constants

    def written(self, native: Native, columns: Columns, rows: Int64s, judged: Judged) -> bytes:
        """The lines of `rows`."""
        return native.lines(
            columns.scanned, judged.pseudonyms, rows,
            parts=self.parts, constants=self.constants, columns=self.columns,
        )  # fmt: skip

    def _constant(self, constant: bytes) -> int:
        if constant not in self.constants:
            self.constants.append(constant)
        return self.constants.index(constant)


def decided_lines(
    native: Native, columns: Columns, rows: Int64s, judged: Judged, *, frame: ReadyFrame, pseudonym_key: str
) -> Iterator[Lines]:
    """Records of the decided lines of `rows`."""
    source, scanned = columns.source, columns.scanned
    line = _Template()
    line.text("[")
    line.fields(Field.ID)
    line.text(f"{_json(CHANNEL_OF_TOPIC[source.topic])},")
    line.fields(Field.COLLEAGUE, Field.TEAM, Field.SITE, Field.TOPIC, Field.LANGUAGE)
    _times(line, columns)
    line.parts.append(Part(Kind.PSEUDONYM))
    line.text(f",{_json(pseudonym_key)},")
    line.fields(Field.OUTCOME)
    line.fields(Field.FLAGS, kind=Kind.LIST)
    line.fields(Field.CSAT, Field.AUTO_SCORE, kind=Kind.DECIMAL)
    line.column(Kind.INTEGER, scanned.chat_lines)
    line.choice([b",false,false,", b",true,false,", b",false,true,", b",true,true,"], _references(scanned.bits))
    line.fields(Field.PLACE)
    line.fields(Field.ATTRIBUTES, kind=Kind.TEXTS)
    line.text(f"{_json(source.topic)},{source.partition},")
    line.column(Kind.INTEGER, columns.offsets)
    line.text(",")
    line.column(Kind.TIME, columns.appended_us)
    line.text(f",{_json(frame.id)},{frame.version},")
    line.choice(
        [_fate(verdict, taken).encode() for verdict in judged.verdicts for taken in (False, True)],
        2 * judged.verdict_of + judged.taken,
    )
    line.column(Kind.UNSIGNED, judged.numbers.view(np.int64), judged.numbered)
    line.choice([f",{_probability(verdict)}]\n".encode() for verdict in judged.verdicts], judged.verdict_of)
    written = native.lines(
        scanned, judged.pseudonyms, rows, parts=line.parts, constants=line.constants, columns=line.columns
    )
    return in_records(written, columns.offsets[rows].tolist())


def selections(
    native: Native, columns: Columns, rows: Int64s, judged: Judged, *, frame: ReadyFrame, partitions: int
) -> Iterator[Output]:
    """The selections that `rows` are: those that the draw of this stage took."""
    if not len(rows):
        return
    source = columns.source
    line = _Template()
    line.choice([_selection_head(verdict).encode() for verdict in judged.verdicts], judged.verdict_of)
    line.parts.append(Part(Kind.BARE_FIELD, Field.ID))
    line.choice([_selection_draw(verdict, frame).encode() for verdict in judged.verdicts], judged.verdict_of)
    line.column(Kind.UNSIGNED, judged.numbers.view(np.int64), judged.numbered)
    line.text(',"drawn_at":')
    line.column(Kind.TIME, columns.appended_us)
    line.text(',"transaction":{"id":')
    line.parts.append(Part(Kind.TEXT, Field.ID))
    line.text(f',"channel":{_json(CHANNEL_OF_TOPIC[source.topic])}')
    for name, field in NAMED_FIELDS.items():
        line.text(f',"{name}":')
        line.parts.append(Part(Kind.TEXT, field))
    for name, time_us in (("started_at", columns.started_us), ("ended_at", columns.ended_us)):
        line.text(f',"{name}":')
        line.column(Kind.TIME, time_us)
    line.text(',"customer_pseudonym":')
    line.parts.append(Part(Kind.PSEUDONYM))
    line.text(',"outcome":')
    line.parts.append(Part(Kind.TEXT, Field.OUTCOME))
    line.text(f'}},"origin":{{"topic":{_json(source.topic)},"partition":{source.partition},"offset":')
    line.column(Kind.INTEGER, columns.offsets)
    line.text("}}\n")
    written = line.written(native, columns, rows, judged).split(b"\n")
    homes = np.zeros(len(columns.records), dtype=np.int64)
    native.homes(columns.scanned, rows, homes, prefix=b"", field=Field.ID, partitions=partitions)
    draw_ids = [verdict.stratum.draw_id if verdict.stratum else "" for verdict in judged.verdicts]
    per_row = (columns.offsets[rows], judged.verdict_of[rows], homes[rows])
    places = zip(*(column.tolist() for column in per_row), columns.ids(rows), written, strict=False)
    for offset, number, home, transaction_id, value in places:
        headers = cloud_event(
            SELECTION_KIND,
            selection_id(draw_ids[number], transaction_id.decode()),
            StageOrigin(STAGE, *source, offset, 0),
        )
        yield Output(SELECTIONS, transaction_id, value, headers, home)


def candidate_lines(
    native: Native, columns: Columns, rows: Int64s, judged: Judged, *, frame: ReadyFrame, partitions: int
) -> Iterator[Output]:
    """Records of the candidates that `rows` are: those whose stratum is drawn by units."""
    if not len(rows):
        return
    homes = np.zeros(len(columns.records), dtype=np.int64)
    unit_fields = np.full(len(columns.records), -1, dtype=np.int64)
    heads: list[bytes] = []
    rows_of = dict(in_groups(judged.verdict_of[rows], rows))
    for number, verdict in enumerate(judged.verdicts):
        stratum = verdict.stratum
        if stratum is None or not stratum.unit_kind:
            heads.append(b"")
            continue
        field = UNIT_FIELDS.get(stratum.unit_kind)
        unit = "all" if field is None else f"{stratum.unit_kind}/"
        heads.append(_head(stratum, frame, unit).encode())
        own = rows_of[number]
        unit_fields[own] = -1 if field is None else field
        prefix = unit_key(stratum.draw_id, unit).encode()
        native.homes(columns.scanned, own, homes, prefix=prefix, field=field, partitions=partitions)
    line = _Template()
    line.text("[")
    line.column(Kind.INTEGER, columns.offsets)
    line.choice(heads, judged.verdict_of)
    line.column(Kind.BARE, unit_fields)
    line.text('",')
    line.column(Kind.UNSIGNED, judged.numbers.view(np.int64), judged.numbered)
    line.choice([b",false,", b",true,"], judged.taken.astype(np.int64))
    line.fields(Field.ID, Field.COLLEAGUE, Field.TEAM, Field.SITE, Field.TOPIC, Field.LANGUAGE)
    _times(line, columns)
    line.parts.append(Part(Kind.PSEUDONYM))
    line.text(",")
    line.parts.append(Part(Kind.TEXT, Field.OUTCOME))
    line.text("]\n")
    for home, there in in_groups(homes[rows], rows):
        written = line.written(native, columns, there, judged)
        yield from batch_outputs(columns.source, home, written)


def in_groups(values: Int64s, rows: Int64s) -> list[tuple[int, Int64s]]:
    """The rows of each value, which are none below 0, in their order; the groups as their first rows come."""
    # in their smallest type: numpy sorts small numbers by their digits, ten times as quickly
    order = np.argsort(values.astype(np.min_scalar_type(values.max(initial=0))), kind="stable")
    borders = np.flatnonzero(np.diff(values[order])) + 1
    groups = np.split(order, borders) if len(order) else []
    return [(int(values[group[0]]), rows[group]) for group in sorted(groups, key=lambda group: int(group[0]))]


def _times(line: _Template, columns: Columns) -> None:
    for time_us in (columns.started_us, columns.ended_us):
        line.column(Kind.TIME, time_us)
        line.text(",")


def _references(bits: Int64s) -> Int64s:
    """0 to 3: whether there is a recording, and twice whether there is a transcript."""
    recording: Int64s = (bits & RECORDING) // RECORDING
    return recording + 2 * ((bits & TRANSCRIPT) // TRANSCRIPT)


def _fate(verdict: Verdict, taken: bool) -> str:
    """Stratum, decision, reason and method of a decided line."""
    stratum = verdict.stratum
    if stratum is None:
        return f'"","excluded",{_json(verdict.reason)},"",'
    decision = "pending" if stratum.unit_kind else "selected" if taken else "not_selected"
    return f'{_json(stratum.name)},"{decision}","",{_json(stratum.method)},'


def _probability(verdict: Verdict) -> str:
    return _json(verdict.stratum.probability if verdict.stratum else None)


def _selection_head(verdict: Verdict) -> str:
    """A selection up to the transaction id in its own, behind which quotes stay open."""
    return f'{{"selection_id":{_json(selection_id(verdict.stratum.draw_id if verdict.stratum else "", ""))[:-1]}'


def _selection_draw(verdict: Verdict, frame: ReadyFrame) -> str:
    """A selection from the end of its id to its draw number."""
    stratum = verdict.stratum
    if stratum is None:
        return ""
    return (
        f'","draw_id":{_json(stratum.draw_id)},"purpose":{_json(stratum.method)},"frame":{{"id":{_json(frame.id)},'
        f'"version":{frame.version}}},"stratum":{_json(stratum.name)},'
        f'"inclusion_probability":{_json(stratum.probability)},"draw_number":'
    )


def _head(stratum: StratumDraw, frame: ReadyFrame, unit: str) -> str:
    """A candidate from its `nth` to its unit, whose quotes stay open."""
    values = (stratum.draw_id, stratum.method, frame.id, frame.version, stratum.name, unit)
    return f",0,{_json(values)[1:-2]}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
