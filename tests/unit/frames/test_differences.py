"""Frames compared in words: every field that can differ is told, nothing is told of frames that are the same."""

from __future__ import annotations

from typing import Any, Final

import pytest

from schemas.frame import SamplingFrame
from tafol.frames.differences import differences
from tests.unit.sampling import logs

pytestmark = pytest.mark.unit

CHANGES: Final[list[tuple[dict[str, Any], str]]] = [
    ({"version": 2}, "centre:1 becomes centre:2."),
    ({"title": "New"}, "The title changes from none to 'New'."),
    ({"holds_from": "2026-02-01T00:00:00Z"}, "It holds from 2026-02-01 00:00 UTC instead of 2026-01-01 00:00 UTC."),
    ({"holds_until": "2027-01-01T00:00:00Z"}, "It now holds until 2027-01-01 00:00 UTC."),
    ({"lawful_purpose": "training"}, "The lawful purpose changes from 'quality' to 'training'."),
    ({"data_protection_assessment": "DPIA-7"}, "The data-protection assessment changes from none to 'DPIA-7'."),
    ({"time_zone": "UTC"}, "The time zone changes from 'Europe/London' to 'UTC'."),
    ({"agreed_by": [{"name": "Ann", "at": "2026-01-01T00:00:00Z"}]}, "Agreed by Ann instead of nobody."),
    ({"seed": "00" * 32}, "The seed changes: every draw is a fresh one."),
    ({"eligibility": {"minimum_length_s": 20}}, "On phone the least length is 20 s instead of 0 s."),
    ({"eligibility": {"customer_told_within_s": 5}},
     "On chat the customer must be told within 5 s of the start instead of 60 s."),
    ({"eligibility": {"by_channel": {"chat": {"customer_told_how": ["written"]}}}},
     "On chat only these ways of telling count: written now."),
    ({"eligibility": {"exclusions": [{"reason": "staff", "when": {"flags": "staff"}}]}},
     "Now excluded as staff: flags is staff."),
    ({"catch_all": "refused", "strata": logs.STRATA[:-1]}, "What no stratum takes now is excluded as no_stratum."),
    ({"overlays": [{"name": "vip", "when": {"flags": "vip"}, "cap": {"n": 3, "window": "day"}}]},
     "Overlay vip is new: takes what matches: flags is vip; at most 3 a day in all."),
    ({"routes": [{"queue": "cy", "scorecard": "card", "when": {"language": "cy"}},
                 {"queue": "all", "scorecard": "card"}]},
     "New route for language is cy: queue cy, scorecard card, priority 5, due in 16 working hours."),
    ({"routes": [{"queue": "all", "scorecard": "card", "skills": ["bsl"]}]},
     ("The route for all that is left changes to queue all, scorecard card, priority 5, due in 16 working hours, needs "
     "bsl; it was queue all, scorecard card, priority 5, due in 16 working hours.")),
    ({"overlap": {"share": 0.1, "copies": 3}}, "Now 10 % of the selected get 3 blind reviews each."),
    ({"blind": True}, "Reviewers are now not shown whose work they review."),
    ({"working_hours": {"days": [1]}}, "Reviewers' working hours change: due times are counted anew."),
    ({"lateness_s": 60}, "Now a transaction may come 60 s late and still be drawn (before: 3600)."),
    ({"future_limit_s": 60}, "Now a record may be 60 s ahead of the log (before: 300)."),
    ({"age_limit_days": 3}, "Now a record may be 3 days old (before: 10)."),
    ({"duplicate_stretch": 9}, "Now a repeat is recognised within 9 records of a partition (before: 5)."),
]  # fmt: skip
STRATUM: Final[list[tuple[dict[str, Any], str]]] = [
    ({"draw": {"method": "random", "rate": 0.08}}, "Stratum cy changes from 50 % at random to 8 % at random."),
    ({"draw": {"method": "systematic", "every": 25}}, "Stratum cy changes from 50 % at random to every 25th (4 %)."),
    ({"draw": {"method": "quota", "n": 10, "window": "week", "parts": 5, "per": "colleague"}},
     "Stratum cy changes from 50 % at random to 10 a week, in 5 parts for each colleague."),
    ({"draw": {"method": "none"}}, "Stratum cy changes from 50 % at random to nothing is drawn."),
    ({"cap": {"n": 2, "window": "day"}}, "Stratum cy now draws at most 2 a day for each colleague."),
    ({"by": ["team_id", "site"]}, "Stratum cy is split by team and site."),
    ({"when": {"language": {"none_of": ["en"]}, "csat_0_100": {"at_most": 40}, "has_recording": True,
               "attributes": {"vip": True}, "place": {"present": False}}},
     ("Stratum cy takes language is not en and place is not given and customer's score is at most 40 and there is a "
     "recording and attribute vip is true instead of language is cy.")),
]  # fmt: skip


def said(before: SamplingFrame, after: SamplingFrame) -> list[str]:
    return [one.sentence for one in differences(before, after)]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[str(sorted(one)) for one, _ in CHANGES])
def test_every_change_is_told_and_its_way_back(change: dict[str, Any], sentence: str) -> None:
    before, after = logs.frame(), logs.frame(**change)
    assert sentence in said(before, after)
    assert said(after, before)


@pytest.mark.parametrize(("change", "sentence"), STRATUM, ids=[str(sorted(one)) for one, _ in STRATUM])
def test_every_change_of_a_stratum_is_told(change: dict[str, Any], sentence: str) -> None:
    after = logs.frame(strata=[{**logs.STRATA[0], **change}, *logs.STRATA[1:]])
    assert sentence in said(logs.frame(), after)


def test_every_field_of_a_frame_has_its_change() -> None:
    named = {name for change, _ in CHANGES for name in change} | {"id", "strata", "signature"}
    assert named == set(SamplingFrame.model_fields)


def test_frames_that_are_the_same_have_no_differences() -> None:
    assert said(logs.frame(), logs.frame()) == []


def test_strata_that_come_go_and_move_are_told() -> None:
    first, second, *others = logs.STRATA
    new = {"name": "new", "when": {"site": "cardiff"}, "draw": {"method": "random", "rate": 0.2}}
    assert said(logs.frame(), logs.frame(strata=[new, second, *others]))[:2] == [
        "The seed stays.",
        "Stratum cy is gone (it was: language is cy; 50 % at random).",
    ]
    moved = said(logs.frame(), logs.frame(strata=[second, first, *others]))
    assert "The strata stand in another order: the first that matches takes a transaction." in moved


def test_a_seed_is_never_in_a_sentence() -> None:
    after = logs.frame(seed="12" * 32, version=2, title="x")
    assert not any("12" * 8 in one or logs.SEED[:16] in one for one in said(logs.frame(), after))
