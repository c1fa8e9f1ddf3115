"""What must have come of the logs: one undisturbed pass of every pure stage, compared with the tables, row by row.

From a source log everything that `sample` makes follows. A stage behind it reads a log that several partitions write
into, so its truth is one pass over that log as it stands, less what was sent twice; and what must be in that log is
known from the pass before it. So each link of the chain is held to the one before, and the tables to all of them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas import catalogue as c
from schemas.headers import origin_of
from sinks.memory import MemoryStore
from sinks.rows import ROWS_OF, SinkChunk, rows_of
from sinks.store import LogPartition, Row
from sinks.tables import LOG, TABLES
from streams.drawing.stage import DrawStage
from streams.register_reader import RegisterRecord, read_registers
from streams.registers import Registers
from streams.routing.stage import RouteStage
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.scoring.stage import CombineStage
from streams.stage import Chunk, LogRecord, Output, Partition, PlainRecord, Stage
from streams.trends.stage import DetectStage

ReadLog = Callable[[str], dict[int, list[LogRecord]]]
"""topic -> all its records by partition"""

COMPARED: Final = tuple(name for name in TABLES if name not in ("sink_positions", "agreed_references", "alert_actions"))
"""What nobody in the rig writes cannot be lost."""
CHUNKED: Final = frozenset({"population_counts", "read_counts", "draw_counts"})
"""Absolute counts: their value at the end is the same for any chunking, the offset they were last written at is not."""
BETWEEN: Final = (c.CANDIDATES, c.SELECTIONS, c.REVIEW_TASKS, c.SERIES_POINTS, c.SCORES, c.ALERTS)
"""Logs that a stage writes and another reads."""
OF_CANDIDATES: Final = b'{"record":"candidates"'
"""What a record of many candidates begins with."""
MOST_EXAMPLES: Final = 12
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Verdict:
    """What a comparison found, by table. `examples`: some of it, by table and id."""

    lost: dict[str, int]
    doubled: dict[str, int]
    changed: dict[str, int]
    rows: dict[str, int]
    examples: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        return not any((*self.lost.values(), *self.doubled.values(), *self.changed.values()))


@dataclass
class Truth:
    """The tables after one undisturbed pass, and what of the logs between the stages was not as it must be."""

    registers: Registers
    tables: MemoryStore
    lost_between: dict[str, int]
    doubled_between: dict[str, int]

    @classmethod
    def of(cls, log: ReadLog, pseudonyms: Pseudonyms) -> Truth:
        registers = _registers(log)
        partitions = len(log(c.CANDIDATES))
        sample = SampleStage(pseudonyms, partitions)
        sampled = [
            output
            for topic in c.SOURCE_TOPICS
            for number, records in log(topic).items()
            for output in _pass(sample, Partition(topic, number), records, registers)
        ]
        drawn = _over(DrawStage(), c.CANDIDATES, log, registers)
        routed = _over(RouteStage(), c.SELECTIONS, log, registers)
        combined = _over(CombineStage(), c.REVIEWS, log, registers)
        detected = _over(DetectStage(), c.SERIES_POINTS, log, registers)
        outputs = [*sampled, *drawn, *routed, *combined, *detected]
        tables = MemoryStore()
        _fill(tables, outputs)
        for number, records in log(c.REVIEWS).items():
            _insert(tables, LogPartition(c.REVIEWS, "", number), records)
        must = {topic: _named((one.partition, one) for one in outputs if one.topic == topic) for topic in BETWEEN}
        there = {
            topic: _named((number, one) for number, records in log(topic).items() for one in once(records))
            for topic in BETWEEN
        }
        lost = {f"log of {topic}": len(must[topic] - there[topic]) for topic in BETWEEN}
        doubled = {f"log of {topic}": len(there[topic] - must[topic]) for topic in BETWEEN}
        answered = {row["review_id"] for row in tables.rows("reviews")}
        asked = {row["task_id"] for row in tables.rows("review_tasks")}
        assert answered == asked, f"never answered: {len(asked - answered)}; never asked: {len(answered - asked)}"
        return cls(registers, tables, lost, doubled)

    def judge(self, found: Callable[[str], list[Row]]) -> Verdict:
        """`found`: table -> its rows, as the store under test gives them."""
        lost, doubled = dict(self.lost_between), dict(self.doubled_between)
        changed, rows, examples = dict[str, int](), dict[str, int](), list[str]()
        for table in COMPARED:
            must = {_key(table, row): row for row in self.tables.rows(table)}
            there = [(_key(table, row), row) for row in found(table)]
            ids = Counter(key for key, _ in there)
            missing, extra = must.keys() - ids.keys(), ids.keys() - must.keys()
            differing = {key: _differing(table, row, must[key]) for key, row in there if key in must}
            wrong = {key: columns for key, columns in differing.items() if columns}
            rows[table], lost[table], changed[table] = len(must), len(missing), len(wrong)
            doubled[table] = len(extra) + sum(number - 1 for number in ids.values())
            examples += [f"{table}: lost {one}" for one in sorted(missing)[:MOST_EXAMPLES]]
            examples += [f"{table}: not in the truth {one}" for one in sorted(extra)[:MOST_EXAMPLES]]
            examples += [f"{table}: {key} differs in {', '.join(wrong[key])}" for key in sorted(wrong)[:MOST_EXAMPLES]]
        return Verdict(lost, doubled, changed, rows, tuple(examples))


def once(records: Iterable[LogRecord]) -> list[LogRecord]:
    """A log without what was sent twice: of each origin the first record, or line of candidates. What has no origin
    says it many times.
    """
    seen: set[object] = set()
    kept: list[LogRecord] = []
    for record in records:
        origin = origin_of(record.headers)
        head, *lines = (record.value or b"").splitlines(keepends=True)
        if origin is not None and head.startswith(OF_CANDIDATES):
            places = [(*origin.upstream, *json.loads(line)[:2]) for line in lines]
            fresh = [line for line, place in zip(lines, places, strict=True) if place not in seen]
            seen.update(places)
            if fresh:
                kept.append(_with(record, b"".join((head, *fresh))))
        elif origin is None or origin not in seen:
            seen.add(origin)
            kept.append(record)
    return kept


def _registers(log: ReadLog) -> Registers:
    return read_registers([RegisterRecord(topic, record) for topic in c.REGISTERS for record in log(topic)[0]])


def _over(stage: Stage[Any], topic: str, log: ReadLog, registers: Registers) -> list[Output]:
    """One pass over each partition of a log between two stages."""
    return [
        output
        for number, records in log(topic).items()
        for output in _pass(stage, Partition(topic, number), once(records), registers)
    ]


def _pass(stage: Stage[Any], source: Partition, records: Sequence[LogRecord], registers: Registers) -> list[Output]:
    return stage.step(stage.initial(source), Chunk(source, records), registers) if records else []


def _fill(tables: MemoryStore, outputs: Sequence[Output]) -> None:
    """Every output as the sink would store it. Offsets count up: of two rows of one id the later one stands."""
    by_topic: dict[str, list[LogRecord]] = {}
    for output in outputs:
        if output.topic in ROWS_OF:
            of_topic = by_topic.setdefault(output.topic, [])
            of_topic.append(PlainRecord(len(of_topic), 0, output.key, output.value, tuple(output.headers)))
    for topic, records in by_topic.items():
        _insert(tables, LogPartition(topic, "", 0), records)


def _insert(tables: MemoryStore, at: LogPartition, records: Sequence[LogRecord]) -> None:
    if records:
        for table, pieces in rows_of(SinkChunk(at, records)).pieces.items():
            tables.insert(table, b"".join(piece.lines for piece in pieces))


def _named(records: Iterable[tuple[int | None, Output | LogRecord]]) -> set[bytes]:
    """The ids of what a stage made of single records, with the partitions of their topic. Of candidates the lines stand
    for themselves, for they may be cut into other records, and their partition; a marker sums up a chunk.
    """
    found: set[bytes] = set()
    for number, one in records:
        head, *lines = (one.value or b"").splitlines(keepends=True)
        if head.startswith(OF_CANDIDATES):
            found.update(b"%d %b%b" % (number or 0, head, line) for line in lines)
        elif one.key is not None and origin_of(one.headers):
            found.add(dict(one.headers)["ce_id"])
    return found


def _with(record: LogRecord, value: bytes) -> PlainRecord:
    return PlainRecord(record.offset, record.timestamp, record.key, value, record.headers)


def _key(table: str, row: Row) -> tuple[str, ...]:
    return tuple(str(_plain(row[column])) for column in TABLES[table].key)


def _differing(table: str, found: Row, must: Row) -> list[str]:
    """The columns that differ; where a record stands in its log is no matter."""
    passed_over = {*LOG, "as_of_offset"} if table in CHUNKED else {*LOG}
    columns = [one for one in TABLES[table].columns if one not in passed_over]
    return [one for one in columns if not _same(_plain(found[one]), _plain(must.get(one)))]


def _same(found: object, must: object) -> bool:
    if isinstance(found, float) and isinstance(must, float | int):
        return math.isclose(found, must, rel_tol=1e-9, abs_tol=1e-9)
    return found == must or (must is None and found in ("", 0, [], {}))


def _plain(value: object) -> object:
    """One form for both stores: instants as whole milliseconds, as columns hold them, days as texts, lists as lists."""
    if isinstance(value, str) and len(value) >= len("2026-01-01T00:00:00Z") and value[10:11] == "T":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return (aware - EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
