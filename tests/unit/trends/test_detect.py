"""The detect stage: references, alarms, the life of an alert, and what may change any of it."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalogue
from schemas.alert import Alert
from schemas.base import Versioned
from schemas.errors import SnapshotUnusable, StageStopped, UnknownVersion
from schemas.headers import StageOrigin, origin_of
from schemas.series import ReferenceAgreed, SeriesPoint
from streams.registers import Registers
from streams.stage import Chunk, Output, Partition, instant
from streams.trends.stage import KEEP_MS, DetectStage, DetectState, watched
from tests.reference import trends as reference
from tests.reference.stage_runs import COURSES, Course, run
from tests.unit.trends import records as r

pytestmark = pytest.mark.unit

SOURCE = Partition(catalogue.SERIES_POINTS, 1)
STAGE = DetectStage()
KNOWN = r.registers()
USUAL = [75.0, 80.0, 90.0, 70.0, 85.0] * 6
"""Thirty scores: a reference. Mean 80; the lower end of its interval 77.8; less the tolerance 75.8."""
DROPPED = [30.0] * 20


def alerts_sent(outputs: list[Output]) -> list[Alert]:
    return [Alert.model_validate_json(one.value or b"") for one in outputs]


def alerts_of(*found: SeriesPoint | ReferenceAgreed, known: Registers = KNOWN) -> list[Alert]:
    return alerts_sent(run(STAGE, SOURCE, r.in_log(*found), known))


def state_after(*found: SeriesPoint | ReferenceAgreed, known: Registers = KNOWN) -> DetectState:
    state = STAGE.initial(SOURCE)
    STAGE.step(state, Chunk(SOURCE, r.in_log(*found)), known)
    return state


def test_a_drop_raises_one_alert_that_says_what_where_and_since_when() -> None:
    [output] = run(STAGE, SOURCE, r.in_log(*r.points(USUAL + USUAL + DROPPED[:9])), KNOWN)

    [alert] = alerts_sent([output])
    raised_by = int(alert.alert_id.split("|")[1].removeprefix("t-"))
    assert (output.topic, output.key) == (catalogue.ALERTS, b"team=north")
    assert origin_of(output.headers) == StageOrigin("detect", "series-points", 1, 2 * raised_by, 0)
    assert (alert.series_id, alert.series, alert.state) == ("team=north", {"team": "north"}, "open")
    assert alert.since == r.MONDAY + timedelta(minutes=60)
    assert alert.reviews == raised_by - 59
    assert alert.raised_at == r.MONDAY + timedelta(hours=1, minutes=raised_by)
    assert alert.changed_at == instant(r.APPENDED_MS + raised_by * 60_000)
    assert alert.mean_0_100 == pytest.approx(30)
    assert alert.reference_0_100 == pytest.approx(75.8, abs=0.05)
    assert alert.evidence >= alert.threshold == 4 * 1 * 50
    assert (alert.times_raised, alert.one_false_alarm_in_periods, alert.period) == (1, 1, "quarter")
    assert alert.detectors == Versioned(id="quality", version=1)


def test_scores_as_usual_raise_nothing() -> None:
    assert alerts_of(*r.points(USUAL * 20)) == []


def test_a_fall_within_the_tolerance_raises_nothing() -> None:
    tolerant = r.registers(r.detectors(tolerance_points=10))

    assert alerts_of(*r.points(USUAL + [score - 8 for score in USUAL] * 20), known=tolerant) == []


def test_nothing_is_said_before_the_reference_stands() -> None:
    assert alerts_of(*r.points(DROPPED + [0.0] * 9)) == []


def test_a_mix_that_shifts_towards_a_harder_stratum_raises_nothing() -> None:
    dice = random.Random(7)
    easy = r.points([dice.gauss(85, 5) for _ in range(60)], stratum="easy")
    hard = r.points([dice.gauss(55, 5) for _ in range(60)], first=100, stratum="hard")
    shifted = [
        r.point(number, dice.gauss(55, 5), stratum="hard")
        if dice.random() < 0.9
        else r.point(number, dice.gauss(85, 5), stratum="easy")
        for number in range(200, 700)
    ]

    assert alerts_of(*easy, *hard, *shifted) == []


def test_a_new_version_of_the_scorecard_is_a_new_ruler() -> None:
    second = Versioned(id="chat", version=2)

    assert alerts_of(*r.points(USUAL), *r.points(DROPPED * 10, first=30, scorecard=second)) == []


def test_one_team_of_fifty_that_drops_is_named() -> None:
    dice = random.Random(11)
    wide = r.registers(r.detectors(series=[{"of": "team", "count": 50}]))
    log = [
        r.point(number, dice.gauss(60 if team == 17 and number >= 50 else 75, 5), series={"team": f"team-{team}"})
        for number in range(90)
        for team in range(50)
    ]

    assert {alert.series["team"] for alert in alerts_of(*log, known=wide)} == {"team-17"}


def test_an_alert_that_goes_on_is_raised_again_under_the_same_id() -> None:
    first, second, *_ = alerts_of(*r.points(USUAL + [30.0] * 60))

    assert (second.alert_id, second.since, second.raised_at) == (first.alert_id, first.since, first.raised_at)
    assert (first.times_raised, second.times_raised) == (1, 2)
    assert second.changed_at > first.changed_at


def test_it_closes_when_a_block_of_reviews_is_back() -> None:
    raised, *_, closed = alerts_of(*r.points(USUAL + [30.0] * 8 + USUAL))

    assert (closed.state, closed.closed_because, closed.alert_id) == ("closed", "back", raised.alert_id)
    [(series, state)] = watched(state_after(*r.points(USUAL + [30.0] * 8 + USUAL)))
    assert (series, state.alert) == ("team=north", None)


def test_it_stays_open_while_reviews_are_not_back() -> None:
    low = [74.0, 77.0] * 20

    assert {alert.state for alert in alerts_of(*r.points(USUAL + [30.0] * 8 + low))} == {"open"}
    [(series, state)] = watched(state_after(*r.points(USUAL + [30.0] * 8 + low)))
    assert state.alert is not None
    assert (series, state.alert.times_raised) == ("team=north", 1)


def test_after_closing_a_further_drop_is_an_alert_of_its_own() -> None:
    ids = {alert.alert_id for alert in alerts_of(*r.points(USUAL + [30.0] * 8 + USUAL + [30.0] * 8))}

    assert len(ids) == 2


def test_a_reference_that_is_agreed_closes_the_alert_and_holds_from_then_on() -> None:
    lower = [{"scorecard": r.CHAT, "stratum": "all", "reference_0_100": 30}]
    raised, closed = alerts_of(
        *r.points(USUAL + [30.0] * 8), r.agreed(references=lower), *r.points([29.0, 31.0] * 100, first=60)
    )

    assert (closed.closed_because, closed.alert_id) == ("new_reference", raised.alert_id)


def test_an_agreement_without_values_learns_the_reference_anew() -> None:
    lower = [29.0, 31.0] * 40

    _, closed = alerts_of(*r.points(USUAL + [30.0] * 8), r.agreed(), *r.points(lower, first=60))

    assert closed.state == "closed"


def test_an_agreed_reference_needs_no_first_reviews() -> None:
    asked = [{"scorecard": r.CHAT, "stratum": "all", "reference_0_100": 80}]

    [alert, *_] = alerts_of(r.agreed(references=asked), *r.points(DROPPED))

    assert alert.reference_0_100 == pytest.approx(78)


def test_a_new_entry_of_the_register_starts_the_evidence_anew_and_keeps_the_reference() -> None:
    known = r.registers(r.detectors(), r.detectors(2, one_false_alarm_in_periods=8))
    later: Any = {"detectors": Versioned(id="quality", version=2)}

    [alert, *_] = alerts_of(*r.points(USUAL + [30.0] * 3), *r.points([30.0] * 15, first=33, **later), known=known)

    assert alert.since == r.MONDAY + timedelta(minutes=33)
    assert (alert.threshold, alert.detectors.version) == (8 * 4 * 50, 2)


def test_a_point_of_an_earlier_entry_that_comes_late_is_weighed_by_the_later_one() -> None:
    known = r.registers(r.detectors(), r.detectors(2))
    later: Any = {"detectors": Versioned(id="quality", version=2)}
    mixed = [r.point(30 + number, 30.0, **(later if number % 2 else {})) for number in range(9)]

    [alert, *_] = alerts_of(*r.points(USUAL, **later), *mixed, known=known)

    assert (alert.detectors.version, alert.since) == (2, r.MONDAY + timedelta(minutes=30))


def test_the_first_entry_holds_from_the_beginning_of_time_whatever_it_says() -> None:
    first = r.detectors(holds_from=r.MONDAY + timedelta(days=30))
    known = r.registers(first, r.detectors(2))
    later: Any = {"detectors": Versioned(id="quality", version=2)}

    [alert, *_] = alerts_of(*r.points(USUAL), *r.points([30.0] * 9, first=30, **later), known=known)

    assert alert.detectors.version == 2


def test_series_of_one_partition_do_not_touch_each_other() -> None:
    south: Any = {"series": {"team": "south"}}
    falling = r.points(USUAL + DROPPED + USUAL[:10], **south)
    mixed = [one for pair in zip(r.points(USUAL * 2), falling, strict=True) for one in pair]

    assert {alert.series_id for alert in alerts_of(*mixed)} == {"team=south"}


def test_a_series_that_went_silent_is_forgotten() -> None:
    state = state_after(*r.points(USUAL))
    [late] = r.in_log(r.point(99, 80, series={"team": "south"}), first_offset=500)

    STAGE.step(state, Chunk(SOURCE, [late._replace(timestamp=late.timestamp + 2 * KEEP_MS)]), KNOWN)

    assert list(state.items) == ["team=south"]


def test_a_series_takes_little_room() -> None:
    many = [r.point(number, 80, series={"team": f"team-{number % 100}"}) for number in range(3100)]

    assert len(STAGE.dump(state_after(*many))) < 100 * 800


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        pytest.param({"value": b"{"}, "Invalid JSON", id="no JSON"),
        pytest.param({"value": None}, "no value", id="no value"),
        pytest.param({"key": b"team=south"}, "key", id="another key"),
        pytest.param({"key": None}, "key", id="no key"),
    ],
)
def test_a_record_that_is_not_ours_stops_the_stage(spoilt: dict[str, Any], said: str) -> None:
    [record] = r.in_log(r.point(1, 80))

    with pytest.raises(StageStopped, match=rf"series-points\[1\]@0.*{said}"):
        run(STAGE, SOURCE, [record._replace(**spoilt)], KNOWN)


def test_a_series_that_its_own_entry_does_not_watch_stops_the_stage() -> None:
    with pytest.raises(StageStopped, match="watches no series such as site=leeds"):
        alerts_of(r.point(1, 80, series={"site": "leeds"}))


def test_an_unknown_entry_stops_the_stage_and_says_where() -> None:
    with pytest.raises(UnknownVersion, match=r"series-points\[1\]@0.*quality:9"):
        alerts_of(r.point(1, 80, detectors=Versioned(id="quality", version=9)))


def test_waits_for_nothing() -> None:
    assert STAGE.ready(Registers()) is None


def test_a_snapshot_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SnapshotUnusable, match=r"series-points\[1\]"):
        STAGE.load(SOURCE, b"\xc1 no msgpack")


TWO = r.registers(r.detectors(), r.detectors(2, tolerance_points=0, one_false_alarm_in_periods=0.2))


def any_record(number: int, kind: tuple[str, float, str, str, int]) -> SeriesPoint | ReferenceAgreed:
    what, score, team, stratum, version = kind
    if what == "point":
        ref = Versioned(id="quality", version=version)
        return r.point(number, score, series={"team": team}, stratum=stratum, detectors=ref)
    cells = [{"scorecard": r.CHAT, "stratum": stratum, "reference_0_100": score}] if what == "set" else []
    return r.agreed(series_id=f"team={team}", references=cells)


kinds = st.tuples(
    st.sampled_from(["point"] * 12 + ["set", "set", "anew"]),
    st.one_of(st.sampled_from([0.0, 0.0, 50.0, 100.0]), st.floats(0, 100)),
    st.sampled_from(["north", "south"]),
    st.sampled_from(["all", "hard"]),
    st.sampled_from([1, 1, 2]),
)
BEGINNING = [("set", 80.0, team, stratum, 1) for team in ("north", "south") for stratum in ("all", "hard")]
logs = st.builds(
    lambda begun, found: [any_record(n, one) for n, one in enumerate(begun + found)],
    st.sampled_from([[], BEGINNING, BEGINNING]),
    st.lists(kinds, max_size=60),
)


@given(logs, COURSES)
def test_any_chunks_and_crashes_give_the_alerts_of_the_reference(
    found: list[SeriesPoint | ReferenceAgreed], course: Course
) -> None:
    sent = {alert.as_of_offset: alert for alert in alerts_sent(run(STAGE, SOURCE, r.in_log(*found), TWO, course))}

    wanted = reference.alerts(found, TWO)
    assert {offset // 2: reference.Seen.of(alert) for offset, alert in sent.items()} == wanted


@given(logs, COURSES)
def test_what_is_sent_twice_after_a_crash_is_the_same_record(
    found: list[SeriesPoint | ReferenceAgreed], course: Course
) -> None:
    log = r.in_log(*found)
    plain = {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, TWO)}

    assert {origin_of(output.headers): output for output in run(STAGE, SOURCE, log, TWO, course)} == plain


@given(st.lists(st.floats(0, 100), min_size=40, max_size=120), st.floats(0, 30))
def test_evidence_is_a_number_whatever_the_scores(scores: list[float], tolerance: float) -> None:
    known = r.registers(r.detectors(tolerance_points=tolerance))

    for kept in state_after(*r.points(scores), known=known).items.values():
        assert kept.item.evidence is not None
        assert not math.isnan(kept.item.evidence.log_total)
