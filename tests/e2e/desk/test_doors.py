"""Whom the real desk lets in, and to what: other people's things look as if they were not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.desk.seed import PASSWORD, SeededDesk

pytestmark = pytest.mark.e2e
PLANTED = "planted-by-somebody"


@contextmanager
def browser_of(site: SeededDesk, login: str | None) -> Iterator[httpx.Client]:
    """Somebody's browser without its screen."""
    with httpx.Client(base_url=site.url) as made:
        if login is not None:
            token = token_in(made.get("/sign-in").text)
            answer = made.post("/sign-in", data={"csrf": token, "login": login, "password": PASSWORD})
            assert answer.status_code == 303
        yield made


def token_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_other_peoples_reviews_look_as_if_they_were_not_there(site: SeededDesk) -> None:
    with browser_of(site, "rhian") as rhian, browser_of(site, "owain") as owain, browser_of(site, "tomos") as tomos:
        assert tomos.get("/reviews/1").status_code == 200
        own = owain.get("/reviews/1")
        assert own.status_code == 200
        assert "Tomos" not in own.text
        assert rhian.get("/reviews/1").status_code == rhian.get("/reviews/9999").status_code == 404


def test_a_task_of_somebody_else_can_be_neither_seen_nor_ended(site: SeededDesk) -> None:
    view = site.desk.queues.claim_next(site.actors["tomos"], "chat-service")
    assert view is not None
    assert view.lease is not None
    number = view.task.number
    with browser_of(site, "rhian") as rhian, browser_of(site, "owain") as owain:
        token = token_in(rhian.get("/queues").text)
        assert "postcode" not in rhian.get(f"/tasks/{number}").text
        for what in ("draft", "heartbeat", "skip", "return", "submit"):
            fields = {
                "csrf": token,
                "token": str(view.lease.token),
                "reason": "4",
                "scorecard_id": "chat",
                "scorecard_version": "1",
            }
            assert rhian.post(f"/tasks/{number}/{what}", data=fields).status_code in (404, 409), what
        assert owain.get(f"/tasks/{number}").status_code in (403, 404)
    assert site.desk.queues.form(site.actors["tomos"], number).lease is not None


def test_a_session_is_new_with_every_sign_in_and_gone_with_sign_out(site: SeededDesk) -> None:
    with browser_of(site, None) as browser:
        browser.cookies.set("tafol-session", PLANTED, domain="127.0.0.1")
        token = token_in(browser.get("/sign-in").text)
        browser.post("/sign-in", data={"csrf": token, "login": "rhian", "password": PASSWORD})
        secret = next(one.value for one in browser.cookies.jar if one.name == "tafol-session" and one.value != PLANTED)
    with browser_of(site, None) as browser:
        browser.cookies.set("tafol-session", secret or "")
        page = browser.get("/queues")
        assert page.status_code == 200
        assert browser.post("/sign-out", data={"csrf": token_in(page.text)}).status_code == 303
    with browser_of(site, None) as browser:
        browser.cookies.set("tafol-session", secret or "")
        assert browser.get("/queues").status_code == 303


def test_too_many_wrong_passwords_make_everybody_wait(site: SeededDesk) -> None:
    with browser_of(site, None) as browser:
        token = token_in(browser.get("/sign-in").text)
        statuses = [
            browser.post("/sign-in", data={"csrf": token, "login": f"nobody{n}", "password": "x"}).status_code
            for n in range(31)
        ]
        last = browser.post("/sign-in", data={"csrf": token, "login": "rhian", "password": PASSWORD})
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0


def test_every_look_at_a_transcript_is_in_the_trail(site: SeededDesk) -> None:
    view = site.desk.queues.claim_next(site.actors["rhian"], "chat-service")
    assert view is not None
    before = len([one for one in site.desk.audit.entries(site.actors["admin"]) if "view" in one.action])
    with browser_of(site, "rhian") as rhian:
        rhian.get(f"/tasks/{view.task.number}")
    looks = [one for one in site.desk.audit.entries(site.actors["admin"]) if "view" in one.action]
    assert len(looks) == before + 1
    with browser_of(site, "admin") as admin:
        assert "Verified" in admin.get("/audit?verify=true").text
