"""Headers, cookies and tokens: a page can't be framed, forged or fed a script; a session can't be fixed."""

from __future__ import annotations

import re

import pytest

from desk.errors import NotSignedIn
from desk.web.page import MAX_FORM_BYTES
from desk.web.routes.door import _own_path
from tests.unit.desk_web.client import client, form
from tests.unit.desk_web.pretend import PASSWORD, PretendDesk

pytestmark = pytest.mark.unit


def token_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/sign-in", "/queues", "/nowhere", "/static/desk.js"])
async def test_every_answer_carries_the_headers(path: str) -> None:
    async with client(PretendDesk(), "reviewer", https=True) as browser:
        headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=31536000")


async def test_pages_are_never_kept_by_caches_and_static_files_are_asked_about() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        assert (await browser.get("/queues")).headers["cache-control"] == "no-store"
        assert (await browser.get("/static/desk.css")).headers["cache-control"] == "no-cache"
        assert "strict-transport-security" not in (await browser.get("/queues")).headers


async def test_no_page_holds_a_script_or_a_style_of_its_own() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        pages = [(await browser.get(path)).text for path in ("/queues", "/tasks/7", "/observations/plan-1")]
    for page in pages:
        assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", page)
        assert not re.search(r"\s(style|on[a-z]+)=\"", page)
        assert not re.search(r"(src|href)=\"(https?:)?//", re.sub(r'rel="noopener[^>]*', "", page))


async def test_recordings_may_come_from_the_host_that_is_named_and_no_other() -> None:
    async with client(PretendDesk(), recordings_url="https://calls.example/audio/") as browser:
        policy = (await browser.get("/sign-in")).headers["content-security-policy"]
    assert "media-src 'self' https://calls.example;" in policy


@pytest.mark.parametrize("token", ["", "csrf-supervisor", "0" * 64])
@pytest.mark.parametrize("path", ["/queues/next", "/tasks/7/skip", "/sign-out", "/language", "/account/password"])
async def test_a_form_without_its_sessions_token_is_refused(path: str, token: str) -> None:
    desk = PretendDesk()
    async with client(desk, "reviewer") as browser:
        answer = await browser.post(path, data={"csrf": token, "token": "3", "reason": "0"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    assert desk.calls == []


async def test_a_form_from_another_site_is_refused_though_its_token_fits() -> None:
    desk = PretendDesk()
    async with client(desk, "reviewer") as browser:
        away = await browser.post("/sign-out", data=form("reviewer"), headers={"origin": "https://evil.example"})
        own = await browser.post("/sign-out", data=form("reviewer"), headers={"origin": "http://desk.example"})
    assert (away.status_code, own.status_code) == (403, 303)


async def test_a_form_of_another_kind_or_size_is_refused() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        json = await browser.post("/sign-out", json={"csrf": "csrf-reviewer"})
        large = await browser.post("/sign-out", data=form("reviewer", x="x" * MAX_FORM_BYTES))
    assert (json.status_code, large.status_code) == (403, 413)


async def test_sign_in_needs_the_form_of_this_browser() -> None:
    desk = PretendDesk()
    async with client(desk) as one, client(desk) as other:
        token = token_in((await one.get("/sign-in")).text)
        fields = {"csrf": token, "login": "reviewer", "password": PASSWORD}
        await other.get("/sign-in")
        assert (await other.post("/sign-in", data=fields)).status_code == 403
        assert (await one.post("/sign-in", data=fields)).status_code == 303


async def test_a_session_that_was_planted_is_never_taken_over() -> None:
    desk = PretendDesk()
    async with client(desk, "colleague") as browser:
        browser.cookies.set("tafol-session", "planted")
        token = token_in((await browser.get("/sign-in")).text)
        answer = await browser.post("/sign-in", data={"csrf": token, "login": "reviewer", "password": PASSWORD})
    cookies = answer.headers.get_list("set-cookie")
    assert any(one.startswith("tafol-session=secret-reviewer;") for one in cookies)
    assert ("people.sign_out", ()) in desk.calls or any(method == "people.sign_out" for method, _ in desk.calls)


async def test_cookies_are_out_of_reach_of_scripts_and_other_hosts() -> None:
    async with client(PretendDesk(), https=True) as browser:
        token = token_in((await browser.get("/sign-in")).text)
        answer = await browser.post("/sign-in", data={"csrf": token, "login": "reviewer", "password": PASSWORD})
    (session,) = [one for one in answer.headers.get_list("set-cookie") if "-session=" in one]
    assert session.startswith("__Host-tafol-session=secret-reviewer;")
    for flag in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in session
    assert "Domain" not in session


async def test_a_wrong_password_and_an_unknown_name_read_the_same() -> None:
    async with client(PretendDesk()) as browser:
        token = token_in((await browser.get("/sign-in")).text)
        wrong = await browser.post("/sign-in", data={"csrf": token, "login": "reviewer", "password": "x"})
        unknown = await browser.post("/sign-in", data={"csrf": token, "login": "nobody", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace('value="reviewer"', "") == unknown.text.replace('value="nobody"', "")


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/sign-in?x", "/\n/x"],
)
def test_the_door_leads_nowhere_else(target: str) -> None:
    assert _own_path(target) == "/"


def test_the_door_leads_back() -> None:
    assert _own_path("/tasks/7?said=x") == "/tasks/7?said=x"


async def test_a_session_that_ended_leads_to_the_door() -> None:
    desk = PretendDesk()
    desk.raises["people.me"] = NotSignedIn("ended")
    async with client(desk, "reviewer") as browser:
        answer = await browser.get("/account")
    assert answer.headers["location"] == "/sign-in?next=/account"


async def test_the_page_that_a_device_keeps_names_nobody_and_holds_no_token() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        online = (await browser.get("/observations/plan-1")).text
        kept = (await browser.get("/observations/plan-1/offline")).text
    for secret in ("csrf-reviewer", "c-020", "bangor-counter", "Reviewer</span>"):
        assert secret in online.replace("bangor counter", "bangor-counter")
        assert secret not in kept.replace("bangor counter", "bangor-counter")
    assert 'data-account="reviewer"' in kept
    assert "/sign-out" not in kept


async def test_the_worker_is_asked_about_each_time_and_reaches_no_further_than_observations() -> None:
    async with client(PretendDesk()) as browser:
        answer = await browser.get("/observations-worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "service-worker-allowed" not in answer.headers
    assert "script-src 'self'" in answer.headers["content-security-policy"]
