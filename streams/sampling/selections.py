"""The selections that the sample stage makes: of a probability draw, or of an overlay."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from schemas import catalogue
from schemas.headers import StageOrigin, cloud_event
from schemas.selection import Purpose, selection_id
from streams.sampling.decode import Event
from streams.sampling.frames import ReadyFrame
from streams.sampling.overlays import Overlay
from streams.sampling.strata import StratumDraw
from streams.selection_lines import FrameRef, OriginPart, SelectionLine, TransactionPart, encode
from streams.stage import Output

SELECTION_KIND: Final = catalogue.MESSAGES[catalogue.SELECTIONS].kind


def transaction_part(event: Event, pseudonym: str) -> TransactionPart:
    """What is known of `event` beyond the source topics."""
    # By position, in the order of the fields: msgspec takes much longer by name.
    return TransactionPart(
        event.id, event.channel, event.colleague_id, event.team_id, event.site, event.topic, event.language,
        event.started_at, event.ended_at, pseudonym, event.outcome,
    )  # fmt: skip


def selection_output(
    event: Event,
    *,
    pseudonym: str,
    frame: ReadyFrame,
    stratum: StratumDraw,
    draw_number: int | None,
    drawn_at: datetime,
    origin: StageOrigin,
    overlay: Overlay | None = None,
) -> Output:
    """The selection of `event` by the probability draw of its stratum, or by an overlay."""
    draw_id = stratum.draw_id if overlay is None else overlay.draw_id
    line = SelectionLine(
        selection_id(draw_id, event.id),
        draw_id,
        cast("Purpose", stratum.method) if overlay is None else overlay.purpose,
        FrameRef(frame.id, frame.version),
        stratum.name,
        stratum.probability if overlay is None else None,
        draw_number,
        drawn_at,
        transaction_part(event, pseudonym),
        OriginPart(origin.topic, origin.partition, origin.offset),
    )
    headers = cloud_event(SELECTION_KIND, line.selection_id, origin)
    return Output(catalogue.SELECTIONS, event.id.encode(), encode(line), headers)
