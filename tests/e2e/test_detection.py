"""A drop, from the reviews to the alert and to its end, through real workers, Kafka and ClickHouse."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas import catalogue
from schemas.series import ReferenceAgreed
from sinks.clickhouse import ClickHouseStore
from sinks.queries.alerts import AlertRow, alert_change, alert_drivers, alerts
from tafol import clock, publish, settings
from tafol.detect import agree
from tafol.detect.act import act, find
from tafol.kafka_clients import producer
from tafol.local.process import any_free_port
from tafol.stack import Stack
from tests.unit.routing.records import MONDAY, transaction_fields
from tests.unit.scoring.records import SCORECARD, review, task
from tests.unit.trends.records import detectors

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(900)]

WITHIN_S = 200.0
TEAMS = ("north", "south")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A broker, a ClickHouse, and workers of the roles scoring and sink, with scorecard and detectors published."""
    file = tmp_path / "tafol.toml"
    file.write_text(
        f"[kafka]\nlocal_port = {any_free_port()}\n[clickhouse]\nlocal_port = {any_free_port()}\n"
        "[topics]\npartitions = 2\n[worker]\nsnapshot_every_s = 1\n"
    )
    with Stack(settings.load(file, data_dir=tmp_path / "data"), file) as found:
        for entry in (SCORECARD, detectors()):
            planned = publish.plan(entry, publish.read_published(found.connection), clock.now())
            publish.publish(found.connection, planned)
        found.start_workers(("scoring", "sink"))
        yield found


@pytest.fixture
def store(stack: Stack) -> Iterator[ClickHouseStore]:
    found = stack.store()
    yield found
    found.close()


def send_reviews(stack: Stack, first: int, count: int, tone: dict[str, int]) -> None:
    """Reviews of both teams in turn, whose tone is about as said."""
    dice = random.Random(first)
    with producer(stack.connection) as client:
        for nth in range(first, first + count):
            team = TEAMS[nth % 2]
            fields = transaction_fields(f"t-{nth}", team_id=team, ended_at=MONDAY + timedelta(minutes=nth))
            ratings = {"tone": tone[team] + dice.randint(-9, 9)}
            made = review(f"t-{nth}", task=task(f"t-{nth}", transaction=fields), ratings=ratings)
            client.send(catalogue.REVIEWS, key=f"t-{nth}".encode(), value=made.model_dump_json().encode())


def until(stack: Stack, what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {WITHIN_S:.0f} s"
        stack.look_after()
        time.sleep(0.2)


def points(store: ClickHouseStore) -> int:
    [row] = store.ask("SELECT count() AS points FROM current_series_points", {})
    return int(row["points"])


def of_south(store: ClickHouseStore) -> AlertRow | None:
    return next(iter(alerts(store, series_id="team=south")), None)


def status(store: ClickHouseStore) -> str | None:
    found = of_south(store)
    return None if found is None else found.status


def test_a_drop_is_raised_acknowledged_and_closed_by_a_new_reference(stack: Stack, store: ClickHouseStore) -> None:
    send_reviews(stack, 0, 120, {"north": 80, "south": 80})
    until(stack, "the reference", lambda: points(store) == 120)
    assert alerts(store) == ()

    send_reviews(stack, 120, 80, {"north": 80, "south": 10})
    until(stack, "the alert", lambda: points(store) == 200 and status(store) == "open")
    alert = of_south(store)
    assert alert is not None
    assert {one.series_id for one in alerts(store)} == {"team=south"}
    assert alert.mean_0_100 < alert.reference_0_100

    end = MONDAY + timedelta(days=1)
    change = alert_change(store, series_id="team=south", since=alert.since, until=end)
    worst, *_ = alert_drivers(store, series_id="team=south", since=alert.since, until=end)
    assert change.before_0_100 is not None
    assert change.since_0_100 is not None
    assert change.since_0_100 < change.before_0_100 - 5
    assert worst.criterion == "tone"

    act(stack.connection, find(alerts(store), "team=south"), "acknowledge", by="m-evans", reason="", at=clock.now())
    until(stack, "the acknowledgement", lambda: status(store) == "acknowledged")

    agreed = ReferenceAgreed(
        agreement_id="a-1",
        series_id="team=south",
        agreed_by="m-evans",
        reason="it is what it is",
        agreed_at=clock.now(),
    )
    agree.publish(stack.connection, agreed)
    until(stack, "the end", lambda: status(store) == "closed")
    closed = of_south(store)
    assert closed is not None
    assert (closed.alert_id, closed.closed_because, closed.acted_by) == (alert.alert_id, "new_reference", "m-evans")
