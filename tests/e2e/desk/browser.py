"""Debian's Chromium, or Playwright's own, for tests: started once, a fresh context for each person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.desk.seed import PASSWORD, SeededDesk

DEBIAN: Final = Path("/usr/bin/chromium")
NO_FEATURES: Final = (
    # Pages of the address bar's, loaded with every window: two thirds of the work of opening one, for a bar that a
    # headless window does not show.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # Chromium takes the last such list alone: these are Playwright's own, so far as they concern us.
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(NO_FEATURES)}",
)
DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)
SEEN_WITHIN_MS: Final = 20_000
"""How long `expect` looks: Playwright's own 5 seconds are short where other tests take the processor."""


class NoBrowser(Exception):
    """There is no Chromium on this machine; the message says what to install."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Raises NoBrowser."""
    expect.set_options(timeout=SEEN_WITHIN_MS)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = DEBIAN if DEBIAN.exists() else own
        if not found.exists():
            raise NoBrowser("no Chromium: apt-get install chromium, or playwright install chromium")
        browser = playwright.chromium.launch(executable_path=str(found), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def required() -> bool:
    """Whether a missing browser is a failure rather than a skip."""
    return os.environ.get("TAFOL_REQUIRE_ALL") == "1"


def context(browser: Browser, one: SeededDesk, size: tuple[int, int] = DESKTOP, language: str = "en") -> BrowserContext:
    """A browser of somebody's own, with nothing in it but the language."""
    width, height = size
    made = browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=size == PHONE,
        locale="en-GB",
        timezone_id="Europe/London",
    )
    made.add_cookies([{"name": "tafol-language", "value": language, "url": one.url}])
    return made


def sign_in(page: Page, one: SeededDesk, login: str, path: str = "/") -> None:
    """Through the form, as a person does."""
    page.goto(f"{one.url}/sign-in?next={path}")
    page.locator("#login").fill(login)
    page.locator("#password").fill(PASSWORD)
    page.locator(".door form button").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
