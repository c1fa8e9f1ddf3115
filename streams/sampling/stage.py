"""The sample stage: reads every transaction once, judges it, draws it or not, and counts it. The hot path.

One chunk of one partition goes through three steps, each over all its records: a first look that decodes and checks
(`intake`), the search for repeats (`repeats`), and the decision (`decide`). A record's fate depends on the records
before it in its partition and on the register entries that hold at its own times, so any chunking gives the same
outputs by id.

Outputs go out in this order: rejected records and selections with the offset of their own record as origin, candidates
with that of their last line, markers behind all candidates, decided lines with the offset of their last line, then what
sums up the chunk, with the chunk's last offset. So origins never go down in any partition, and a partition of
candidates or decided lines is complete up to its highest origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

import numpy as np

from schemas import catalogue
from schemas.base import Channel
from schemas.frame import SamplingFrame
from schemas.headers import StageOrigin, cloud_event
from schemas.notice import NoticeRegister
from streams.partitioning import partition_of
from streams.registers import Registers, Requests, Timeline
from streams.sampling import decided, taken_ids
from streams.sampling import state as states
from streams.sampling.by_columns import days_of, decide_by_columns
from streams.sampling.candidates import JSON_LINES, Homes, candidate_outputs, idle_outputs, marker_outputs
from streams.sampling.columns import SHORTEST_RUN, Columns, Run, runs
from streams.sampling.columns import look_at as look_at_columns
from streams.sampling.counts import population_outputs, read_output
from streams.sampling.decide import STAGE, decide
from streams.sampling.decided import Lines
from streams.sampling.eligibility import NoticeJudge
from streams.sampling.frames import Frames, ReadyFrame
from streams.sampling.intake import Refusal, look_at, rejected_output
from streams.sampling.native import Native
from streams.sampling.overlays import RequestBook
from streams.sampling.pseudonym import Pseudonyms
from streams.sampling.repeats import Taken, Window, taken_together
from streams.sampling.state import SampleState
from streams.sampling.verdicts import Verdicts
from streams.stage import Chunk, LogRecord, Output, Partition
from streams.topics import SAMPLE_IDS

FIRST_CHUNK_NTH: Final = 1000
"""Index in an origin from which on an output sums up records; below, it is of one record."""
OCTETS: Final = b"application/octet-stream"
DECIDED_KIND: Final = catalogue.MESSAGES[catalogue.DECIDED].kind
CONFLICT: Final = "a transaction with this id came before, with another content"


class _Fate(NamedTuple):
    """What became of a run of records."""

    refused: list[Refusal]
    lines: list[Lines]
    selections: list[Output]
    candidates: list[Output]
    taken: Taken


@dataclass(frozen=True, slots=True)
class _RegistersOfChannel:
    """The registers made ready for one channel. A cache: the registers alone decide what is in it."""

    frame_register: Timeline[SamplingFrame]
    notice_register: Timeline[NoticeRegister]
    request_register: Requests
    frames: Frames
    requests: RequestBook
    judge: NoticeJudge
    for_draw: bool
    """Whether any draw of these registers is decided by the draw stage, which needs markers then."""
    verdicts: dict[ReadyFrame, Verdicts] = field(default_factory=dict)
    """By frame."""

    def verdicts_of(self, frame: ReadyFrame, native: Native) -> Verdicts:
        found = self.verdicts.get(frame)
        if found is None:
            found = self.verdicts[frame] = Verdicts(frame, self.judge, native)
        return found


class SampleStage:
    """The stage `sample` (`streams.stage.Stage`). `pseudonyms`: under the key of the installation.

    `partitions`: how many the source topics have, and `candidates` and `selections`, which have as many. `native`: the
    compiled half; None for the way of single records. `shortest_run`: records in a row that are worth its while.
    """

    name = STAGE
    logic_version = 1
    sources = catalogue.SOURCE_TOPICS
    side_topic: str | None = SAMPLE_IDS

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        partitions: int = 1,
        native: Native | None = None,
        shortest_run: int = SHORTEST_RUN,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._native = native
        self._shortest_run = shortest_run
        self._partitions = partitions
        self._homes = Homes(partitions)
        self._by_channel: dict[Channel, _RegistersOfChannel] = {}

    def initial(self, source: Partition) -> SampleState:
        """The state before the first record of the log."""
        return SampleState(source)

    def ready(self, registers: Registers) -> str | None:
        """Waits for the first frame and the first notices; they hold from the beginning of time."""
        if not registers.frames.entries:
            return "the first sampling frame"
        if not registers.notices.entries:
            return "the first monitoring notices"
        return None

    def step(self, state: SampleState, chunk: Chunk, registers: Registers) -> list[Output]:
        """Take one chunk. Raises UnknownVersion while a register is empty."""
        made = self._made_ready(state.channel, registers)
        fates = list(self._fates(state, chunk, made))
        last_offset = chunk.records[-1].offset
        source = chunk.source
        outputs = [rejected_output(one, _origin(source, one.record.offset)) for fate in fates for one in fate.refused]
        outputs += [one for fate in fates for one in fate.selections]
        outputs += [one for fate in fates for one in fate.candidates]
        if made.for_draw:
            outputs += marker_outputs(state, last_offset, self._partitions)
        outputs += _decided_outputs(source, [one for fate in fates for one in fate.lines])
        outputs += _summing_up(state, taken_together([fate.taken for fate in fates]), last_offset)
        state.close_days()
        state.repeats.forget(last_offset + 1)
        return outputs

    def _fates(self, state: SampleState, chunk: Chunk, made: _RegistersOfChannel) -> Iterator[_Fate]:
        """What becomes of the chunk, a run of records after the other, in the order of the log."""
        native = self._native
        if native is None or len(chunk.records) < self._shortest_run:
            yield self._one_by_one(state, chunk, made)
            return
        columns = look_at_columns(chunk, native)
        for run in runs(columns, made.frames, self._shortest_run):
            fate = self._by_columns(state, columns, run, made)
            yield fate or self._one_by_one(state, Chunk(chunk.source, chunk.records[run.start : run.stop]), made)

    def _one_by_one(self, state: SampleState, chunk: Chunk, made: _RegistersOfChannel) -> _Fate:
        seen = look_at(chunk, state.channel, made.frames, state.repeats)
        repeats, taken = state.repeats.take(seen.offsets, seen.ids, seen.values, seen.windows)
        refused = _in_order(seen.refused, [seen.records[at] for at, same in repeats.items() if not same])
        _count(state, len(chunk.records), repeats, refused)
        for position, names in seen.unknown_fields.items():
            if position not in repeats:
                state.tally.name_unknown(names)
        decisions = decide(
            state, seen, repeats, frames=made.frames, requests=made.requests, judge=made.judge,
            pseudonyms=self._pseudonyms,
        )  # fmt: skip
        candidates = list(candidate_outputs(chunk.source, decisions.candidates, self._homes))
        selections = [self._placed(one) for one in decisions.selections]
        return _Fate(refused, list(decided.encode(decisions.lines)), selections, candidates, taken)

    def _placed(self, selection: Output) -> Output:
        """`selection`, with its partition: where the compiled half and Kafka's default partitioner put it too."""
        return selection._replace(partition=partition_of(selection.key or b"", self._partitions))

    def _by_columns(self, state: SampleState, columns: Columns, run: Run, made: _RegistersOfChannel) -> _Fate | None:
        """None where records of the run want a decision one by one; then nothing has happened yet."""
        native, reign = self._native, run.reign
        if native is None or reign is None:
            return None
        days = days_of(columns, run, reign, state, made.requests)
        if days is None:
            return None
        frame, stretch = reign.frame, slice(run.start, run.stop)
        state.repeats.reach(frame.stretch, int(columns.offsets[run.start]))
        found, taken = state.repeats.take_digests(
            Taken(columns.offsets[stretch], columns.scanned.ids[stretch], columns.scanned.contents[stretch]),
            [Window(0, frame.stretch, state.repeats.base)],
        )
        repeats = np.zeros(len(columns.records), dtype=np.bool_)
        repeats[[run.start + at for at in found]] = True
        refused = _in_order([], [columns.records[run.start + at] for at, same in found.items() if not same])
        _count(state, run.stop - run.start, found, refused)
        decisions = decide_by_columns(
            native, state, columns, days, repeats, frame=frame, verdicts=made.verdicts_of(frame, native),
            pseudonyms=self._pseudonyms, partitions=self._partitions,
        )  # fmt: skip
        return _Fate(refused, *decisions, taken)

    def idle(self, state: SampleState, next_offset: int, registers: Registers) -> list[Output]:
        """What to say when there is nothing more to read at `next_offset` (`streams.stage.SaysIdle`)."""
        made = self._made_ready(state.channel, registers)
        return list(idle_outputs(state, next_offset, self._partitions)) if made.for_draw else []

    def dump(self, state: SampleState) -> bytes:
        """The state without the entries of its memory of repeats."""
        return states.dump(state)

    def load(self, source: Partition, raw: bytes) -> SampleState:
        """The state that `dump` wrote; its memory of repeats comes back by `recall`."""
        return states.load(source, raw)

    def recall(self, state: SampleState, side_value: bytes, next_offset: int) -> None:
        """Remember what a record of `sample-ids` holds below `next_offset`. Raises SnapshotUnusable."""
        taken = taken_ids.decode(state.source, side_value)
        if taken is not None:
            state.repeats.recall(taken, next_offset)

    def remembers_from(self, state: SampleState, next_offset: int) -> int:
        """Lowest offset that a record from `next_offset` on can still repeat."""
        return state.repeats.needed_from(next_offset)

    def _made_ready(self, channel: Channel, registers: Registers) -> _RegistersOfChannel:
        made = self._by_channel.get(channel)
        frames, notices, requests = registers.frames, registers.notices, registers.requests
        if (
            made is None
            or made.frame_register is not frames
            or made.notice_register is not notices
            or made.request_register is not requests
        ):
            former = made.frames if made is not None else None
            made = _RegistersOfChannel(
                frames,
                notices,
                requests,
                Frames(frames, channel, former),
                RequestBook(requests, channel),
                NoticeJudge(notices, channel),
                for_draw=bool(requests.by_id) or any(one.longest_window is not None for one in frames.entries),
            )
            self._by_channel[channel] = made
        return made


def _in_order(refused: list[Refusal], conflicts: Sequence[LogRecord]) -> list[Refusal]:
    """All that was refused, in the order of the log."""
    conflicting = [Refusal(record, "conflicting_repeat", CONFLICT) for record in conflicts]
    return sorted(refused + conflicting, key=lambda one: one.record.offset) if conflicting else refused


def _count(state: SampleState, read: int, repeats: Mapping[int, bool], refused: Sequence[Refusal]) -> None:
    tally = state.tally
    tally.read += read
    tally.repeats += sum(repeats.values())
    for refusal in refused:
        tally.reject(refusal.reason)


def _decided_outputs(source: Partition, records: Sequence[Lines]) -> Iterator[Output]:
    for part in records:
        origin = _origin(source, part.last_offset, FIRST_CHUNK_NTH)
        event_id = f"{taken_ids.source_name(source)}/{part.first_offset}-{part.last_offset}"
        headers = cloud_event(DECIDED_KIND, event_id, origin, JSON_LINES)
        yield Output(catalogue.DECIDED, None, part.value, headers, source.partition)


def _summing_up(state: SampleState, taken: Taken, last_offset: int) -> Iterator[Output]:
    source = state.source
    nths = count(FIRST_CHUNK_NTH)
    origins = (_origin(source, last_offset, nth) for nth in nths)
    yield from population_outputs(source, state.channel, state.days.values(), origins)
    yield read_output(source, state.tally, next(origins))
    for value in taken_ids.encode(source, taken):
        origin = next(origins)
        key = taken_ids.source_name(source)
        headers = cloud_event("sample-ids.v1", f"{key}@{origin.offset}/{origin.nth}", origin, OCTETS)
        yield Output(SAMPLE_IDS, key.encode(), value, headers, source.partition)


def _origin(source: Partition, offset: int, nth: int = 0) -> StageOrigin:
    return StageOrigin(STAGE, source.topic, source.partition, offset, nth)
