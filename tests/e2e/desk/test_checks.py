"""A spot check from the button to the outbox, in both languages, without a second one by a second press."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from desk.store.tables import OutboxRow
from schemas.catalogue import CHECK_REQUESTS
from schemas.request import CheckRequest
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import NOW, SeededDesk

pytestmark = pytest.mark.e2e


def outgoing(site: SeededDesk) -> list[CheckRequest]:
    with site.database.read() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.topic == CHECK_REQUESTS)).all()
    return [CheckRequest.model_validate_json(row.value) for row in rows]


def test_asked_for_after_it_is_said_what_will_happen(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("sian", "/work")
    page.get_by_role("link", name="Spot check…").click()
    what = page.get_by_role("region", name="What will happen")
    expect(what).to_contain_text("the check begins at 11:37:")
    expect(what).to_contain_text("enters no mean, no trend and no alert")
    colleague = page.locator("#colleagues option").first.get_attribute("value") or ""
    page.locator("#colleague_id").fill(colleague)
    page.locator("#n").fill("2")
    page.get_by_label("At random").check()
    page.get_by_role("button", name="Ask for the check").click()
    expect(page.locator("#question")).to_contain_text("cannot be taken back")
    assert outgoing(site) == []
    page.locator("#question button.first").click()
    expect(page.locator(".notice.good")).to_contain_text("The check is asked for")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("On its way")
    (request,) = outgoing(site)
    assert (request.purpose, request.n, request.pick) == ("spot", 2, "random")
    assert request.when.named == {"colleague_id": (colleague,)}
    assert request.asked_by == site.actors["sian"].account_id
    assert 390 <= (request.holds_from - NOW).total_seconds() <= 480


def test_the_same_form_sent_again_is_the_same_check(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("sian", "/checks/ask")
    page.locator("#team_id").fill("cardiff-service")
    body = page.evaluate("new URLSearchParams(new FormData(document.querySelector('main form'))).toString()")
    answers = [
        page.evaluate(
            "(body) => fetch('/checks/ask', {method: 'POST',"
            " headers: {'content-type': 'application/x-www-form-urlencoded'}, body}).then((one) => one.status)",
            body,
        )
        for _ in range(2)
    ]
    assert answers == [200, 200]
    assert len(outgoing(site)) == 1


def test_what_is_missing_is_said_in_welsh_too(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("sian", "/checks/ask", language="cy")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hapwiriad")
    page.get_by_role("button", name="Gofyn am y gwiriad").click()
    page.locator("#question button.first").click()
    expect(page.locator("#colleague_id-problem")).to_have_text(re.compile("ar goll"))
    assert outgoing(site) == []
