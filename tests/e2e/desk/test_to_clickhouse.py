"""From a chat in Kafka to a score in ClickHouse: all processes real, the person between them a browser's keyboard."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from playwright.sync_api import Browser, expect

from schemas.catalogue import SOURCE_TOPIC
from schemas.frame import SamplingFrame
from schemas.scorecard import Scorecard
from tafol import clock, examples, places, publish
from tafol import settings as all_settings
from tafol.documents import read_notices, read_scorecard
from tafol.stack import DEMO_DESK, Stack, desk_url
from tafol.status import GROUP_OF_ROLE
from tests.e2e.desk import keyboard

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(900)]
WITHIN_S = 200.0
CHAT = Path(examples.__file__).parent / "chat.yaml"
EVERY_CHAT = {
    "id": "every-chat",
    "version": 1,
    "holds_from": "2026-01-01T00:00:00Z",
    "lawful_purpose": "Quality",
    "strata": [{"name": "all", "draw": {"method": "random", "rate": 1.0}}],
    "routes": [{"queue": "chat", "scorecard": "chat"}],
}


def chat(number: int) -> dict[str, Any]:
    ended = datetime.now(UTC) - timedelta(seconds=5)
    started = (ended - timedelta(minutes=6)).isoformat()
    lines = [("colleague", "Bore da! How can I help?"), ("customer", "My bill is wrong."), ("colleague", "Let me see.")]
    return {
        "id": f"chat-{number}",
        "channel": "chat",
        "colleague_id": "c-014",
        "team_id": "cardiff-service",
        "site": "cardiff",
        "topic": "billing",
        "language": "en",
        "started_at": started,
        "ended_at": ended.isoformat(),
        "customer_ref": f"customer-{number}",
        "outcome": "resolved",
        "monitoring_notice": {
            "customer": {"notice_id": "chat-banner", "how": "written", "at": started},
            "colleague": "monitoring-policy-2026",
        },
        "chat": [{"speaker": who, "text": said} for who, said in lines],
    }


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Kafka, ClickHouse, the workers of every role, and the desk with demo accounts."""
    settings = all_settings.load(None, data_dir=tmp_path / "data")
    with Stack(settings) as running:
        frame = SamplingFrame.model_validate({**EVERY_CHAT, "seed": "ab" * 32})
        for entry in (read_scorecard(CHAT), read_notices(examples.NOTICES), frame):
            publish.publish(
                running.connection, publish.plan(entry, publish.read_published(running.connection), clock.now())
            )
        running.start_workers((*GROUP_OF_ROLE, DEMO_DESK))
        yield running


def eventually(stack: Stack, look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something."""
    end_s = time.monotonic() + WITHIN_S
    while not (found := look()):
        stack.look_after()
        if time.monotonic() > end_s:
            pytest.fail("\n".join(stack.log_file(role).read_text()[-1500:] for role in (*GROUP_OF_ROLE, DEMO_DESK)))
        time.sleep(0.3)
    return found


def test_a_review_by_keyboard_alone_stands_in_clickhouse(stack: Stack, browser: Browser) -> None:
    producer = KafkaProducer(**stack.connection.kafka_python())
    event = chat(1)
    producer.send(SOURCE_TOPIC["chat"], key=event["id"].encode(), value=json.dumps(event).encode()).get(30)
    producer.close()
    url = eventually(stack, lambda: desk_url(stack.settings))
    accounts = eventually(stack, lambda: json.loads(places.demo_accounts_file(stack.settings).read_text()))
    reviewer = next(one for one in accounts if one["role"] == "reviewer")

    page = browser.new_page()
    keyboard.sign_in(page, url, reviewer["login"], reviewer["password"])
    expect(page.locator(".queue", has_text="chat")).to_be_visible(timeout=WITHIN_S * 1000)
    page.keyboard.press("Shift+N")
    page.wait_for_url("**/tasks/*")
    expect(page.locator("main")).to_contain_text("My bill is wrong.")
    keyboard.fill_in(page)
    shown = float(page.locator("#score").inner_text())
    keyboard.submit(page)
    page.close()

    store = stack.store()
    try:
        (review,) = eventually(stack, lambda: store.rows("reviews"))
        (score,) = eventually(stack, lambda: store.rows("scores"))
        ratings = store.rows("review_ratings")
    finally:
        store.close()
    assert (review["transaction_id"], review["outcome"], review["scorecard_id"]) == ("chat-1", "submitted", "chat")
    assert re.fullmatch(r"p-[0-9a-f]{16}", review["reviewer_id"])
    assert review["inclusion_probability"] == 1.0
    card: Scorecard = read_scorecard(CHAT)
    assert {row["criterion"] for row in ratings} == {one.id for one in card.criteria}
    assert score["review_ids"] == [review["review_id"]]
    assert round(score["total_0_100"], 1) == shown
