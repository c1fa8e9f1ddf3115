"""Sampling by columns against sampling record by record: the same outputs, byte for byte, and the same state."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue
from schemas.frame import SamplingFrame
from streams.registers import Registers
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from tests.fixtures.native import compiled_stage, needs_native
from tests.unit.sampling import logs

pytestmark = [pytest.mark.unit, needs_native]

QUOTAS: list[dict[str, Any]] = [
    {"name": "cy", "when": {"language": "cy"},
     "draw": {"method": "quota", "n": 2, "per": "colleague", "window": "day"}},
    {"name": "complaints", "when": {"topic": ["complaint"]},
     "draw": {"method": "quota", "n": 1, "per": "team", "window": "week"}},
    {"name": "vip", "when": {"attributes": {"vip": ["true"]}}, "draw": {"method": "random", "rate": 1}},
    {"name": "north", "when": {"site": "bangor"}, "by": ["team_id"], "draw": {"method": "systematic", "every": 2}},
    {"name": "capped", "when": {"team_id": "t-1", "duration_s": {"at_most": 299}},
     "draw": {"method": "random", "rate": 0.5}, "cap": {"n": 1, "window": "day"}},
    {"name": "rest", "draw": {"method": "quota", "n": 3, "per": "stratum", "window": "day"}},
]  # fmt: skip
FRAMES = [
    logs.frame(),
    logs.frame(strata=QUOTAS, eligibility={"minimum_length_s": 299, "customer_told_within_s": 30}),
    logs.frame(
        strata=logs.STRATA[:2],
        catch_all="refused",
        eligibility={
            "exclusions": [{"reason": "short_text", "when": {"attributes": {"score": {"at_least": 1}}}}],
            "by_channel": {"phone": {"customer_told_how": ["recorded_message"]}},
        },
    ),
]
LATER = logs.frame(2, holds_from="2026-03-28T23:30:00Z", seed="ff" * 32, time_zone="America/New_York")


def both(records: Sequence[PlainRecord], registers: Registers, source: Partition, cuts: Sequence[int]) -> None:
    """Take the log in chunks on both ways and compare everything."""
    slow, fast = SampleStage(Pseudonyms(logs.KEY), 3), compiled_stage(logs.KEY, 3)
    states = slow.initial(source), fast.initial(source)
    borders = sorted({0, len(records), *(cut % len(records) for cut in cuts)})
    for start, stop in pairwise(borders):
        chunk = Chunk(source, records[start:stop])
        assert _by_meaning(fast.step(states[1], chunk, registers)) == _by_meaning(
            slow.step(states[0], chunk, registers)
        )
        assert fast.dump(states[1]) == slow.dump(states[0])


def _by_meaning(outputs: Sequence[Output]) -> list[Any]:
    """The outputs in their order; of what travels in records of many lines, the lines in theirs.

    How lines share records may differ, for a chunk is cut where records want a closer look.
    """
    joined: dict[tuple[str, int | None], list[bytes]] = {}
    single: list[Any] = []
    for output in outputs:
        if output.topic in {catalogue.DECIDED, catalogue.CANDIDATES} and b"\n" in (output.value or b""):
            head, *lines = (output.value or b"").splitlines()
            joined.setdefault((output.topic, output.partition), [head]).extend(lines)
        else:
            single.append(output)
    return [*single, joined]


@settings(max_examples=150)
@given(logs.logs(), st.sampled_from(FRAMES), st.booleans(), st.lists(st.integers(0, 100), max_size=4))
def test_any_log_gives_the_same(records: list[PlainRecord], frame: SamplingFrame, later: bool, cuts: list[int]) -> None:
    registers = logs.registers(frame, LATER) if later else logs.registers(frame)
    both(records, registers, logs.SOURCE, cuts)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("seed", range(4))
def test_long_chunks_of_good_and_bad_records_give_the_same(frame: SamplingFrame, seed: int) -> None:
    luck, records = random.Random(seed), []
    for offset in range(600):
        flags, attributes = (
            luck.choice([[], ["a", "b"]]),
            luck.choice([{}, {}, {"vip": True}, {"score": 2, "note": "â"}]),
        )
        fields = logs.event(
            f"t-{luck.randrange(3000)}", logs.NOON + timedelta(seconds=60 * offset - luck.randrange(90_000)),
            luck.choice([120, 299, 300]), colleague_id=f"c-{luck.randrange(9)}", team_id=f"t-{luck.randrange(4)}",
            language=luck.choice(["en", "cy"]), topic=luck.choice(["billing", "complaint"]),
            site=luck.choice(["cardiff", "bangor"]), csat_0_100=luck.choice([None, 0, 75, 61.5, 100]),
            attributes=attributes, flags=flags,
            customer_ref=luck.choice(["C1", "C2", "Siân"]), place=luck.choice([None, "Cownter 4"]),
        )  # fmt: skip
        raw = logs.value(fields) if luck.random() < 0.98 else b"\xff"
        records.append(logs.record(offset, raw, logs.NOON + timedelta(seconds=60 * offset), fields["id"].encode()))
    both(records, logs.registers(frame), logs.SOURCE, [luck.randrange(600)])


def test_chats_count_their_lines() -> None:
    chat = [
        {"speaker": "customer", "text": 'Helô "chi"\n', "at": "2026-03-27T11:56:00Z"},
        {"speaker": "system", "text": ""},
    ]
    told = {"customer": {"notice_id": "banner", "how": "written", "at": logs.NOON.isoformat()}, "colleague": "policy"}
    events = [
        logs.event(f"t-{n}", logs.NOON + timedelta(seconds=n), channel="chat", chat=chat * n, monitoring_notice=told)
        for n in range(50)
    ]
    both(logs.log(events), logs.registers(), logs.CHAT_SOURCE, [10])


def test_runs_are_taken_by_columns_indeed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = compiled_stage(logs.KEY)
    monkeypatch.setattr("streams.sampling.stage.decide", None)
    events = [logs.event(f"t-{n}", logs.NOON + timedelta(seconds=n)) for n in range(10)]
    assert stage.step(stage.initial(logs.SOURCE), Chunk(logs.SOURCE, logs.log(events)), logs.registers())
