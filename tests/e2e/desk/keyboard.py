"""A review without touching the mouse."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

COMMENT = "Asked, and waited for the answer."
STRENGTH = "Clear about what happens next."


def fill_in(page: Page) -> None:
    """Rate every criterion well, comment the last, write a strength and a point to develop."""
    press = page.keyboard.press
    criteria = page.locator(".criterion")
    for n in range(criteria.count()):
        press("j")
        expect(criteria.nth(n)).to_be_focused()
        kind = criteria.nth(n).get_attribute("data-kind")
        if kind == "percentage":
            page.keyboard.type("90")
            press("Escape")
        else:
            press("1" if kind == "pass_fail" else criteria.nth(n).get_attribute("data-highest") or "")
    press("c")
    page.keyboard.type(COMMENT)
    press("Escape")
    press("f")
    page.keyboard.type(STRENGTH)
    page.locator("#strength-0").press("Escape")
    page.locator("#development-0").focus()
    page.keyboard.type("Say the name of the customer once.")
    press("Escape")
    expect(page.locator("#score")).to_have_text(re.compile(r"^9\d\.\d$|^100\.0$"))


def submit(page: Page) -> None:
    """Send it, after the question."""
    page.keyboard.press("s")
    expect(page.locator("#confirm")).to_be_visible()
    expect(page.locator("#confirm-missing")).to_have_text("")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Your review is submitted")


def sign_in(page: Page, url: str, login: str, password: str) -> None:
    """From the door to the queues."""
    page.goto(f"{url}/queues")
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queues")
    expect(page.locator("html")).to_have_class("scripted")
