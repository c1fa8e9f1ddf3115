"""Draw cells and a store that gives them out, for tests of what is reckoned from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

import numpy as np

from sinks.queries.estimates import ScoreCell, Within
from sinks.store import Parameter, Row

OCTOBER = Within(date(2026, 10, 1), date(2026, 11, 1), "Europe/London")
NOVEMBER = Within(date(2026, 11, 1), date(2026, 12, 1), "Europe/London")


def cell(
    scores: Sequence[float], *, n: int, size: int, name: str = "a", group: str = "", measure: str = ""
) -> ScoreCell:
    """What a group with these scores has of a cell in which `n` were reviewed of `size`."""
    mean = float(np.mean(scores))
    m2 = float(np.sum((np.asarray(scores) - mean) ** 2))
    return ScoreCell(
        cell=name, n=n, size=size, group_id=group, period_start=date(2026, 11, 1), measure_id=measure, k=len(scores),
        mean=mean, m2=m2,
    )  # fmt: skip


class Cells:
    """A store that answers any question with the cells of the range that is asked about; remembers the questions."""

    def __init__(self, by_first_day: Mapping[date, Sequence[ScoreCell]]) -> None:
        self.by_first_day = by_first_day
        self.asked: list[Mapping[str, Parameter]] = []

    def ask(self, sql: str, parameters: Mapping[str, Parameter]) -> list[Row]:
        self.asked.append(parameters)
        first_day = parameters["from_day"]
        assert isinstance(first_day, date)
        return [asdict(one) for one in self.by_first_day[first_day]]
