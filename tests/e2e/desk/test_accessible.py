"""Every page in both languages: no WCAG 2.2 AA violation that axe can find, no sideways scrolling on a phone."""

from __future__ import annotations

from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from desk.services.alerts import key_of
from tests.e2e.desk.browser import DESKTOP, PHONE
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import FALL, SeededDesk

pytestmark = pytest.mark.e2e

RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES: Final[dict[str | None, tuple[str, ...]]] = {
    None: ("/sign-in", "/sign-in?said=out"),
    "rhian": (
        "/",
        "/queues",
        "{held}",
        "/reviews",
        "/scorecards/phone/1",
        "/account",
        "/observations",
        "{observation}",
        "/nowhere",
    ),
    "tomos": ("/reviews", "/reviews/1", "/reviews/1/correct"),
    "sian": (
        "/",
        "/checks",
        "/checks/ask",
        "/work",
        "/work?overdue=true",
        "{held}",
        "/workload",
        "/people",
        "{person}",
        "/observations/plan",
    ),
    "gwen": (
        "/",
        "/scorecards",
        "/scorecards/propose",
        "/frames",
        "/frames/contact-centre/1",
        "/coverage",
        "/audit?verify=true",
        "/reviews/1",
    ),
    "gwen on trends": (
        "/trends",
        "/trends?by=team&every=month",
        "/trends?team=cardiff-service",
        "/trends/criteria?by=team",
        "/trends/errors",
        "/trends/colleagues",
        "/trends/change",
        "/coverage",
        "/alerts",
        "/alerts?status=acknowledged",
        "{alert}",
    ),
    "owain": ("/", "/mine", "/reviews/1", "/trends"),
    "mair": ("/", "/queues"),
    "admin": ("/", "/people/new", "/people/import", "/audit"),
}


def prepare(site: SeededDesk) -> dict[str, str]:
    """A held item with something in its draft, and the addresses that hold ids."""
    rhian, sian = site.actors["rhian"], site.actors["sian"]
    view = site.desk.queues.claim_next(rhian, "chat-service")
    assert view is not None
    (observation,) = site.desk.observations.planned(sian)
    return {
        "held": f"/tasks/{view.task.number}",
        "observation": f"/observations/{observation.observation_id}",
        "person": f"/people/{rhian.account_id}",
        "alert": f"/alerts/{key_of(FALL.alert()['alert_id'])}",
    }


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for one in found for node in one["nodes"]
    ]


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize("login", list(PAGES), ids=str)
def test_no_page_shuts_anybody_out(login: str | None, language: str, page_of: PageOf, site: SeededDesk) -> None:
    addresses = prepare(site)
    page = page_of(login and login.split()[0], "/", language=language)
    wrong = []
    for path in PAGES[login]:
        page.goto(site.url + path.format(**addresses))
        wrong += [f"{path} {one}" for one in violations(page)]
        page.wait_for_load_state("networkidle")
        missing = page.evaluate("[...document.images].filter((one) => !one.naturalWidth).map((one) => one.currentSrc)")
        wrong += [f"{path}: no picture at {one}" for one in missing]
        for width, height in (PHONE, DESKTOP):
            page.set_viewport_size({"width": width, "height": height})
            needed = page.evaluate("document.documentElement.scrollWidth")
            wrong += [f"{path} is {needed} px wide on a screen of {width}"] if needed > width else []
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_with_all_its_parts_open(scheme: str, page_of: PageOf, site: SeededDesk) -> None:
    held = prepare(site)["held"]
    page = page_of("rhian", held)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.locator(".criterion input").first.check()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator("#send").click()
    assert violations(page) == []
    page.locator("#confirm button.first").click()
    page.locator("#problems").wait_for()
    assert violations(page) == []
