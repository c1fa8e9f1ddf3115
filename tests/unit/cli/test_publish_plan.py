"""What may be published, and what it will do. Pure: no broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import BilingualText
from schemas.detector import Detectors
from schemas.errors import ConfigError
from schemas.frame import NoDraw, Route, SamplingFrame, Stratum
from schemas.frame_signature import sign
from schemas.notice import Notice, NoticeRegister
from schemas.scorecard import Criterion, Scale, Scorecard, Section
from streams.registers import LEAD, Appended, Timeline
from tafol.publish import Plan, Published, headers, plan, suggested_holds_from

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
TEXT = BilingualText(en="text", cy="testun")


def frame(version: int = 1, holds_from: datetime = LONG_AGO, **fields: Any) -> SamplingFrame:
    return SamplingFrame(
        **{
            "id": "centre", "version": version, "holds_from": holds_from, "lawful_purpose": "quality", "seed": "0" * 64,
            "strata": (Stratum(name="all", draw=NoDraw()),), "routes": (Route(queue="q", scorecard="card"),),
        }
        | fields
    )  # fmt: skip


def scorecard(card_id: str = "card", version: int = 1, holds_from: datetime = LONG_AGO) -> Scorecard:
    scale = Scale(kind="pass_fail")
    section = Section(id="s", label=TEXT, criteria=(Criterion(id="c", label=TEXT, scale=scale),))
    return Scorecard(id=card_id, version=version, holds_from=holds_from, title=TEXT, sections=(section,), critical={})


def notices(version: int = 1, holds_from: datetime = LONG_AGO) -> NoticeRegister:
    one = Notice(id="n", audience="customer", valid_from=LONG_AGO, text=TEXT)
    return NoticeRegister(id="notices", version=version, holds_from=holds_from, notices=(one,))


def published(*frames: SamplingFrame) -> Published:
    """Registers with a scorecard, notices and these frames, all appended long ago."""
    return Published(
        frames=tuple(Appended(one, LONG_AGO) for one in frames),
        notices=(Appended(notices(), LONG_AGO),),
        scorecards=(Appended(scorecard(), LONG_AGO),),
    )


def test_a_frame_that_was_changed_after_it_was_signed_is_refused_whoever_publishes_it() -> None:
    signed = sign(frame(), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    assert plan(signed, published(), NOW).outcome == "new"
    for change in ({"title": "another"}, {"seed": "1" * 64}):
        with pytest.raises(ConfigError, match="is not what was signed"):
            plan(signed.model_copy(update=change), published(), NOW)


def test_the_first_entry_holds_from_the_beginning_of_time_whatever_it_says() -> None:
    assert plan(frame(), published(), NOW) == Plan(frame(), "new")
    assert plan(scorecard("other"), published(), NOW) == Plan(scorecard("other"), "new")


def test_the_same_content_again_is_already_there() -> None:
    assert plan(frame(), published(frame()), NOW).outcome == "already there"


def test_other_content_under_a_published_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="other content") as told:
        plan(frame(title="new"), published(frame()), NOW)
    assert told.value.hint == "Write the change as version 2."


def test_a_version_below_the_last_is_refused() -> None:
    with pytest.raises(ConfigError, match="at version 3"):
        plan(frame(2, TOMORROW), published(frame(1), frame(3, TOMORROW)), NOW)


def test_versions_of_another_id_do_not_count() -> None:
    assert plan(frame(1, TOMORROW, id="second"), published(frame(7)), NOW).outcome == "new"


def test_a_later_entry_says_what_it_takes_over_from_and_until_when() -> None:
    later = TOMORROW + timedelta(days=7)
    planned = plan(frame(3, TOMORROW), published(frame(1), frame(2, later)), NOW)
    assert planned.replaces == frame(1)
    assert (planned.holds_from, planned.holds_until) == (TOMORROW, later)


def test_too_late_is_refused_with_a_time_that_would_do() -> None:
    with pytest.raises(ConfigError, match="less than 15 minutes ahead") as told:
        plan(frame(2, NOW + LEAD), published(frame()), NOW)
    assert told.value.hint is not None
    assert "2026-11-22T10:21:00Z" in told.value.hint


@given(st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_the_time_that_is_suggested_would_do(now: datetime) -> None:
    suggested = suggested_holds_from(now)
    appended_at = now + timedelta(minutes=4)
    log = [Appended(frame(), LONG_AGO), Appended(frame(2, suggested), appended_at)]
    assert plan(frame(2, suggested), published(frame()), now).outcome == "new"
    assert Timeline.of("frame", log).void == ()


@given(st.integers(-3600, 7200))
def test_what_is_accepted_is_never_void_when_it_is_appended_at_once(seconds: int) -> None:
    entry = frame(2, NOW + timedelta(seconds=seconds))
    try:
        plan(entry, published(frame()), NOW)
    except ConfigError:
        return
    assert Timeline.of("frame", [Appended(frame(), LONG_AGO), Appended(entry, NOW)]).void == ()


def test_a_frame_that_routes_to_an_unpublished_scorecard_is_refused() -> None:
    routes = (Route(queue="q", scorecard="nobody-wrote-it"),)
    with pytest.raises(ConfigError, match="nobody-wrote-it") as told:
        plan(frame(routes=routes), published(), NOW)
    assert told.value.hint == "Publish it first: tafol scorecard publish FILE"


def test_a_frame_before_its_notices_is_warned_of() -> None:
    without = Published(scorecards=(Appended(scorecard(), LONG_AGO),))
    assert "notices" in plan(frame(), without, NOW).warnings[0]


def test_headers_name_the_record_and_no_origin() -> None:
    assert dict(headers(frame())) == {
        "ce_specversion": b"1.0",
        "ce_type": b"tafol.sampling-frame.v1",
        "ce_source": b"/tafol/publish",
        "ce_id": b"centre:1",
        "content-type": b"application/json",
    }


def test_detectors_have_a_timeline_of_their_own() -> None:
    first, second = (Detectors(id="quality", version=n, holds_from=at) for n, at in ((1, LONG_AGO), (2, TOMORROW)))

    alone = plan(first, published(frame()), NOW)
    later = plan(second, Published(detectors=(Appended(first, LONG_AGO),)), NOW)

    assert (alone.topic, alone.name, alone.outcome, alone.holds_from) == (
        "detectors",
        "detectors quality:1",
        "new",
        None,
    )
    assert (later.holds_from, later.replaces) == (TOMORROW, first)
    with pytest.raises(ConfigError, match="minutes ahead"):
        plan(second.model_copy(update={"holds_from": NOW}), Published(detectors=(Appended(first, LONG_AGO),)), NOW)


QUOTA = {"method": "quota", "n": 2, "per": "team", "window": "week"}


@pytest.mark.parametrize(
    ("holds_from", "draw", "refused"),
    [
        ("2026-12-07T00:00:00Z", QUOTA, False),  # a Monday
        ("2026-12-07T01:00:00Z", QUOTA, True),
        ("2026-12-08T00:00:00Z", QUOTA, True),
        ("2026-12-08T00:00:00Z", QUOTA | {"window": "day"}, False),
        ("2026-12-07T00:00:00Z", QUOTA | {"window": "month"}, True),
        ("2027-01-01T00:00:00Z", QUOTA | {"window": "month"}, False),
        ("2027-06-01T00:00:00Z", QUOTA | {"window": "month"}, True),  # 01:00 in London
        ("2026-12-08T12:34:00Z", {"method": "random", "rate": 0.5}, False),
    ],
)
def test_a_frame_with_quotas_begins_with_its_longest_window(holds_from: str, draw: Any, refused: bool) -> None:
    strata = [{"name": "all", "draw": draw}]
    begins = datetime.fromisoformat(holds_from)
    later = SamplingFrame.model_validate({**frame(2, begins).model_dump(), "strata": strata})
    if not refused:
        assert plan(later, published(frame()), NOW).outcome == "new"
        return
    with pytest.raises(ConfigError, match="not the beginning of") as told:
        plan(later, published(frame()), NOW)
    example = (told.value.hint or "").rpartition("holds_from: ")[2]
    better = later.model_copy(update={"holds_from": datetime.fromisoformat(example)})
    assert plan(better, published(frame()), NOW).outcome == "new"
