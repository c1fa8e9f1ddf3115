"""A review from the queue to its receipt: by keyboard alone, without scripts, offline, with a lost lease."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.desk import keyboard
from tests.e2e.desk.browser import PHONE, context, sign_in
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import PASSWORD, SeededDesk

pytestmark = pytest.mark.e2e


def claim(page: Page, queue: str) -> int:
    """Take the next item of a queue; its number."""
    page.locator(f'form:has(input[value="{queue}"]) button').click()
    page.wait_for_url("**/tasks/*")
    return int(page.url.rpartition("/")[2])


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text(re.compile(r"Draft saved at \d\d:\d\d:\d\d"))


def test_by_keyboard_alone_from_the_door_to_the_receipt(browser: Browser, site: SeededDesk) -> None:
    page = context(browser, site).new_page()
    press = page.keyboard.press
    keyboard.sign_in(page, site.url, "rhian", PASSWORD)
    press("Shift+N")
    page.wait_for_url("**/tasks/*")
    number = int(page.url.rpartition("/")[2])

    press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()

    keyboard.fill_in(page)
    keyboard.submit(page)
    (latest, *_) = site.desk.reviews.recent(site.actors["rhian"])
    review = site.desk.reviews.review(site.actors["rhian"], number)
    assert (latest.number, latest.outcome) == (number, "submitted")
    assert review.strengths == (keyboard.STRENGTH,)
    assert review.ratings[-1].comment == keyboard.COMMENT
    assert review.total_0_100 is not None


def test_without_scripts_every_step_works(browser: Browser, site: SeededDesk) -> None:
    made = browser.new_context(java_script_enabled=False)
    page = made.new_page()
    sign_in(page, site, "rhian", "/queues")
    number = claim(page, "chat-service")
    page.locator('.choice input[value="1"]').first.check()
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".notice.good")).to_contain_text("Your draft is saved")
    page.get_by_role("button", name="Submit review").click()
    expect(page.locator("#problems")).to_contain_text("Please complete")
    for criterion in page.locator(".criterion").all():
        box = criterion.locator("input[type=number]")
        if box.count():
            box.fill("80")
        else:
            criterion.locator('input[value="1"]').check()
    page.locator("#strength-0").fill("Kind.")
    page.locator("#development-0").fill("Slower.")
    page.get_by_role("button", name="Submit review").click()
    expect(page.locator(".notice.good")).to_contain_text("Your review is submitted")
    assert site.desk.reviews.review(site.actors["rhian"], number).outcome == "submitted"


def test_what_is_missing_is_named_and_led_to(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues")
    claim(page, "chat-service")
    page.locator("#send").click()
    expect(page.locator("#confirm-missing")).to_contain_text("Still missing:")
    page.locator("#confirm button.first").click()
    problems = page.locator("#problems")
    expect(problems).to_be_focused()
    expect(problems.get_by_role("link")).to_have_count(page.locator(".criterion").count() + 2)
    expect(page.locator(".criterion.wanting").first).to_contain_text("This is still missing.")


def test_the_running_score_is_the_desks_own(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "phone-service")
    for criterion in page.locator(".criterion").all():
        box = criterion.locator("input[type=number]")
        if box.count():
            box.fill("55")
        else:
            criterion.locator('input[type="radio"]').nth(1).check()
    shown = page.locator("#score").inner_text()
    saved(page)
    preview = site.desk.queues.form(site.actors["rhian"], number).preview
    assert preview.total_0_100 is not None
    assert shown == f"{preview.total_0_100:.1f}" == page.locator("#score").inner_text()


def test_a_critical_error_is_said_as_soon_as_it_is_rated(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues")
    claim(page, "phone-service")
    page.locator('[data-class="compliance"] input[value="0"]').first.check()
    expect(page.locator("#critical")).to_contain_text("Critical for compliance")
    expect(page.locator("#score")).to_have_text("0.0")


def test_a_draft_outlives_a_closed_page(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues")
    claim(page, "chat-service")
    page.locator("#strength-0").fill("Half a thought")
    saved(page)
    page.reload()
    expect(page.locator("#strength-0")).to_have_value("Half a thought")


def test_a_draft_outlives_a_lost_network(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "chat-service")
    page.context.set_offline(True)
    page.locator("#strength-0").fill("Written in the tunnel")
    expect(page.locator("#saved")).to_contain_text("kept on this device")
    page.context.set_offline(False)
    saved(page)
    assert site.desk.queues.form(site.actors["rhian"], number).draft.strengths == ("Written in the tunnel",)


def test_evidence_is_a_click_on_its_line(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "chat-service")
    page.locator(".criterion").nth(1).locator("input").first.focus()
    page.get_by_role("button", name="Use line 2 as evidence").click()
    page.get_by_role("button", name="Use line 4 as evidence").click()
    saved(page)
    (rating,) = site.desk.queues.form(site.actors["rhian"], number).draft.ratings
    assert [mark.line for mark in rating.marks] == [2, 4]


def test_a_lost_lease_keeps_every_word_and_says_so(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "chat-welsh")
    page.locator("#strength-0").fill("Croesawgar")
    saved(page)
    site.pass_time(minutes=20)
    other = site.desk.queues.claim(site.actors["tomos"], number)
    assert other.lease is not None
    page.locator("#development-0").fill("Too late for this")
    expect(page.locator("#lease-lost")).to_be_visible()
    expect(page.locator("#send")).to_be_disabled()
    site.desk.queues.give_back(site.actors["tomos"], number, other.lease.token)
    again = site.desk.queues.claim(site.actors["rhian"], number)
    assert again.draft.strengths == ("Croesawgar",)
    assert again.draft.development_points == ("Too late for this",)


def test_a_lease_that_runs_out_while_one_is_away_warns_and_goes(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    page.clock.install()
    number = claim(page, "chat-welsh")
    page.clock.run_for(61_000)  # from now on nobody is at the keyboard
    page.clock.run_for(750_000)
    expect(page.locator("#lease")).to_have_class("warn")
    expect(page.locator("#spoken")).not_to_be_empty()
    site.pass_time(minutes=16)
    site.desk.queues.claim(site.actors["tomos"], number)
    page.clock.run_for(4 * 60_000)
    expect(page.locator("#lease-lost")).to_be_visible()
    expect(page.locator("#send")).to_be_disabled()


def test_a_lease_that_ran_out_but_that_nobody_took_goes_on(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    page.clock.install()
    number = claim(page, "chat-welsh")
    site.pass_time(minutes=16)
    assert site.desk.queues.form(site.actors["rhian"], number).lease is None
    with page.expect_response("**/heartbeat") as answer:
        page.clock.run_for(16 * 60_000)
    assert answer.value.status == 200
    expect(page.locator("#lease-lost")).to_be_hidden()
    lease = site.desk.queues.form(site.actors["rhian"], number).lease
    assert lease is not None
    assert (lease.ends_at - site.at).total_seconds() == 900


def test_a_late_submit_is_refused_on_a_page_that_shows_the_words(browser: Browser, site: SeededDesk) -> None:
    made = browser.new_context(java_script_enabled=False)
    page = made.new_page()
    sign_in(page, site, "rhian", "/queues")
    number = claim(page, "chat-welsh")
    for criterion in page.locator(".criterion").all():
        box = criterion.locator("input[type=number]")
        if box.count():
            box.fill("80")
        else:
            criterion.locator('input[value="1"]').check()
    page.locator("#strength-0").fill("Croesawgar")
    page.locator("#development-0").fill("Arafach")
    site.pass_time(minutes=20)
    site.desk.queues.claim(site.actors["tomos"], number)
    page.get_by_role("button", name="Submit review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your time with this item has ended")
    expect(page.locator("main")).to_contain_text("Croesawgar")


def test_work_prolongs_the_lease(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "chat-service")
    site.pass_time(minutes=10)
    page.clock.install()
    page.reload()
    page.clock.run_for(50_000)
    page.keyboard.press("j")
    with page.expect_response("**/heartbeat"):
        page.clock.run_for(15_000)
    lease = site.desk.queues.form(site.actors["rhian"], number).lease
    assert lease is not None
    assert (lease.ends_at - site.at).total_seconds() == 900


def test_skip_and_return_leave_the_form(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    number = claim(page, "chat-service")
    page.get_by_text("Cannot review this?").click()
    page.get_by_role("button", name="Give it back").click()
    expect(page.locator(".notice.good")).to_contain_text("back in its queue")
    assert claim(page, "chat-service") == number
    page.get_by_text("Cannot review this?").click()
    page.locator("#reason").select_option(label="I know the customer")
    page.get_by_role("button", name="Skip it").click()
    expect(page.locator(".notice.good")).to_contain_text("counts as not reviewed")
    (latest, *_) = site.desk.reviews.recent(site.actors["rhian"])
    assert (latest.number, latest.outcome, latest.reason) == (number, "skipped", "I know the customer")


def test_single_keys_can_be_switched_off(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues")
    claim(page, "chat-service")
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.locator("#shortcuts button").click()
    page.locator(".criterion").first.focus()
    page.keyboard.press("1")
    expect(page.locator(".criterion input:checked")).to_have_count(0)


def test_queues_change_without_a_reload(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("rhian", "/queues")
    expect(page.locator("#live-state")).to_have_text("Live: changes appear by themselves.")
    card = page.locator(".queue", has_text="chat welsh")
    expect(card.locator("dd").nth(2)).to_have_text("0")
    for _ in range(2):
        site.desk.queues.claim_next(site.actors["tomos"], "chat-welsh")
        site.pass_time(seconds=2)
        (first, *_) = [task for task in site.desk.queues.mine(site.actors["tomos"]) if task.queue == "chat-welsh"]
        site.desk.queues.reassign(site.actors["sian"], first.number, site.actors["tomos"].account_id, "keep")
    expect(card.locator("dd").nth(0)).not_to_have_text("2")


def test_the_form_fits_a_phone(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues", PHONE)
    claim(page, "chat-service")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    for target in page.locator(".choice, .ledge button, .line .mark").all():
        box = target.bounding_box()
        assert box is None or (box["height"] >= 44 and box["width"] >= 44)


def test_the_language_changes_on_the_spot_and_stays(page_of: PageOf) -> None:
    page = page_of("rhian", "/queues")
    page.get_by_role("button", name="Cymraeg").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ciwiau")
    claim(page, "chat-service")
    expect(page.locator("html")).to_have_attribute("lang", "cy")
    expect(page.locator("#send")).to_have_text("Cyflwyno adolygiad")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#send")).to_have_text("Submit review")
