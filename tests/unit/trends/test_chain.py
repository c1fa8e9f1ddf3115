"""combine and detect together: reviews of several partitions, series points, alerts; a worker dies now and then."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import catalogue
from schemas.alert import Alert
from schemas.headers import origin_of
from schemas.review import Review
from schemas.series import SeriesRecord
from streams.registers import Appended, Registers, Timeline
from streams.scoring.stage import CombineStage
from streams.stage import Output, Partition, PlainRecord
from streams.trends.stage import DetectStage
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.routing.records import MONDAY, registers, transaction_fields
from tests.unit.scoring.records import SCORECARD, in_log, review, task
from tests.unit.trends.records import APPENDED_MS, detectors

pytestmark = pytest.mark.unit

BASE = registers(scorecards=(SCORECARD,))
ENTRY = detectors(series=[{"of": "team", "count": 2}, {"of": "criterion", "count": 6}])
KNOWN = Registers(
    BASE.frames,
    BASE.notices,
    BASE.scorecards,
    Timeline.of("detectors", [Appended(ENTRY, ENTRY.holds_from - timedelta(days=1))]),
)
POINTS = Partition(catalogue.SERIES_POINTS, 0)


@cache
def log_of_reviews(partition: int, count: int = 120) -> list[PlainRecord]:
    """Of two teams in turn; from the sixtieth on the southern team is rude: its tone falls from about 80 to 20."""
    dice = random.Random(partition)
    found: list[Review] = []
    for nth in range(count):
        team = ("north", "south")[nth % 2]
        tone = dice.uniform(10, 30) if team == "south" and nth >= 60 else dice.uniform(70, 90)
        name = f"t-{partition}-{nth}"
        fields = transaction_fields(name, team_id=team, ended_at=MONDAY + timedelta(minutes=nth))
        found.append(review(name, task=task(name, transaction=fields), ratings={"tone": tone}))
    return in_log(*found)


def points_log(sent: list[Output]) -> list[PlainRecord]:
    """What detect reads of the points that were sent: what was sent again is skipped, as the runner does."""
    log: list[PlainRecord] = []
    highest: dict[tuple[str, str, int], tuple[int, int]] = {}
    for output in sent:
        if output.topic != catalogue.SERIES_POINTS:
            continue
        origin = origin_of(output.headers)
        assert origin is not None
        if origin.place > highest.get(origin.upstream, (-1, -1)):
            highest[origin.upstream] = origin.place
            log.append(PlainRecord(len(log), APPENDED_MS + 1000 * len(log), output.key, output.value, output.headers))
    return log


def chain(course: Course) -> list[Alert]:
    """Two partitions of reviews, whose points meet in one partition, half of each by turns."""
    sent = [run(CombineStage(), Partition(catalogue.REVIEWS, n), log_of_reviews(n), KNOWN, course) for n in (0, 1)]
    log = points_log([one for outputs in sent for one in outputs])
    half = len(log) // 2
    mixed = [one for pair in zip(log[:half], log[half:], strict=True) for one in pair]
    renumbered = [one._replace(offset=nth, timestamp=APPENDED_MS + nth) for nth, one in enumerate(mixed)]
    outputs = run(DetectStage(), POINTS, renumbered, KNOWN, course)
    found = {origin_of(one.headers): Alert.model_validate_json(one.value or b"") for one in outputs}
    return list(found.values())


def test_reviews_of_a_team_that_falls_raise_an_alert_of_the_team_and_of_the_criterion() -> None:
    raised = {alert.series_id for alert in chain(Course((7,), (False,)))}

    assert raised == {"team=south", "criterion=chat/tone"}


@pytest.mark.parametrize("course", [Course((5, 1, 9), (False, True)), Course((40, 3), (True, False, False))])
def test_crashes_change_no_alert(course: Course) -> None:
    assert chain(course) == chain(Course((50,), (False,)))


@settings(max_examples=10)
@given(st.integers(0, 40), COURSES)
def test_a_first_entry_that_comes_in_mid_stream_doubles_no_point(before: int, course: Course) -> None:
    """Nothing waits for detectors; whatever was sent before a worker knew of them, each point counts once."""
    log = log_of_reviews(0, 40)
    source = Partition(catalogue.REVIEWS, 0)
    without = run(CombineStage(), source, log[:before], BASE, course)
    sent = [*without, *run(CombineStage(), source, log, KNOWN, course)]

    points = [SeriesRecord.model_validate_json(one.value or b"").root for one in points_log(sent)]
    ids = [one.model_dump_json() for one in points]
    assert len(ids) == len(set(ids)) == 40 * 7
