"""What must have come of a source log: one undisturbed pass of the pure stages over it, compared with the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from schemas import catalogue as c
from schemas.review import Review
from schemas.selection import ReviewTask
from streams.register_reader import RegisterRecord, read_registers
from streams.registers import Registers
from streams.routing.stage import RouteStage
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.scoring.stage import CombineStage
from streams.stage import Chunk, LogRecord, Output, Partition, PlainRecord, Stage

ReadLog = Callable[[str], dict[int, list[LogRecord]]]
"""topic -> all its records by partition"""

COMPARED: Final = {
    "transactions": "current_transactions",
    "selections": "current_selections",
    "review_tasks": "current_review_tasks",
    "reviews": "current_reviews",
    "scores": "current_scores",
    "rejected": "current_rejected",
}


ESSENCE: Final = {
    "transactions": ("decision", "reason", "stratum", "draw_number", "customer_pseudonym", "source_offset"),
    "selections": ("stratum", "purpose", "draw_number"),
    "review_tasks": ("queue", "priority", "copy_number", "copies"),
    "reviews": ("revision",),
    "scores": ("total_0_100",),
    "rejected": (),
}
"""What of a row must be the same, by table."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison found, by table. `counts_agree`: the counts of the log are those of the truth."""

    lost: dict[str, int]
    doubled: dict[str, int]
    changed: dict[str, int]
    rows: dict[str, int]
    counts_agree: bool

    @property
    def exact(self) -> bool:
        return self.counts_agree and not any((*self.lost.values(), *self.doubled.values(), *self.changed.values()))


@dataclass
class Truth:
    """What one undisturbed pass makes of the source log, by table and id."""

    rows: dict[str, dict[str, dict[str, Any]]]
    counts: list[tuple[str, int, int, int, int, int]]

    @classmethod
    def of(cls, log: ReadLog, pseudonyms: Pseudonyms) -> Truth:
        registers = _registers(log)
        sampled = [
            output
            for topic in c.SOURCE_TOPICS
            for number, records in log(topic).items()
            for output in _pass(SampleStage(pseudonyms), Partition(topic, number), records, registers)
        ]
        selections = [one for one in sampled if one.topic == c.SELECTIONS]
        tasks = _pass(RouteStage(), Partition(c.SELECTIONS, 0), _as_log(selections), registers)
        reviews = log(c.REVIEWS)
        scores = [
            output
            for number, records in reviews.items()
            for output in _pass(CombineStage(), Partition(c.REVIEWS, number), records, registers)
            if output.topic == c.SCORES
        ]
        decided = [
            row
            for one in sampled
            if one.topic == c.DECIDED
            for row in map(msgspec.json.decode, (one.value or b"").splitlines())
        ]
        reviewed = [Review.model_validate_json(one.value or b"") for records in reviews.values() for one in records]
        task_ids = {ReviewTask.model_validate_json(one.value or b"").task_id for one in tasks}
        answered = {one.review_id for one in reviewed}
        assert answered == task_ids, f"never answered: {task_ids - answered}; never asked: {answered - task_ids}"
        return cls(
            rows={
                "transactions": {row["id"]: row for row in decided},
                "selections": _by_id(selections, "selection_id"),
                "review_tasks": _by_id(tasks, "task_id"),
                "reviews": {
                    one.review_id: {"revision": one.revision} for one in sorted(reviewed, key=lambda r: r.revision)
                },
                "scores": _by_id(scores, "score_id"),
                "rejected": {
                    "/".join(dict(one.headers)["ce_origin"].decode().split("/")[1:4]): {}
                    for one in sampled
                    if one.topic == c.REJECTED
                },
            },
            counts=sorted(_counts(sampled)),
        )

    def judge(self, found: dict[str, list[dict[str, Any]]], counts: list[dict[str, Any]]) -> Verdict:
        lost, doubled, changed = {}, {}, {}
        for table, rows in self.rows.items():
            ids = Counter(_id_of(table, row) for row in found[table])
            lost[table] = len(rows.keys() - ids.keys())
            doubled[table] = sum(number - 1 for number in ids.values()) + len(ids.keys() - rows.keys())
            changed[table] = sum(
                _essence(table, row) != _essence(table, rows[_id_of(table, row)])
                for row in found[table]
                if _id_of(table, row) in rows
            )
        said = sorted(
            (row["topic"], row["partition"], row["read"], row["repeats"], row["eligible"], row["selected"])
            for row in counts
        )
        return Verdict(
            lost, doubled, changed, {table: len(rows) for table, rows in self.rows.items()}, said == self.counts
        )


def _essence(table: str, row: dict[str, Any]) -> tuple[object, ...]:
    return tuple(round(value, 9) if isinstance(value := row[name], float) else value for name in ESSENCE[table])


def _id_of(table: str, row: dict[str, Any]) -> str:
    if table == "rejected":
        return f"{row['source_topic']}/{row['source_partition']}/{row['source_offset']}"
    names = {"transactions": "id", "selections": "selection_id", "review_tasks": "task_id", "reviews": "review_id"}
    return str(row[names.get(table, "score_id")])


def _registers(log: ReadLog) -> Registers:
    return read_registers([RegisterRecord(topic, record) for topic in c.REGISTERS for record in log(topic)[0]])


def _pass(stage: Stage[Any], source: Partition, records: Sequence[LogRecord], registers: Registers) -> list[Output]:
    return stage.step(stage.initial(source), Chunk(source, records), registers) if records else []


def _as_log(outputs: Sequence[Output]) -> list[LogRecord]:
    """Outputs as the log of one partition: by transaction, as their keys would meet."""
    return [PlainRecord(at, 0, one.key, one.value, tuple(one.headers)) for at, one in enumerate(outputs)]


def _by_id(outputs: Sequence[Output], name: str) -> dict[str, dict[str, Any]]:
    """The last record of each id, as the log has it."""
    return {row[name]: row for row in (msgspec.json.decode(one.value or b"") for one in outputs)}


def _counts(sampled: Sequence[Output]) -> list[tuple[str, int, int, int, int, int]]:
    rows = [msgspec.json.decode(one.value or b"") for one in sampled if one.topic == c.READ_COUNTS]
    return [
        (row["topic"], row["partition"], row["read"], row["repeats"], row["eligible"], row["selected"]) for row in rows
    ]
