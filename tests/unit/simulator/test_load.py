"""Load: every event is sound, of the moment, and its own."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.catalogue import CHANNEL_OF_TOPIC
from schemas.transaction import read_transaction
from tafol.simulator.load import Load
from tests.unit.simulator.configs import ENDS, config

pytestmark = pytest.mark.unit


def test_every_event_is_sound_and_ends_now() -> None:
    now = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
    seen = set()
    for event in Load(config(), pool_size=300).events(lambda: now, count=700):
        transaction, unknown = read_transaction(event.value)
        assert event.fate.becomes == "eligible"
        assert not unknown
        assert transaction.ended_at == now == event.send_at
        assert event.key == transaction.id.encode() == event.facts.id.encode()
        assert transaction.channel == CHANNEL_OF_TOPIC[event.topic]
        assert transaction.monitoring_notice.customer is not None
        assert timedelta() <= transaction.monitoring_notice.customer.at - transaction.started_at < timedelta(seconds=10)
        seen.add(transaction.id)
    assert len(seen) == 700


def test_time_passes_while_events_are_made() -> None:
    times = iter(ENDS + timedelta(seconds=n) for n in range(1000))
    ended = [event.send_at for event in Load(config(), pool_size=10).events(lambda: next(times), count=300)]
    assert ended == sorted(ended)
    assert len(set(ended)) > 2


def test_a_span_without_arrivals_is_refused() -> None:
    empty = config(transactions_per_week=0.001, ends=ENDS, starts=ENDS - timedelta(hours=1))
    with pytest.raises(ValueError, match="no transaction"):
        Load(empty)
