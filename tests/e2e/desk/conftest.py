"""Fixtures of the desk's browser tests. Without a Chromium they skip by name; with TAFOL_REQUIRE_ALL=1 they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.desk.browser import DESKTOP, NoBrowser, chromium, context, required, sign_in
from tests.e2e.desk.seed import SeededDesk, served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all of the folder. Not for the session: while Playwright runs, its event loop is that of the thread, and
    asynchronous tests of other folders could not have one."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(chromium())
        except NoBrowser as missing:
            if required():
                raise
            pytest.skip(str(missing))
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SeededDesk]:
    with served(tmp_path) as one:
        yield one


PageOf = Callable[..., Page]


@pytest.fixture
def page_of(browser: Browser, site: SeededDesk) -> Iterator[PageOf]:
    """`page_of(login, path)`: a signed-in page in a browser context of its own. Any script error fails the test."""
    errors: list[str] = []
    with ExitStack() as stack:

        def open_page(
            login: str | None, path: str = "/", size: tuple[int, int] = DESKTOP, language: str = "en"
        ) -> Page:
            made = stack.enter_context(context(browser, site, size, language))
            page = made.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            if login is None:
                page.goto(site.url + path)
            else:
                sign_in(page, site, login, path)
            return page

        yield open_page
    assert errors == []
