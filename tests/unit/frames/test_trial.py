"""What a frame would have drawn: exactly what the stages draw with it; and plans and warnings that rest on that."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from schemas.base import CHANNELS
from schemas.errors import ConfigError
from tafol.documents import read_frame
from tafol.examples import FRAME
from tafol.frames.check import on_paper, with_history
from tafol.frames.plan import plan_rates, snippet
from tafol.frames.sources import TRIAL_SEED
from tafol.frames.trial import Trial, try_out
from tafol.frames.verify import verify
from tafol.yaml_tree import parse_yaml, plain
from tests.unit.frames.rows import WEEK, Played, Tables, week_of
from tests.unit.frames.test_verify import DRAWS, ELIGIBILITY, frame
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit


def tried(found: Played, on: Any, scores: int = 0) -> Trial:
    """Tried on a week that another frame decided. `scores`: every so manieth transaction has one."""
    observed = [
        {"transaction_id": line.id, "score_0_100": float(n * 37 % 100), "inclusion_probability": 0.5}
        for n, line in enumerate(found.lines)
        if scores and n % scores == 0
    ]
    return try_out(Tables(found, observed), on, WEEK)


@pytest.mark.parametrize("kind", DRAWS)
def test_a_trial_draws_what_the_stages_draw(kind: str) -> None:
    draft = frame(version=3, strata=[{"name": "all", **DRAWS[kind]}])
    before = week_of(logs.frame(strata=[{"name": "all", "draw": {"method": "none"}}], time_zone="UTC"))
    trial, real = tried(before, draft), week_of(draft)
    assert trial.drawn == {one["transaction"]["id"] for one in real.selections}
    assert trial.excluded == Counter(line.reason for line in real.lines if line.reason)
    assert trial.eligible == sum(line.decision != "excluded" for line in real.lines)
    eligible = Counter(line.stratum for line in real.lines if line.stratum)
    assert {name: one.eligible for name, one in trial.strata.items()} == eligible
    assert trial.items == trial.queues.total() == trial.colleagues.total() == trial.by_day.total()


def test_overlays_caps_and_double_reviews_count_once_for_each_transaction() -> None:
    targets = {"when": {"topic": "complaint"}, "name": "look/here", "cap": {"n": 4, "window": "week", "per": "team"}}
    draft = frame(
        strata=[{"name": "all", **DRAWS["random"]}], overlap={"share": 1.0, "copies": 2},
        overlays=[targets, {"name": "all-chat", "when": {"channel": "chat"}}],
    )  # fmt: skip
    real = week_of(draft)
    trial = tried(real, draft)
    assert trial.drawn == {one["transaction"]["id"] for one in real.selections}
    assert trial.items == 2 * len(trial.drawn)
    targeted = Counter(one["draw_id"].split("targeted/")[1] for one in real.selections if one["purpose"] == "targeted")
    assert trial.overlays == targeted
    assert trial.overlays["look/here"] == 12


def test_expected_items_are_the_sum_of_inclusion_probabilities() -> None:
    draft = frame()
    trial = tried(week_of(draft), draft)
    real = week_of(draft)
    for name, one in trial.strata.items():
        chosen = [line for line in real.lines if line.stratum == name]
        if one.method == "random" and chosen[0].inclusion_probability:
            assert one.expected == pytest.approx(len(chosen) * chosen[0].inclusion_probability)
        if one.method == "quota":
            assert one.expected == pytest.approx(one.drawn)


def test_precision_is_better_with_more_and_says_too_few() -> None:
    found = week_of(frame())
    coarse, fine, none = (
        tried(found, frame(strata=[{"name": "all", "draw": draw}]))
        for draw in ({"method": "random", "rate": 0.2}, {"method": "random", "rate": 0.6}, {"method": "none"})
    )
    assert [one.team_id for one in coarse.teams] == ["t-0", "t-1", "t-2"]
    for rough, sharp, nothing in zip(coarse.teams, fine.teams, none.teams, strict=True):
        assert rough.half_width is not None
        assert sharp.half_width is not None
        assert rough.half_width > sharp.half_width
        assert nothing.half_width is None
        assert nothing.uncovered == pytest.approx(nothing.eligible)


def test_how_far_scores_differ_is_taken_from_the_stratum_then_from_all_then_from_the_default() -> None:
    found = week_of(frame())
    strata = [{"name": "few", "when": {"attributes": {"value": 3}, "channel": "chat"}, **DRAWS["random"]}]
    draft = frame(strata=[*strata, {"name": "rest", **DRAWS["random"]}])
    trial = tried(found, draft, scores=9)
    assert trial.strata["rest"].observed > 30
    assert trial.strata["few"].observed == 0
    assert trial.strata["few"].deviation == pytest.approx(trial.strata["rest"].deviation, rel=0.1)
    assert {one.deviation for one in tried(found, draft).strata.values()} == {15.0}


def test_a_plan_fits_the_hours_and_is_more_exact_than_the_same_number_shared_evenly() -> None:
    strata = [
        {"name": "cy", "when": {"language": "cy"}, "draw": {"method": "random", "rate": 0.2}},
        {"name": "quota", "when": {"topic": "complaint"}, **DRAWS["quota of teams in parts"]},
        {"name": "rest", "draw": {"method": "random", "rate": 0.2}},
    ]
    draft = frame(strata=strata, overlap={"share": 0.1, "copies": 2})
    trial = tried(week_of(draft), draft, scores=5)
    plan = plan_rates(draft, trial, reviewer_hours=75, minutes_per_review=20)
    assert plan.reviews == 225
    assert plan.reviews_planned <= 225
    assert {one.name: one.rate is None for one in plan.strata} == {"cy": False, "quota": True, "rest": False}
    assert plan.error_now is not None
    assert plan.error_planned < plan.error_now
    written = plain(parse_yaml(snippet(plan).encode()))
    assert isinstance(written, dict)
    assert [one["name"] for one in written["strata"]] == ["cy", "rest"]


def test_a_plan_for_too_few_hours_is_refused_in_words() -> None:
    draft = frame()
    with pytest.raises(ConfigError, match=r"0\.5 hours a week are 2 reviews") as refused:
        plan_rates(draft, tried(week_of(draft), draft), reviewer_hours=0.5, minutes_per_review=15)
    assert "Give more hours" in str(refused.value)


def test_a_plan_of_a_nested_stratum_is_one_rate() -> None:
    draft = frame(strata=[{"name": "all", **DRAWS["nested"]}])
    plan = plan_rates(draft, tried(week_of(draft), draft), reviewer_hours=50, minutes_per_review=20)
    assert [one.name for one in plan.strata] == ["all"]


def test_the_example_frame_is_as_meant() -> None:
    example = read_frame(FRAME).with_seed(TRIAL_SEED)
    assert [one for one in on_paper(example) if one.kind == "never matches"] == []


def test_what_can_never_match_is_named_with_what_takes_it() -> None:
    strata = [
        {"name": "cy", "when": {"language": "cy"}, **DRAWS["random"]},
        {"name": "long", "when": {"duration_s": {"at_least": 60}}, **DRAWS["random"]},
        {"name": "welsh-phone", "when": {"language": "cy", "channel": "phone"}, **DRAWS["random"]},
        {"name": "no-time", "when": {"duration_s": {"at_least": 60, "at_most": 30}}, **DRAWS["random"]},
        {"name": "staff", "when": {"flags": ["staff"]}, **DRAWS["random"]},
        {"name": "short", "when": {"duration_s": {"at_most": 60}}, **DRAWS["random"]},
        {"name": "rest", **DRAWS["random"]},
    ]
    routes = [
        *({"queue": one, "scorecard": "card", "when": {"channel": one}} for one in CHANNELS),
        {"queue": "all", "scorecard": "card"},
    ]
    found = {one.where: one.sentence for one in on_paper(frame(strata=strata, routes=routes))
             if one.kind == "never matches"}  # fmt: skip
    assert found == {
        "stratum welsh-phone": "can never match: stratum cy takes all that it could",
        "stratum no-time": "can never match: nothing has length in seconds is at least 60 and is at most 30",
        "stratum staff": "can never match: exclusion staff_call takes all that it could",
        "stratum rest": "can never match: stratum long and stratum short take all that it could",
        "route 4 (queue all)": "can never match: route 1 (queue phone), route 2 (queue chat) and "
        "route 3 (queue face_to_face) take all that it could",
    }


def test_capacity_quotas_and_unused_strata_are_named() -> None:
    strata = [
        {"name": "gone", "when": {"topic": "fax"}, **DRAWS["random"]},
        {"name": "greedy", "when": {"channel": "phone"},
         "draw": {"method": "quota", "n": 500, "window": "week", "per": "colleague"}},
        {"name": "rest", "draw": {"method": "none"}},
    ]  # fmt: skip
    draft = frame(strata=strata)
    found = with_history(draft, tried(week_of(draft), draft), reviewer_hours=10, minutes_per_review=20)
    assert {one.kind for one in found} == {"capacity", "quota", "unused", "not drawn"}
    assert {one.where for one in found if one.kind in ("quota", "unused")} == {"stratum gone", "stratum greedy"}
    sound = frame(strata=[{"name": "all", **DRAWS["quota of teams in parts"]}])
    assert with_history(sound, tried(week_of(sound), sound), reviewer_hours=None, minutes_per_review=20) == []


def test_a_quota_that_does_not_begin_with_its_window_is_named() -> None:
    weekly = [{"name": "all", **DRAWS["quota of the stratum"]}]
    assert "window" in {one.kind for one in on_paper(frame(strata=weekly))}
    on_monday = frame(strata=weekly, holds_from="2026-03-02T00:00:00Z")
    assert "window" not in {one.kind for one in on_paper(on_monday)}


def test_a_trial_of_what_was_decided_by_the_same_frame_verifies() -> None:
    found = week_of(frame())
    assert verify(Tables(found), found.registers, WEEK).disagree == 0
    assert ELIGIBILITY["exclusions"]
