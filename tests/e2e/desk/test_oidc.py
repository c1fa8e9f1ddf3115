"""Signing in with the organisation's provider, in a browser: there, agreed, and back into the desk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from desk.people import accounts
from desk.people.oidc import Provider
from desk.views import NewPerson
from tests.e2e.desk.browser import context
from tests.e2e.desk.seed import NOW, SeededDesk, served
from tests.fakes.oidc import Idp, running

pytestmark = pytest.mark.e2e


@pytest.fixture
def idp() -> Iterator[Idp]:
    with running(lambda: NOW) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, idp: Idp) -> Iterator[SeededDesk]:
    """A desk that knows the provider. The desk's clock, and so the token's end, stands still."""
    provider = Provider(
        idp.issuer, "desk", "secret", label="Eglwys Wen", now=lambda: NOW, random_bytes=random.Random(1).randbytes
    )
    with served(tmp_path, oidc=provider) as one:
        yield one
    provider.close()


def invite(site: SeededDesk, *, active: bool = True) -> None:
    """An account whose sign-in name is the address that the provider vouches for."""
    person = NewPerson("eve@example.org", "Efa Prys", ("reviewer",), not_a_colleague=True, active=active)
    with site.database.write() as session:
        accounts.make(session, person, NOW, random.Random(5).randbytes)


def through_the_provider(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_role("link", name="Sign in with Eglwys Wen").click()
    page.get_by_role("link", name="Go on as Eve").click()


def test_there_and_back_and_in(browser: Browser, site: SeededDesk, idp: Idp) -> None:
    invite(site)
    page = context(browser, site).new_page()
    through_the_provider(page, site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Efa Prys")
    assert page.url == f"{site.url}/"
    cookies = {one["name"] for one in page.context.cookies()}
    assert "tafol-session" in cookies
    assert "tafol-oidc" not in cookies
    (used,) = [one for one in site.desk.audit.entries(site.actors["admin"]) if one.action == "account.oidc_tied"]
    assert used.subject == used.actor_id
    # From now on the subject is what counts: another address of the same person changes nothing.
    idp.change = {"email": "eve.prys@example.org"}
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?said=out")
    through_the_provider(page, site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Efa Prys")


def test_whom_the_desk_does_not_know_stays_at_the_door(browser: Browser, site: SeededDesk) -> None:
    page = context(browser, site).new_page()
    through_the_provider(page, site.url)
    expect(page.locator("#wrong")).to_contain_text("no account here belongs to it")
    assert "tafol-session" not in {one["name"] for one in page.context.cookies()}


def test_an_address_that_is_not_verified_and_a_closed_account_stay_at_the_door(
    browser: Browser, site: SeededDesk, idp: Idp
) -> None:
    invite(site, active=False)
    page = context(browser, site).new_page()
    through_the_provider(page, site.url)
    expect(page.locator("#wrong")).to_be_visible()
    idp.change = {"email": "sian", "email_verified": False}
    through_the_provider(page, site.url)
    expect(page.locator("#wrong")).to_be_visible()


def test_the_way_back_of_one_browser_is_worth_nothing_in_another(browser: Browser, site: SeededDesk) -> None:
    invite(site)
    page = context(browser, site).new_page()
    page.goto(f"{site.url}/sign-in")
    page.get_by_role("link", name="Sign in with Eglwys Wen").click()
    back = page.get_by_role("link", name="Go on as Eve").get_attribute("href") or ""
    other = context(browser, site).new_page()
    other.goto(back)
    expect(other.locator("#wrong")).to_be_visible()
    page.goto(back)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Efa Prys")
