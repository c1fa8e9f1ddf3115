"""An observation on a phone: kept while the network is away, sent once when it is back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.desk.browser import PHONE
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import NOW, SeededDesk

pytestmark = pytest.mark.e2e


def opened(page_of: PageOf, site: SeededDesk) -> tuple[Page, str]:
    (planned,) = site.desk.observations.planned(site.actors["rhian"])
    address = f"/observations/{planned.observation_id}"
    return page_of("rhian", address, PHONE), address


def fill(page: Page) -> None:
    page.locator("#started_at").fill(f"{NOW:%Y-%m-%d}T09:00")
    page.locator("#ended_at").fill(f"{NOW:%Y-%m-%d}T09:12")
    page.get_by_label("by word of mouth").check()
    page.get_by_label("The colleague knows").check()
    for criterion in page.locator(".criterion").all():
        box = criterion.locator("input[type=number]")
        if box.count():
            box.fill("80")
        else:
            criterion.locator('input[type="radio"]').nth(1).check(force=True)
    page.locator("#strength-0").fill("Looked up and smiled.")
    page.locator("#development-0").fill("Say how long it will take.")


def test_recorded_without_a_network_and_sent_later_once(page_of: PageOf, site: SeededDesk) -> None:
    page, _ = opened(page_of, site)
    fill(page)
    page.context.set_offline(True)
    page.locator("#send").click()
    expect(page.locator("#device-state")).to_contain_text("Kept to be sent")
    assert site.desk.observations.recorded(site.actors["rhian"]) == ()
    sent = []
    page.on("request", lambda request: sent.append(request.post_data) if request.method == "POST" else None)
    page.context.set_offline(False)
    page.wait_for_url("**/observations?said=recorded")
    expect(page.locator(".notice.good")).to_contain_text("The observation is recorded.")
    (recorded,) = site.desk.observations.recorded(site.actors["rhian"])
    assert recorded.state == "recorded"
    assert recorded.total_0_100 is not None
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tafol-observation'))") == []


def test_sending_the_same_again_changes_nothing(page_of: PageOf, site: SeededDesk) -> None:
    page, address = opened(page_of, site)
    fill(page)
    body = page.evaluate("new URLSearchParams(new FormData(document.getElementById('observe'))).toString()")
    answers = [
        page.evaluate(
            "([to, body]) => fetch(to, {method: 'POST', headers: {accept: 'application/json',"
            " 'content-type': 'application/x-www-form-urlencoded'}, body}).then((one) => one.status)",
            [address, body],
        )
        for _ in range(2)
    ]
    assert answers == [200, 200]
    assert len(site.desk.observations.recorded(site.actors["rhian"])) == 1


def test_a_half_written_observation_outlives_a_closed_page(page_of: PageOf, site: SeededDesk) -> None:
    page, _ = opened(page_of, site)
    page.locator("#strength-0").fill("Half a thought")
    expect(page.locator("#saved")).to_contain_text("Kept on this device")
    page.reload()
    expect(page.locator("#strength-0")).to_have_value("Half a thought")


def test_what_the_desk_refuses_comes_back_to_be_mended(page_of: PageOf, site: SeededDesk) -> None:
    page, _ = opened(page_of, site)
    fill(page)
    page.locator("#ended_at").fill(f"{NOW:%Y-%m-%d}T08:00")
    page.locator("#send").click()
    expect(page.locator("#refused")).to_contain_text("It was not taken")
    expect(page.locator("#strength-0")).to_have_value("Looked up and smiled.")
    page.locator("#ended_at").fill(f"{NOW:%Y-%m-%d}T09:12")
    page.locator("#send").click()
    page.wait_for_url("**/observations?said=recorded")
