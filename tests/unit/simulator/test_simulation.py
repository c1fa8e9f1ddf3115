"""What is sent: the same bytes for the same configuration, each with a fate that its content bears out."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from schemas.catalogue import CHANNEL_OF_TOPIC
from schemas.errors import InvalidRecord
from schemas.transaction import Transaction, read_transaction
from tafol.simulator.centre import COLLEAGUE_POLICY, NOTICES, TEAMS
from tafol.simulator.config import Disorder, Expectations, SimulationConfig
from tafol.simulator.disorder import SPOILERS
from tafol.simulator.ledger import Ledger
from tafol.simulator.stream import SimulatedEvent, Simulation
from tests.unit.simulator.configs import ENDS, config

pytestmark = pytest.mark.unit

MUCH_DISORDER = Disorder(
    bad=0.2,
    customer_not_told=0.05,
    customer_told_late=0.05,
    customer_notice_unknown=0.05,
    colleague_not_told=0.05,
    colleague_notice_unknown=0.05,
    too_short=0.05,
    repeat=0.1,
    conflicting_repeat=0.1,
    late=0.1,
    unknown_fields=0.1,
)
EXPECTS = Expectations(minimum_length_s=12.0, customer_told_within_s=45.0, age_limit_days=30.0)


def disordered() -> SimulationConfig:
    return config(disorder=MUCH_DISORDER, expects=EXPECTS)


@pytest.fixture(scope="module")
def events() -> list[SimulatedEvent]:
    return list(Simulation(disordered()).events())


def verdict(event: SimulatedEvent, seen: dict[str, bytes]) -> str:
    """What a reader of the contracts would say of an event that is appended at `send_at`, in the test's own words."""
    try:
        transaction, _ = read_transaction(event.value)
    except InvalidRecord as error:
        return error.reason
    age = event.send_at - transaction.ended_at
    wrong = {
        "wrong_channel": transaction.channel != CHANNEL_OF_TOPIC[event.topic],
        "wrong_key": event.key != transaction.id.encode(),
        "from_the_future": age < -timedelta(seconds=EXPECTS.future_limit_s),
        "too_old": age > timedelta(days=EXPECTS.age_limit_days),
        "repeat": seen.get(transaction.id) == event.value,
        "conflicting_repeat": seen.get(transaction.id, event.value) != event.value,
    }
    found = [reason for reason, holds in wrong.items() if holds]
    assert len(found) <= 1
    if not found:
        seen[transaction.id] = event.value
    return found[0] if found else exclusion(transaction) or "eligible"


def exclusion(transaction: Transaction) -> str:
    told = transaction.monitoring_notice.customer
    if told is None:
        return "customer_not_told"
    if (told.at - transaction.started_at).total_seconds() > EXPECTS.customer_told_within_s:
        return "customer_told_late"
    if told.notice_id != NOTICES[transaction.channel].notice_id:
        return "customer_notice_not_valid"
    if transaction.monitoring_notice.colleague is None:
        return "colleague_not_told"
    if transaction.monitoring_notice.colleague != COLLEAGUE_POLICY:
        return "colleague_notice_not_valid"
    return "too_short" if transaction.duration_s < EXPECTS.minimum_length_s else ""


def test_the_same_configuration_gives_the_same_events(events: list[SimulatedEvent]) -> None:
    assert list(Simulation(disordered()).events()) == events
    assert list(Simulation(disordered().model_copy(update={"seed": 2})).events()) != events


def test_every_fate_is_borne_out_by_the_bytes(events: list[SimulatedEvent]) -> None:
    seen: dict[str, bytes] = {}
    for event in events:
        assert verdict(event, seen) == (event.fate.reason or event.fate.becomes), event.fate


def test_every_way_to_go_wrong_happens(events: list[SimulatedEvent]) -> None:
    assert {*SPOILERS, "from_the_future", "too_old", "conflicting_repeat"} == {
        event.fate.kind for event in events if event.fate.becomes == "rejected"
    }
    excluded = {event.fate.reason for event in events if event.fate.becomes == "excluded"}
    assert excluded == {
        "customer_not_told", "customer_told_late", "customer_notice_not_valid", "colleague_not_told",
        "colleague_notice_not_valid", "too_short",
    }  # fmt: skip


def test_events_go_out_in_order_and_after_their_end(events: list[SimulatedEvent]) -> None:
    assert [event.send_at for event in events] == sorted(event.send_at for event in events)
    assert all(event.send_at <= ENDS for event in events)
    assert all(event.facts.ended_at <= event.send_at for event in events if event.fate.kind != "from_the_future")


def test_what_is_too_old_or_from_the_future_is_so_when_all_is_sent_at_the_end(events: list[SimulatedEvent]) -> None:
    much_later = ENDS + timedelta(hours=1)
    for event in events:
        if event.fate.reason == "from_the_future":
            assert event.facts.ended_at > much_later + timedelta(seconds=EXPECTS.future_limit_s)
        elif event.fate.reason == "too_old":
            assert event.facts.ended_at < event.send_at - timedelta(days=EXPECTS.age_limit_days)
        else:
            assert event.facts.ended_at > much_later - timedelta(days=EXPECTS.age_limit_days)


def test_repeats_come_within_minutes_and_late_events_hours_later(events: list[SimulatedEvent]) -> None:
    first: dict[str, datetime] = {}
    for event in events:
        if event.fate.becomes == "repeat" or event.fate.kind == "conflicting_repeat":
            assert event.send_at - first[event.facts.id] <= timedelta(seconds=600)
        else:
            first[event.facts.id] = event.send_at
    late = [event for event in events if event.send_at - event.facts.ended_at > timedelta(hours=1)]
    assert any(event.fate.becomes == "eligible" for event in late)


def test_shares_are_as_configured(events: list[SimulatedEvent]) -> None:
    first = [event for event in events if event.fate.becomes != "repeat" and event.fate.kind != "conflicting_repeat"]
    reasons = Counter(event.fate.reason for event in first)
    bad = sum(event.fate.becomes == "rejected" for event in first)
    repeats = sum(event.fate.becomes == "repeat" for event in events)
    sound = len(first) - bad

    def near(found: int, share: float, of: int) -> bool:
        return (found - share * of) ** 2 < 25 * of * share * (1 - share)

    assert near(bad, MUCH_DISORDER.bad, len(first))
    assert near(reasons["customer_not_told"], MUCH_DISORDER.customer_not_told, len(first))
    assert near(reasons["too_short"], MUCH_DISORDER.too_short, len(first))
    assert near(repeats, MUCH_DISORDER.repeat, sound)


def test_nothing_goes_wrong_without_disorder() -> None:
    events = list(Simulation(config(disorder=Disorder.none())).events())
    assert {event.fate.becomes for event in events} == {"eligible"}
    assert len({event.facts.id for event in events}) == len(events)


def test_nothing_is_too_short_where_the_frame_sets_no_minimum() -> None:
    events = Simulation(config(disorder=Disorder.none().model_copy(update={"too_short": 0.5}))).events()
    assert {event.fate.becomes for event in events} == {"eligible"}


def test_a_run_of_another_name_has_other_ids(events: list[SimulatedEvent]) -> None:
    other = {event.facts.id for event in Simulation(config(run="second")).events()}
    assert not other & {event.facts.id for event in events}


def test_transactions_look_like_those_of_a_contact_centre(events: list[SimulatedEvent]) -> None:
    teams = {team.team_id: team for team in TEAMS}
    valid = [read_transaction(event.value)[0] for event in events if event.fate.becomes == "eligible"]
    for transaction in valid:
        team = teams[transaction.team_id]
        assert transaction.site == team.site
        assert transaction.channel in team.channels
        assert transaction.topic in dict(team.topics)
        assert (transaction.recording_ref is not None) == (transaction.channel == "phone")
        assert (transaction.place is not None) == (transaction.channel == "face_to_face")
        assert bool(transaction.chat) == (transaction.channel == "chat")
    welsh = Counter(transaction.site for transaction in valid if transaction.language == "cy")
    everyone = Counter(transaction.site for transaction in valid)
    assert welsh["bangor"] / everyone["bangor"] > 2 * welsh["cardiff"] / everyone["cardiff"]
    assert any(transaction.csat_0_100 is not None for transaction in valid)
    assert any(transaction.auto_score_0_100 is not None for transaction in valid)


def test_unknown_fields_are_counted_by_name(events: list[SimulatedEvent]) -> None:
    ledger = Ledger()
    found: Counter[str] = Counter()
    for event in ledger.follow(events):
        if event.fate.becomes in ("eligible", "excluded"):
            found.update(read_transaction(event.value)[1])
    assert ledger.unknown_fields == found
    assert found["crm"] > 0


def test_colleagues_and_days_are_the_same_in_a_shorter_span(events: list[SimulatedEvent]) -> None:
    tail = config(disorder=MUCH_DISORDER, expects=EXPECTS, starts=ENDS - timedelta(days=2))
    whole = {event.facts.id: event for event in events}
    for event in Simulation(tail).events():
        if event.fate.kind not in ("from_the_future", "conflicting_repeat") and event.fate.becomes != "repeat":
            assert event.facts == whole[event.facts.id].facts


@pytest.mark.parametrize(
    "fields",
    [
        {"ends": ENDS - timedelta(days=8)},
        {"starts": ENDS - timedelta(days=39, hours=1)},
        {"channel_shares": {"phone": 0.5}},
        {"time_zone": "Europe/Cardiff"},
        {"chat_turns": (12, 8)},
        {"disorder": {"bad": 0.6, "too_short": 0.6}},
        {"drop": {"team_id": "cardiff-sales", "from_day": date(2026, 11, 10), "points": 0}},
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config(**fields)


def test_a_drop_starts_with_the_local_day() -> None:
    drop = {"team_id": "cardiff-sales", "from_day": date(2026, 7, 1), "points": 5}
    assert config(drop=drop).drop_starts == datetime(2026, 6, 30, 23, tzinfo=UTC)
