"""The evidence of one series over time, as a picture for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

import plotext

from tafol.detect.backtest import Alarm, Backtest

ROWS: Final = 16
WIDEST: Final = 110
FLOOR: Final = -1.0
"""Evidence below a tenth speaks for nothing; the plot ends there."""


def evidence(outcome: Backtest, series: str, width: int) -> str:
    """Days, by the end of the transactions, against the highest evidence of the day, with the line at which an alarm is
    raised and a mark at each. `series`: one that has evidence.
    """
    settings = outcome.variants[0].settings
    threshold = settings.threshold(outcome.kinds[series])
    days = sorted(outcome.evidence[series].items())
    raised = [alarm for alarm in outcome.variants[0].alarms if alarm.series_id == series]
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.date_form("Y-m-d")
    plotext.plotsize(min(width, WIDEST), ROWS)
    plotext.plot(
        [day.isoformat() for day, _ in days],
        [max(FLOOR, log / math.log(10)) for _, log in days],
        marker="braille",
    )
    plotext.hline(math.log10(threshold))
    for day in _since(raised):
        plotext.vline(day.isoformat())
    plotext.title(f"Evidence that {series} has dropped (powers of ten; alarm at {threshold:,.0f}; | since)")
    picture: str = plotext.build()
    return picture.replace("\x1b[0m", "")


def _since(alarms: Sequence[Alarm]) -> list[date]:
    return sorted({alarm.since.date() for alarm in alarms})
