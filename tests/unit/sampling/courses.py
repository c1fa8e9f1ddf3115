"""Runs the sample stage as workers would that die and take over from each other, side records and all."""

from __future__ import annotations

from collections.abc import Sequence

from streams.registers import Registers
from streams.sampling.stage import SampleStage
from streams.stage import Chunk, Output, Partition, PlainRecord
from streams.topics import SAMPLE_IDS
from tests.reference.stage_runs import Course


def run(
    stage: SampleStage, source: Partition, records: Sequence[PlainRecord], registers: Registers, course: Course
) -> list[Output]:
    """Everything that was sent. After each chunk the worker lives on or dies; one that dies has sent all or a part of
    its outputs and written no snapshot. The next one starts from the last snapshot and all side records ever sent.
    """
    sent: list[Output] = []
    state, snapshot = stage.initial(source), stage.dump(stage.initial(source))
    at = turn = 0
    stood_at = 0
    while at < len(records):
        length = course.chunk_lengths[turn % len(course.chunk_lengths)]
        dies = course.dies[turn % len(course.dies)] and turn % 7 != 6
        turn += 1
        chunk = Chunk(source, records[at : at + length])
        outputs = stage.step(state, chunk, registers)
        if not dies:
            sent += outputs
            at += length
            snapshot, stood_at = stage.dump(state), at
            continue
        sent += outputs[: len(outputs) if turn % 2 else turn % (len(outputs) + 1)]
        state = stage.load(source, snapshot)
        at = stood_at
        next_offset = records[at].offset
        for output in sent:
            if output.topic == SAMPLE_IDS and output.value is not None:
                stage.recall(state, output.value, next_offset)
    return sent
