"""What people do about alerts and references: found by name, and sent to where the series' records are."""

from __future__ import annotations

from datetime import UTC, datetime

import aiokafka.partitioner
import kafka.partitioner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from sinks.queries.alerts import AlertRow
from tafol.detect.act import find

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, tzinfo=UTC)


def row(alert_id: str) -> AlertRow:
    return AlertRow(
        alert_id=alert_id,
        series_id=alert_id.partition("|")[0],
        state="open",
        status="open",
        closed_because="",
        since=AT,
        raised_at=AT,
        changed_at=AT,
        times_raised=1,
        evidence=320.0,
        threshold=300.0,
        reviews=40,
        reference_0_100=78.0,
        mean_0_100=66.0,
        one_false_alarm_in_periods=1.0,
        period="quarter",
        acted_by="",
        acted_at=None,
        action_reason="",
    )


ALERTS = (row("team=north|t-17|chat|1"), row("team=north|t-99|chat|1"), row("team=south|t-18|phone|1"))


@pytest.mark.parametrize("wanted", ["team=south|t-18|phone|1", "team=south", "t-18|phone|1"])
def test_an_alert_is_found_by_its_id_or_an_end_that_no_other_has(wanted: str) -> None:
    assert find(ALERTS, wanted) is ALERTS[2]


@pytest.mark.parametrize(
    ("wanted", "said"), [("team=north", "2 alerts"), ("team=west", "0 alerts"), ("|1", "0 alerts")]
)
def test_a_name_that_fits_none_or_several_is_refused(wanted: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        find(ALERTS, wanted)


@given(st.text(min_size=1, max_size=60))
def test_both_clients_hash_a_series_to_the_same_partition(series: str) -> None:
    """combine's points go out by one client, people's agreements by the other; they must meet in one partition."""
    key = series.encode()

    assert kafka.partitioner.murmur2(key) & 0xFFFFFFFF == aiokafka.partitioner.murmur2(key) & 0xFFFFFFFF
