"""Warnings about a frame that is valid and yet, perhaps, not what was meant.

`on_paper` needs the frame alone; `with_history` looks at what it would have drawn from stored transactions. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from schemas.conditions import Condition
from schemas.frame import NoDraw, QuotaDraw, SamplingFrame
from streams.drawing.windows import begins_window, next_beginning
from tafol.frames import words
from tafol.frames.cover import Box, Space
from tafol.frames.trial import Trial

MOSTLY_SHORT: Final = 0.5
"""A quota that more than this share of its units and windows cannot fill is larger than the population."""
MUCH_UNCOVERED: Final = 0.1
"""Share of the population without any draw that is worth a word."""


class Caution(NamedTuple):
    """One thing to look at. `where`: part of the frame, as it is written there."""

    kind: Literal["never matches", "capacity", "quota", "not drawn", "window", "agreement", "unused"]
    where: str
    sentence: str


def on_paper(frame: SamplingFrame) -> list[Caution]:
    """What the frame itself shows."""
    return [*_never(frame), *_windows(frame), *_agreement(frame)]


def with_history(
    frame: SamplingFrame, trial: Trial, *, reviewer_hours: float | None, minutes_per_review: float
) -> list[Caution]:
    """What a trial on stored transactions shows. `reviewer_hours`: a week; None: not known."""
    found = list(_capacity(trial, reviewer_hours, minutes_per_review))
    found += _quotas(frame, trial)
    if not trial.transactions:
        return found
    seen = {frame.stratum(name).name for name in trial.strata}
    for stratum in frame.strata[:-1] if frame.catch_all == "required" else frame.strata:
        if stratum.name not in seen:
            found.append(
                Caution("unused", f"stratum {stratum.name}", f"took none of {trial.transactions:,} transactions")
            )
    undrawn = sum(one.eligible for one in trial.strata.values() if one.method == "none")
    if trial.eligible and undrawn / trial.eligible > MUCH_UNCOVERED:
        share = words.percent(round(undrawn / trial.eligible, 3))
        found.append(
            Caution(
                "not drawn",
                "strata",
                f"{share} of what is eligible lies in strata from which nothing is drawn; no estimate speaks for it",
            )
        )
    return found


def _never(frame: SamplingFrame) -> Iterator[Caution]:
    """What can never match, by itself or because others take all that it could."""
    rules = frame.eligibility.exclusions
    parts: list[tuple[str, Sequence[tuple[str, Condition]]]] = [
        ("exclusion", [(one.reason, one.when) for one in rules]),
        ("stratum", [(one.name, one.when) for one in frame.strata]),
        ("overlay", [(one.name, one.when) for one in frame.overlays]),
        ("route", [(one.queue, one.when) for one in frame.routes]),
    ]
    space = Space(when for _, named in parts for _, when in named)
    excluded: list[tuple[str, Box]] = []
    for kind, named in parts:
        before = [] if kind in ("exclusion", "route") else list(excluded)
        for nth, (name, when) in enumerate(named, 1):
            where = f"{kind} {nth} (queue {name})" if kind == "route" else f"{kind} {name}"
            box = space.box(when)
            if box is None:
                yield Caution("never matches", where, f"can never match: nothing has {words.condition(when)}")
                continue
            takers = _takers(space, box, before)
            if takers is not None:
                yield Caution(
                    "never matches",
                    where,
                    f"can never match: {words.listed(takers)} take{'s' if len(takers) == 1 else ''} all that it could",
                )
            if kind == "exclusion":
                excluded.append((f"exclusion {name}", box))
            if kind != "overlay":
                before.append((where, box))


def _takers(space: Space, box: Box, before: Sequence[tuple[str, Box]]) -> list[str] | None:
    """Those of `before` that together take all of `box`, none of them needlessly; None when something is left."""
    if space.left(box, [other for _, other in before]) is not None:
        return None
    needed = list(before)
    for one in list(before) if len(before) <= MOST_TO_THIN else []:
        fewer = [other for other in needed if other is not one]
        if space.left(box, [other for _, other in fewer]) is None:
            needed = fewer
    return [name for name, _ in needed[:NAMED]] + ([f"{len(needed) - NAMED} others"] if len(needed) > NAMED else [])


MOST_TO_THIN: Final = 200
NAMED: Final = 4


def _windows(frame: SamplingFrame) -> Iterator[Caution]:
    longest = frame.longest_window
    if longest is not None and not begins_window(frame.holds_from, longest, frame.zone):
        better = next_beginning(frame.holds_from, longest, frame.zone)
        yield Caution(
            "window",
            "holds_from",
            f"is not the beginning of a {longest}, the longest window of this frame's quotas and "
            f"caps; unless it is the first frame, begin it at {better:%Y-%m-%dT%H:%M:%SZ}",
        )


def _agreement(frame: SamplingFrame) -> Iterator[Caution]:
    if not frame.agreed_by:
        yield Caution("agreement", "agreed_by", "names nobody; a frame should be agreed before it holds")
    if not frame.data_protection_assessment:
        yield Caution("agreement", "data_protection_assessment", "is empty; name the assessment that covers this")
    if all(isinstance(one.draw, NoDraw) for one in frame.strata):
        yield Caution("not drawn", "strata", "nothing is drawn from any stratum")


def _capacity(trial: Trial, reviewer_hours: float | None, minutes_per_review: float) -> Iterator[Caution]:
    if reviewer_hours is None:
        return
    needed = trial.items_per_week * minutes_per_review / 60
    if needed > reviewer_hours:
        largest = sorted(trial.strata.values(), key=lambda one: -one.expected)[:3]
        yield Caution(
            "capacity",
            "strata",
            f"{trial.items_per_week:.0f} reviews a week at {minutes_per_review:g} minutes are "
            f"{needed:.0f} hours, {reviewer_hours:g} are there; most come from "
            f"{words.listed([one.name for one in largest])}",
        )


def _quotas(frame: SamplingFrame, trial: Trial) -> Iterator[Caution]:
    for one in trial.strata.values():
        draw = frame.stratum(one.name).draw
        if isinstance(draw, QuotaDraw) and one.cells and one.short_cells / one.cells > MOSTLY_SHORT:
            yield Caution(
                "quota",
                f"stratum {one.name}",
                f"asks for {words.drawn(draw)}, but {one.short_cells} of {one.cells} had "
                "fewer than that: all of those are taken, and the quota does not limit",
            )
