"""An observation on a phone: kept while the network is away, sent once when it is back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.desk.browser import PHONE, sign_in
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
            criterion.locator(".choice").nth(1).click()
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


def kept_on(page: Page) -> dict[str, list[str]]:
    """What stands on the device: names in the local store, addresses in caches, registered workers, all cached text."""
    found: dict[str, list[str]] = page.evaluate(
        """async () => {
            const texts = [], paths = [];
            for (const name of await caches.keys()) {
                const cache = await caches.open(name);
                for (const one of await cache.keys()) {
                    paths.push(new URL(one.url).pathname);
                    texts.push(await (await cache.match(one)).text());
                }
            }
            const local = Object.keys(localStorage).filter((key) => key.startsWith("tafol-"));
            const workers = (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope);
            return { local, paths, texts, workers };
        }"""
    )
    return found


def ready(page: Page) -> None:
    """The form is kept for when the network is away."""
    expect(page.locator("#observe")).to_have_attribute("data-kept", "1")


def test_a_reload_without_a_network_shows_the_form_and_the_draft(page_of: PageOf, site: SeededDesk) -> None:
    page, address = opened(page_of, site)
    ready(page)
    fill(page)
    with site.away():
        page.goto(site.url + address)
        expect(page.locator("#device-state")).to_contain_text("No network")
        expect(page.locator("#strength-0")).to_have_value("Looked up and smiled.")
        expect(page.get_by_label("by word of mouth")).to_be_checked()
        page.locator("#strength-0").fill("Looked up, smiled and waited.")
        page.locator("#send").click()
        expect(page.locator("#device-state")).to_contain_text("Kept to be sent")
        page.reload()
        expect(page.locator("#device-state")).to_contain_text("Kept to be sent")
    page.wait_for_url("**/observations?said=recorded")
    (recorded,) = site.desk.observations.recorded(site.actors["rhian"])
    assert recorded.total_0_100 is not None
    assert kept_on(page)["local"] == []
    assert [path for path in kept_on(page)["paths"] if path.startswith("/observations")] == []


def test_the_device_keeps_nothing_of_anybody_but_the_draft(page_of: PageOf, site: SeededDesk) -> None:
    page, _ = opened(page_of, site)
    ready(page)
    (planned,) = site.desk.observations.planned(site.actors["rhian"])
    kept = kept_on(page)
    assert [path for path in kept["paths"] if not path.startswith("/static/")] == [
        f"{page.url[len(site.url) :]}/offline"
    ]
    token = page.locator('meta[name="csrf"]').get_attribute("content") or ""
    for secret in (planned.colleague_id, planned.team_id, "Rhian", token):
        assert secret
        assert not [text for text in kept["texts"] if secret in text]
    assert kept["workers"] == [f"{site.url}/observations"]


def test_signing_out_clears_the_device_after_a_question(page_of: PageOf, site: SeededDesk) -> None:
    page, _ = opened(page_of, site)
    ready(page)
    fill(page)
    page.evaluate("localStorage.setItem('tafol-keys-off', '1')")
    page.route(
        "**/observations/obs-*", lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    page.locator("#send").click()
    expect(page.locator("#device-state")).to_contain_text("Kept to be sent")
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#question")).to_contain_text("Signing out deletes it")
    page.locator("#question button.first").click()
    page.wait_for_url("**/sign-in?said=out")
    assert kept_on(page) == {"local": ["tafol-keys-off"], "paths": [], "texts": [], "workers": []}


def test_another_person_on_the_same_device_sees_nothing_of_it(page_of: PageOf, site: SeededDesk) -> None:
    page, address = opened(page_of, site)
    page.locator("#strength-0").fill("Mine alone")
    expect(page.locator("#saved")).to_contain_text("Kept on this device")
    page.context.clear_cookies()  # the session ended by itself
    sign_in(page, site, "sian", address)
    expect(page.locator("#strength-0")).to_have_value("")
    page.context.clear_cookies()
    sign_in(page, site, "rhian", address)
    expect(page.locator("#strength-0")).to_have_value("Mine alone")
