"""Stored transactions made by the sample stage itself, and a store that answers the tools' queries from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from schemas import catalogue
from schemas.base import CHANNELS, Channel
from schemas.frame import SamplingFrame
from schemas.selection import PROBABILITY_PURPOSES
from sinks.queries.log_of_decisions import Period
from sinks.queries.text import sql
from sinks.store import Parameter, Row
from streams.drawing.stage import DrawStage
from streams.registers import Registers
from streams.sampling.decided import DecidedLine
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from tests.unit.sampling import logs

STARTS: Final = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
WEEK: Final = Period(STARTS, STARTS + timedelta(days=7))
NOTICE_OF: Final[Mapping[Channel, str]] = {"phone": "ivr", "chat": "banner", "face_to_face": "none"}


def calls(count: int, *, late_every: int = 0, channel: Channel = "phone", partition: int = 0) -> list[PlainRecord]:
    """`count` transactions spread over the week in one partition, with every kind of eligibility that rows can prove.

    `late_every`: so many of them end six days before they are appended, when their day is final.
    """
    records = []
    for n in range(count):
        appended = STARTS + timedelta(seconds=7 * 86_400 * (n + 0.5) / count)
        late = timedelta(days=6) if late_every and n % late_every == 0 and n > count * 0.9 else timedelta(0)
        ended = max(appended - late, STARTS)
        fields = logs.event(
            f"{channel[0]}{partition}-{n}", ended, lasted_s=2.0 + 60 * (n % 7), channel=channel,
            language="cy" if n % 5 == 0 else "en", topic="complaint" if n % 4 == 0 else "billing",
            team_id=f"t-{n % 3}", colleague_id=f"c-{n % 6}", flags=["staff"] if n % 11 == 0 else [],
            attributes={"value": n % 13}, csat_0_100=float(n % 101) if n % 2 else None,
        )  # fmt: skip
        told = fields["monitoring_notice"]
        told["customer"]["notice_id"] = NOTICE_OF[channel]
        if n % 17 == 0:
            told["customer"] = None
        records.append(logs.record(n, logs.value(fields), appended))
    return records


@dataclass
class Played:
    """What the stages made of some logs: rows by source partition, selections, candidates."""

    registers: Registers
    lines: list[DecidedLine] = field(default_factory=list)
    selections: list[dict[str, Any]] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    events: dict[tuple[str, int, int], bytes] = field(default_factory=dict)


def played(sources: Mapping[Partition, Sequence[PlainRecord]], *frames: SamplingFrame, close: bool = True) -> Played:
    """Run sample over each source, then draw over all candidates. `close`: let time go on until every window is closed.

    Everything goes through one partition of candidates, each source's markers behind its own records.
    """
    found = Played(logs.registers(*frames))
    sample, draw = SampleStage(Pseudonyms(logs.KEY)), DrawStage()
    waiting: list[Output] = []
    for source, records in sources.items():
        state = sample.initial(source)
        for start in range(0, len(records), 50):
            outputs = sample.step(state, Chunk(source, records[start : start + 50]), found.registers)
            for one in outputs:
                if one.topic == catalogue.DECIDED:
                    assert one.value is not None
                    found.lines += [msgspec.json.decode(line, type=DecidedLine) for line in one.value.splitlines()[1:]]
                elif one.topic == catalogue.SELECTIONS:
                    found.selections.append(msgspec.json.decode(one.value or b""))
                elif one.topic == catalogue.CANDIDATES and b'"marker"' not in (one.value or b""):
                    waiting.append(one)
        found.events |= {(*source, record.offset): record.value or b"" for record in records}
    values = [one.value for one in waiting] + [_marker(topic) for topic in catalogue.SOURCE_TOPICS if close]
    candidates = [PlainRecord(n, int(STARTS.timestamp() * 1000), None, value) for n, value in enumerate(values)]
    if candidates:
        source = Partition(catalogue.CANDIDATES, 0)
        for one in draw.step(draw.initial(source), Chunk(source, candidates), found.registers):
            if one.topic == catalogue.SELECTIONS:
                found.selections.append(msgspec.json.decode(one.value or b""))
            elif one.topic == catalogue.DRAW_CELLS:
                found.cells.append(msgspec.json.decode(one.value or b""))
    return found


def _marker(topic: str) -> bytes:
    """Time has come to two months after the week."""
    far = (STARTS + timedelta(days=60)).isoformat()
    return msgspec.json.encode({
        "record": "marker", "topic": topic, "partition": 0, "partitions": 1, "next_offset": 10**9, "high_water": far,
        "idle": False,
    })  # fmt: skip


class Tables:
    """An Asker that answers the tools' queries as ClickHouse would; the integration tests hold the SQL to the same."""

    def __init__(self, found: Played, scores: Sequence[Row] = ()) -> None:
        self.lines = {line.id: msgspec.structs.asdict(line) for line in reversed(found.lines)}
        self.selections = list(found.selections)
        self.cells = list(found.cells)
        self.scores = list(scores)

    def ask(self, text: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        """As the protocol says."""
        for name in dir(self):
            if name.startswith("answer_") and text == sql(name.removeprefix("answer_")):
                answered: list[Row] = getattr(self, name)(dict(parameters))
                return answered
        raise AssertionError(f"no answer to {text}")

    def answer_transactions_span(self, p: Row) -> list[Row]:
        by_source: dict[tuple[str, int], list[Row]] = {}
        for row in self._rows():
            if row["appended_at"] >= _at(p["appended_from"]):
                by_source.setdefault((row["source_topic"], row["source_partition"]), []).append(row)
        spans = []
        for (topic, partition), rows in sorted(by_source.items()):
            inside = [one for one in rows if _at(p["ended_from"]) <= one["ended_at"] < _at(p["ended_to"])]
            if inside:
                spans.append({
                    "source_topic": topic, "source_partition": partition,
                    "first_offset": min(one["source_offset"] for one in rows),
                    "next_offset": max(one["source_offset"] for one in inside) + 1, "transactions": len(inside),
                })  # fmt: skip
        return spans

    def answer_transactions_in_log(self, p: Row) -> list[Row]:
        rows = self._rows(p["topic"], p["partition"])
        inside = [row for row in rows if p["from_offset"] <= row["source_offset"] < p["to_offset"]]
        return sorted(inside, key=lambda row: int(row["source_offset"]))

    def answer_high_water(self, p: Row) -> list[Row]:
        rows = [row for row in self._rows(p["topic"], p["partition"]) if row["source_offset"] < p["below"]]
        latest = {name: max((row[name] for row in rows), default=STARTS) for name in ("ended_at", "appended_at")}
        return [{"transactions": len(rows), **latest}]

    def answer_first_since(self, p: Row) -> list[Row]:
        since = _at(p["appended_from"])
        rows = [row for row in self._rows(p["topic"], p["partition"]) if row["appended_at"] >= since]
        first = min((row["source_offset"] for row in rows), default=0)
        return [{"transactions": len(rows), "first_offset": first}]

    def answer_selections_between(self, p: Row) -> list[Row]:
        return [
            _selection(one)
            for one in self.selections
            if one["purpose"] in PROBABILITY_PURPOSES
            and _at(p["ended_from"]) <= datetime.fromisoformat(one["transaction"]["ended_at"]) < _at(p["ended_to"])
        ]

    def answer_closed_cells(self, p: Row) -> list[Row]:
        rows = [one | {name: datetime.fromisoformat(one[name]) for name in ("starts", "ends")} for one in self.cells]
        return [one for one in rows if _at(p["starts_from"]) <= one["starts"] and one["ends"] <= _at(p["ends_to"])]

    def answer_transaction(self, p: Row) -> list[Row]:
        return [self.lines[p["id"]]] if p["id"] in self.lines else []

    def answer_transaction_selections(self, p: Row) -> list[Row]:
        return [_selection(one) for one in self.selections if one["transaction"]["id"] == p["id"]]

    def answer_transaction_tasks(self, p: Row) -> list[Row]:
        return []

    answer_transaction_reviews = answer_transaction_scores = answer_transaction_tasks

    def answer_waiting_in_stratum(self, p: Row) -> list[Row]:
        rows = [
            row
            for row in self._rows()
            if row["decision"] == "pending" and row["stratum"] == p["stratum"]
            and _at(p["ended_from"]) <= row["ended_at"] < _at(p["ended_to"])
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (int(row["draw_number"]), str(row["id"])))

    def answer_taken_by_draw(self, p: Row) -> list[Row]:
        return [row for row in map(_selection, self.selections) if row["draw_id"] == p["draw_id"]]

    def answer_observed_scores(self, p: Row) -> list[Row]:
        return self.scores

    def _rows(self, topic: str = "", partition: int = 0) -> list[Row]:
        rows = list(self.lines.values())
        return [
            row for row in rows if not topic or (row["source_topic"], row["source_partition"]) == (topic, partition)
        ]


def _selection(one: dict[str, Any]) -> Row:
    return {
        "draw_id": one["draw_id"], "transaction_id": one["transaction"]["id"], "purpose": one["purpose"],
        "inclusion_probability": one["inclusion_probability"], "draw_number": one["draw_number"],
    }  # fmt: skip


def _at(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)


def week_of(*frames: SamplingFrame, count: int = 240, close: bool = True) -> Played:
    """A week of phone in two partitions and of chat in one."""
    sources: dict[Partition, Sequence[PlainRecord]] = {
        Partition(catalogue.SOURCE_TOPIC["phone"], 0): calls(count, late_every=3),
        Partition(catalogue.SOURCE_TOPIC["phone"], 1): calls(count // 2, partition=1),
        Partition(catalogue.SOURCE_TOPIC["chat"], 0): calls(count // 2, channel="chat"),
    }
    assert set(CHANNELS) == set(NOTICE_OF)
    return played(sources, *frames, close=close)
