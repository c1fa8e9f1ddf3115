"""Runs a stage over one partition as a worker would, with chunks and crashes where a test puts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

from streams.registers import Registers
from streams.stage import Chunk, Output, Partition, PlainRecord, Stage

StateT = TypeVar("StateT")


@dataclass(frozen=True)
class Course:
    """How a run goes: chunk lengths, used in turn, and after each whether the worker dies before its snapshot."""

    chunk_lengths: tuple[int, ...] = (1,)
    dies: tuple[bool, ...] = (False,)


COURSES = st.builds(
    Course,
    st.lists(st.integers(1, 9), min_size=1, max_size=6).map(tuple),
    st.lists(st.booleans(), min_size=1, max_size=6).map(tuple),
)


def run(
    stage: Stage[StateT],
    source: Partition,
    records: Sequence[PlainRecord],
    registers: Registers,
    course: Course = Course(),
) -> list[Output]:
    """Everything that was sent, in order. A worker that dies has sent its outputs but written no snapshot; the next one
    begins where the last snapshot stands, with a chunk of another length.
    """
    snapshot = stage.dump(stage.initial(source))
    sent: list[Output] = []
    at = turn = 0
    died = False
    while at < len(records):
        length = course.chunk_lengths[turn % len(course.chunk_lengths)]
        died = course.dies[turn % len(course.dies)] and not died
        turn += 1
        state = stage.load(source, snapshot)
        sent += stage.step(state, Chunk(source, records[at : at + length]), registers)
        if not died:
            snapshot = stage.dump(state)
            at += length
    return sent
