"""The figures of the coverage page: from what was read to what was reviewed, and why things were left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from desk.web.charts import plots
from desk.web.charts.figure import Column, Figure
from desk.web.language import Speech
from sinks.queries.coverage import Counts, Coverage

OF_NOTICES: Final = frozenset(
    {
        "customer_not_told", "customer_told_late", "customer_told_otherwise", "customer_notice_not_valid",
        "colleague_not_told", "colleague_notice_not_valid",
    }
)  # fmt: skip
"""Reasons that lie with telling customers and colleagues (D13-3)."""


def funnel(found: Coverage, say: Speech) -> Figure:
    """From all that was read to what was reviewed."""
    total = found.total
    steps = [
        (say.gettext("read"), total.read),
        (say.gettext("eligible"), total.eligible),
        (say.gettext("selected"), total.selected),
        (say.gettext("reviewed"), total.reviewed),
    ]
    return Figure(
        name="funnel",
        title=say.gettext("From read to reviewed"),
        finding=say.gettext(
            "{reviewed} of {selected} selected transactions are reviewed, of {eligible} eligible."
        ).format(
            reviewed=say.number(total.reviewed),
            selected=say.number(total.selected),
            eligible=say.number(total.eligible),
        ),
        columns=(Column("step", say.gettext("Transactions")), Column("transactions", say.gettext("Number"), "count")),
        rows=tuple(steps),
        draw=lambda look: plots.funnel([(name, number, say.number(number)) for name, number in steps], look),
    )


def response(found: Coverage, say: Speech, channels: Mapping[str, str]) -> Figure:
    """Of the selected transactions whose time is up, how many were reviewed. `channels`: their names."""
    named = [(say.gettext("All"), found.total)]
    named += [(channels.get(one, one), counts) for one, counts in found.by_channel.items() if one]
    rated = [(name, counts, response_rate(counts)) for name, counts in named]
    whole = rated[0][2]
    return Figure(
        name="response",
        title=say.gettext("Response rate"),
        finding=say.gettext("No review is due yet.")
        if whole is None
        else say.gettext("{rate} of the selected transactions whose time is up were reviewed.").format(
            rate=say.percent(whole)
        ),
        columns=(
            Column("channel", say.gettext("Channel")),
            Column("response_rate", say.gettext("Response rate"), "percent"),
            Column("selected", say.gettext("Selected"), "count"),
            Column("awaiting", say.gettext("Waiting for a review"), "count"),
            Column("reviewed", say.gettext("Reviewed"), "count"),
            Column("skipped", say.gettext("Skipped"), "count"),
            Column("expired", say.gettext("Expired"), "count"),
            Column("shed", say.gettext("Not reached in time"), "count"),
            Column("withdrawn", say.gettext("Withdrawn"), "count"),
        ),
        rows=tuple(
            (
                name, rate, counts.selected, counts.awaiting, counts.reviewed, counts.skipped, counts.expired,
                counts.shed, counts.withdrawn,
            )
            for name, counts, rate in rated
        ),
        draw=lambda look: plots.funnel(
            [(name, round(100 * rate), say.percent(rate)) for name, _, rate in rated if rate is not None], look
        ),
    )  # fmt: skip


def left_out(found: Coverage, say: Speech, reasons: Mapping[str, str]) -> Figure:
    """Why transactions could not be reviewed; those that lie with a notice by name. `reasons`: codes in words."""
    counts = sorted(found.total.excluded.items(), key=lambda pair: (-pair[1], pair[0]))
    every = sum(number for _, number in counts)
    valid = every + found.total.eligible
    of_notices = sum(number for code, number in counts if code in OF_NOTICES)
    channels = [one for one in found.by_channel if one]
    notice, other = say.gettext("a notice"), say.gettext("another reason")
    finding = (
        say.gettext("Nothing was left out.")
        if not every
        else say.gettext("{share} of valid transactions could not be reviewed; {notices} because of a notice.").format(
            share=say.percent(every / valid), notices=say.percent(of_notices / valid)
        )
    )
    return Figure(
        name="left-out",
        title=say.gettext("Left out, and why"),
        finding=finding,
        columns=(
            Column("reason", say.gettext("Reason")),
            Column("lies_with", say.gettext("Lies with")),
            Column("transactions", say.gettext("Transactions"), "count"),
            *(Column(f"transactions_{one}", say.label(reasons, one), "count") for one in channels),
        ),
        rows=tuple(
            (
                say.label(reasons, code), notice if code in OF_NOTICES else other, number,
                *(found.by_channel[one].excluded.get(code, 0) for one in channels),
            )
            for code, number in counts
        ),
        draw=lambda look: plots.funnel(
            [(say.label(reasons, code), number, say.number(number)) for code, number in counts], look
        ),
    )  # fmt: skip


def response_rate(counts: Counts) -> float | None:
    """0 to 1; None while no review is due."""
    due = counts.selected - counts.awaiting
    return counts.reviewed / due if due > 0 else None
