"""The records that draw writes, as structs with the fields of their models in `schemas`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas import catalogue
from schemas.headers import StageOrigin, cloud_event
from schemas.selection import PROBABILITY_PURPOSES, selection_id
from streams.drawing.cells import Cell, Kept, OpenWindow
from streams.selection_lines import FrameRef, SelectionLine, encode
from streams.stage import Output, Partition


class CellLine(msgspec.Struct, gc=False):
    """schemas.drawn.DrawCell."""

    draw_id: str
    purpose: str
    frame: FrameRef
    stratum: str
    unit: str
    starts: datetime
    ends: datetime
    closed_at: datetime
    eligible: int
    taken: int
    selected: int
    inclusion_probability: float | None
    as_of_offset: int


class Tally(msgspec.Struct, array_like=True):
    """schemas.drawn.DrawCount, without what its key says and the offset."""

    channel: str
    frame_id: str
    frame_version: int
    stratum: str
    candidates: int = 0
    late: int = 0
    eligible: int = 0
    selected: int = 0


class CountLine(msgspec.Struct, gc=False):
    """schemas.drawn.DrawCount."""

    partition: int
    channel: str
    frame: FrameRef
    stratum: str
    candidates: int
    late: int
    eligible: int
    selected: int
    as_of_offset: int


def inclusion_probability(window: OpenWindow, cell: Cell, selected: int) -> float | None:
    """Of the design: the rate of the first draw times the share that this draw takes of what that one took.

    None for purposive draws, and where nothing is selected. With a cap it is conditional on how many the first draw
    took, as in two-phase sampling (Särndal, Swensson & Wretman 1992, ch. 9): weighting by it is unbiased.
    """
    if window.purpose not in PROBABILITY_PURPOSES or not selected:
        return None
    return window.rate * (selected / cell.taken)


def selection_output(
    window: OpenWindow, kept: Kept, drawn_at: datetime, probability: float | None, origin: StageOrigin
) -> Output:
    """The selection of one candidate."""
    transaction_id = kept.transaction.id
    line = SelectionLine(
        selection_id=selection_id(window.draw_id, transaction_id),
        draw_id=window.draw_id,
        purpose=window.purpose,
        frame=FrameRef(kept.frame_id, kept.frame_version),
        stratum=kept.stratum,
        inclusion_probability=probability,
        draw_number=kept.number,
        drawn_at=drawn_at,
        transaction=kept.transaction,
        origin=kept.origin,
    )
    headers = cloud_event("selection.v1", line.selection_id, origin)
    return Output(catalogue.SELECTIONS, transaction_id.encode(), encode(line), headers)


def cell_output(window: OpenWindow, unit: str, cell: Cell, probability: float | None, origin: StageOrigin) -> Output:
    """The record of one closed cell."""
    line = CellLine(
        window.draw_id, window.purpose, FrameRef(window.frame_id, window.frame_version), window.stratum, unit,
        window.starts, window.ends, window.closes, cell.eligible, cell.taken, len(cell.kept), probability,
        origin.offset,
    )  # fmt: skip
    key = f"{window.draw_id}|{unit}|{window.starts.isoformat()}"
    return Output(
        catalogue.DRAW_CELLS, key.encode(), encode(line), cloud_event("draw-cell.v1", key, origin), origin.partition
    )


def tally_key(channel: str, frame_id: str, frame_version: int, stratum: str) -> str:
    """Key of a tally within its partition."""
    return f"{channel}|{frame_id}:{frame_version}|{stratum}"


def count_output(tally: Tally, key: str, source: Partition, origin: StageOrigin) -> Output:
    """A tally as it stands."""
    line = CountLine(
        source.partition, tally.channel, FrameRef(tally.frame_id, tally.frame_version), tally.stratum,
        tally.candidates, tally.late, tally.eligible, tally.selected, origin.offset,
    )  # fmt: skip
    key = f"{source.partition}|{key}"
    headers = cloud_event("draw-count.v1", f"{key}@{origin.offset}", origin)
    return Output(catalogue.DRAW_COUNTS, key.encode(), encode(line), headers, source.partition)
