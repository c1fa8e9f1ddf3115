"""One frame as the route stage uses it: its routes, its overlap and its working hours, made ready once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from schemas.conditions import asker
from schemas.draw_number import OVERLAP, draw_numbers, threshold
from schemas.frame import Route, SamplingFrame
from streams.routing.working_time import WorkingTime
from streams.sampling.decided import DecidedLine
from streams.selection_lines import TransactionPart


class Routes:
    """Where the selected transactions of one frame go, how many reviews each gets, and by when."""

    def __init__(self, frame: SamplingFrame) -> None:
        self._frame = frame
        self._routes = [(asker(route.when), route) for route in frame.routes]
        self._working_time = WorkingTime(frame.working_hours, frame.zone)
        self._overlap_below = threshold(frame.overlap.share)
        self._overlap_numbers: dict[str, Callable[[str], int]] = {}

    def route_of(self, transaction: TransactionPart | DecidedLine) -> Route:
        """The first route whose condition holds; a frame's last route holds always."""
        return next(route for asks, route in self._routes if asks is None or asks(transaction))

    def due_at(self, drawn_at: datetime, route: Route) -> datetime:
        """When a review must be done, in UTC."""
        return self._working_time.after(drawn_at, route.due_working_hours)

    def copies(self, transaction_id: str, stratum: str) -> int:
        """A second draw number, independent of the first, says whether a transaction is reviewed more than once."""
        if not self._overlap_below:
            return 1
        frame = self._frame
        number = self._overlap_numbers.get(stratum)
        if number is None:
            number = draw_numbers(frame.seed_bytes, frame.id, frame.version, stratum, OVERLAP)
            self._overlap_numbers[stratum] = number
        return frame.overlap.copies if number(transaction_id) < self._overlap_below else 1
