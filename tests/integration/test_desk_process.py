"""`tafol desk run` as a process: it answers, takes tasks in, survives its own death, and stops when asked."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer

from desk.people.authorisation import Actor
from schemas.catalogue import REVIEW_TASKS, REVIEWS, SCORECARDS, SOURCE_TOPICS
from schemas.review import Review
from streams.connection import Connection
from streams.topics import topics
from tafol import desk, places, settings, topics_admin
from tafol.kafka_clients import log_consumer, read_to_end
from tafol.local.broker import BrokerConfig, LocalBroker
from tafol.local.process import Child, any_free_port
from tests.contract.test_desk_store import TRANSACTION
from tests.fixtures.desk import CARD, make_task
from tests.integration.test_desk_api import SUBMITTED

pytestmark = [pytest.mark.kafka, pytest.mark.fault]
WITHIN_S = 120.0


@pytest.fixture
def here(tmp_path: Path) -> Iterator[settings.Settings]:
    with LocalBroker(BrokerConfig(tmp_path / "kafka", port=any_free_port())) as broker:
        topics_admin.apply(Connection(broker.bootstrap), topics(1, 21, 60), 1)
        config = tmp_path / "tafol.toml"
        config.write_text(f'[kafka]\nbootstrap = "{broker.bootstrap}"\n[desk]\nport = 0\n')
        yield settings.load(config, data_dir=tmp_path / "data")


def started(here: settings.Settings, tmp_path: Path) -> tuple[Child, httpx.Client]:
    """A desk process that answers, and a client of it."""
    places.desk_address_file(here).unlink(missing_ok=True)
    argv = [sys.executable, "-m", "tafol", "--config", str(tmp_path / "tafol.toml"), "--data-dir", str(here.data_dir)]
    child = Child([*argv, "desk", "run", "--demo"], folder=Path.cwd(), console=tmp_path / "desk.log")
    url = eventually(lambda: _url(places.desk_address_file(here)), child, tmp_path)
    client = httpx.Client(base_url=url, timeout=30.0)
    eventually(lambda: _answers(client), child, tmp_path)
    return child, client


def eventually(look: Callable[[], Any], child: Child, tmp_path: Path) -> Any:
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s and not child.ended.is_set():
        if (found := look()) not in (None, False, [], ()):
            return found
        time.sleep(0.2)
    pytest.fail((tmp_path / "desk.log").read_text()[-3000:])


def _url(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text())["url"])
    except (OSError, ValueError):
        return None


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_from_a_task_to_a_review_through_the_death_of_the_desk(here: settings.Settings, tmp_path: Path) -> None:
    producer = KafkaProducer(bootstrap_servers=[here.kafka.bootstrap])
    at = producer.send(SOURCE_TOPICS[1], key=b"t-1", value=TRANSACTION).get(10)
    producer.send(SCORECARDS, key=b"chat:1", value=CARD.model_dump_json().encode()).get(10)
    task = make_task(
        origin={"topic": at.topic, "partition": at.partition, "offset": at.offset}, due_at="2099-01-01T00:00:00Z"
    )
    child, client = started(here, tmp_path)
    logins = {one["login"] for one in json.loads(places.demo_accounts_file(here).read_text())}
    assert {"reviewer", "supervisor", "manager", "colleague", "judge", "admin"} <= logins
    assert "reviewer" in client.get("/", follow_redirects=True).text
    with desk.opened(here) as found:
        (account,) = [one for one in found.people.people(desk.ENGINEER) if one.login == "reviewer"]
        actor = Actor(account.account_id, account.name, frozenset(account.roles), not_a_colleague=True)
        secret = found.people.issue_token(actor, "tool", ["queue.read", "review.write"]).secret
    bearer = {"Authorization": f"Bearer {secret}"}
    producer.send(REVIEW_TASKS, key=b"t-1", value=task.model_dump_json().encode()).get(10)
    producer.close()

    eventually(lambda: client.get("/api/v1/queues", headers=bearer).json(), child, tmp_path)
    form = client.post("/api/v1/queues/chat/claim", headers=bearer).json()
    os.kill(child.pid, signal.SIGKILL)
    child.ended.wait()
    client.close()
    child, client = started(here, tmp_path)
    number, lease = form["task"]["number"], form["lease"]["token"]
    path = f"/api/v1/tasks/{number}"
    receipt = client.post(f"{path}/submit", headers=bearer, json={"token": lease, "draft": SUBMITTED})
    assert receipt.status_code == 200
    eventually(lambda: client.get("/readyz").json()["outbox_waiting"] == 0, child, tmp_path)
    client.close()
    child.terminate()
    child.ended.wait()
    assert child.exit_code == 0
    (review,) = _reviews(here)
    assert (review.review_id, review.reviewer_id) == (task.task_id, account.account_id)


def _reviews(here: settings.Settings) -> list[Review]:
    with log_consumer(places.kafka(here)) as consumer:
        return [Review.model_validate_json(one.value) for one in read_to_end(consumer, [REVIEWS])]
