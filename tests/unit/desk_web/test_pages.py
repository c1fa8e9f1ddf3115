"""What pages show, whom they refuse, and that every string is in the catalogue of both languages."""

from __future__ import annotations

import re

import pytest

from desk.errors import Invalid, LeaseLost, NotEligible, Problem, TaskClosed, TooMany
from desk.people.authorisation import ROLES, Action, Role
from desk.web import labels
from desk.web.errors import error_words
from schemas.errors import Retryable, TafolError
from tests.unit.desk_web.client import client, form
from tests.unit.desk_web.pretend import EVIL, PretendDesk, actor

pytestmark = pytest.mark.unit

PAGES: dict[str, Action | None] = {
    "/": None,
    "/account": None,
    "/queues": "queue.list",
    "/queues/part": "queue.list",
    "/tasks/7": "queue.list",
    "/reviews": "review.own",
    "/reviews/7": None,
    "/reviews/7/correct": None,
    "/mine": "score.own",
    "/work": "task.see_all",
    "/workload": "task.see_all",
    "/checks": "check.ask",
    "/checks/ask": "check.ask",
    "/people": "people.see",
    "/people/reviewer": "people.see",
    "/people/new": "people.edit",
    "/people/import": "people.edit",
    "/people/reviewer/change": "people.edit",
    "/observations": None,
    "/observations/plan": "task.see_all",
    "/observations/plan-1": "observation.record",
    "/observations/plan-1/offline": "observation.record",
    "/observations/visits/2026-12-02T10%3A00/c-201": "observation.record",
    "/scorecards": "scorecard.see",
    "/scorecards/chat/1": "scorecard.see",
    "/scorecards/propose": "register.propose",
    "/frames": "frame.see",
    "/frames/contact-centre/1": "frame.see",
    "/frames/propose": "register.propose",
    "/alerts": "alert.see",
    "/alerts?status=resolved": "alert.see",
    "/alerts/00112233445566aa": "alert.see",
    "/alerts/00112233445566aa/course.svg": "alert.see",
    "/alerts/00112233445566aa/drivers.png": "alert.see",
    "/alerts/00112233445566aa/course.csv": "alert.see",
    "/trends": "trend.see",
    "/trends/time?by=team&every=month&from=2026-01-01&to=2026-11-20&team=north": "trend.see",
    "/trends/time?by=nonsense&every=never&from=tomorrow&to=1&team=": "trend.see",
    "/trends/errors": "trend.see",
    "/trends/criteria?by=team": "trend.see",
    "/trends/colleagues": "trend.see",
    "/trends/change": "trend.see",
    "/trends/time/trend.svg?by=team&scheme=dark&size=narrow": "trend.see",
    "/trends/criteria/criteria.png": "trend.see",
    "/trends/colleagues/standings.csv": "trend.see",
    "/coverage": "coverage.see",
    "/coverage/left-out.svg": "coverage.see",
    "/coverage/response.csv": "coverage.see",
    "/audit": "audit.see",
    "/audit?verify=true": "audit.see",
}
"""Every page and the action that it needs; None: whoever is signed in (the services say what they see)."""

FORMS: dict[str, tuple[Action, dict[str, str]]] = {
    "/queues/next": ("task.claim", {"queue": "phone"}),
    "/tasks/7/claim": ("task.claim", {}),
    "/tasks/7/draft": ("task.work", {"token": "3", "scorecard_id": "chat", "scorecard_version": "1"}),
    "/tasks/7/heartbeat": ("task.work", {"token": "3"}),
    "/tasks/7/submit": ("task.work", {"token": "3", "scorecard_id": "chat", "scorecard_version": "1"}),
    "/tasks/7/skip": ("task.work", {"token": "3", "reason": "4"}),
    "/tasks/7/return": ("task.work", {"token": "3"}),
    "/tasks/7/reassign": ("task.reassign", {"to": "", "reason": "away"}),
    "/tasks/7/override": ("task.override", {"what": "withdraw", "reason": "erased"}),
    "/reviews/7/correct": ("review.own", {"reason": "typed wrongly"}),
    "/reviews/7/withdraw": ("review.withdraw", {"reason": "wrong customer"}),
    "/checks/ask": (
        "check.ask",
        {"colleague_id": "c-014", "n": "2", "within": "60", "pick": "next", "check_id": "spot-0123456789abcdef"},
    ),
    "/people/new": ("people.edit", {"login": "x", "name": "X"}),
    "/people/import": ("people.edit", {"csv": "login"}),
    "/people/reviewer/change": ("people.edit", {"login": "x", "name": "X"}),
    "/people/reviewer/not-a-colleague": ("people.edit", {}),
    "/account/tokens": ("token.own", {"name": "sheet", "scope": "queue.read"}),
    "/scorecards/propose": ("register.propose", {"yaml": "id: x"}),
    "/scorecards/chat/1/agree": ("register.agree", {}),
    "/scorecards/chat/1/publish": ("register.activate", {}),
    "/frames/contact-centre/1/agree": ("register.agree", {}),
    "/frames/contact-centre/1/publish": ("register.activate", {}),
    "/alerts/00112233445566aa/acknowledge": ("alert.act", {}),
    "/alerts/00112233445566aa/resolve": ("alert.act", {"reason": "a new script"}),
    "/observations/plan": ("observation.plan", {"planned_for": "2026-11-20T10:00"}),
    "/observations/plan-1/cancel": ("observation.plan", {"reason": "closed"}),
    "/observations/visits/2026-12-02T10%3A00/c-201/cancel": ("observation.plan", {"reason": "closed"}),
}
"""Every form that changes something for which a role is needed."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", PAGES)
async def test_each_role_sees_what_the_table_allows_and_nothing_else(path: str, role: Role) -> None:
    needed = PAGES[path]
    allowed = needed is None or actor(role).may(needed)
    if path.startswith("/trends") and "colleagues" not in path:
        allowed = allowed or actor(role).may("trend.own")
    if path in ("/reviews/7", "/reviews/7/correct"):
        allowed = actor(role).may("scorecard.see")
    async with client(PretendDesk(), role) as browser:
        answer = await browser.get(path)
    assert answer.status_code == (200 if allowed else 403), answer.text
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", FORMS)
async def test_each_role_changes_what_the_table_allows_and_nothing_else(path: str, role: Role) -> None:
    needed, fields = FORMS[path]
    desk = PretendDesk()
    async with client(desk, role) as browser:
        answer = await browser.post(path, data=form(role, **fields))
    if actor(role).may(needed):
        assert answer.status_code in (200, 303), answer.text
    else:
        assert answer.status_code == 403
        changing = {
            "ask",
            "submit",
            "skip",
            "override",
            "reassign",
            "withdraw",
            "publish",
            "agree",
            "create",
            "change",
            "resolve",
        }
        assert not [method for method, _ in desk.calls if method.rpartition(".")[2] in changing]


@pytest.mark.parametrize("path", PAGES)
async def test_a_visitor_is_sent_to_the_door_and_comes_back(path: str) -> None:
    async with client(PretendDesk()) as browser:
        answer = await browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=/")


async def test_what_people_wrote_is_shown_as_text() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        page = (await browser.get("/tasks/7")).text
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; %(x)s" in page


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (LeaseLost("lost"), 409, "Your time with this item has ended"),
        (TaskClosed("closed"), 409, "already been finished"),
        (NotEligible("own_work", "own"), 409, "This is your own work"),
        (NotEligible("a reason of tomorrow", "new"), 409, "This can no longer be done"),
        (TooMany("slow", retry_after_s=90), 429, "Too many attempts"),
        (Retryable("away", retry_after_s=2), 503, "does not answer"),
        (Invalid("no", (Problem("reason", "missing", "say why"),)), 422, "Something is missing"),
        (TafolError("broken"), 500, "went wrong on our side"),
    ],
)
async def test_a_refusal_is_said_in_plain_words(error: TafolError, status: int, words: str) -> None:
    desk = PretendDesk()
    desk.raises["queues.give_back"] = error
    async with client(desk, "reviewer") as browser:
        answer = await browser.post("/tasks/7/return", data=form("reviewer", token="3"))
        script = await browser.post(
            "/tasks/7/return", data=form("reviewer", token="3"), headers={"accept": "application/json"}
        )
    assert (answer.status_code, script.status_code) == (status, status)
    assert words in answer.text
    assert script.json()["code"] == error_words(error).code
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_an_unknown_address_and_a_crash_have_pages_too() -> None:
    desk = PretendDesk()
    desk.raises["people.people"] = RuntimeError("a defect")
    async with client(desk, "supervisor") as browser:
        unknown, odd, broken = [await browser.get(path) for path in ("/nowhere", "/tasks/x", "/people")]
    assert (unknown.status_code, odd.status_code, broken.status_code) == (404, 404, 500)
    assert "There is no such page" in unknown.text
    assert "went wrong on our side" in broken.text
    assert "a defect" not in broken.text
    assert "default-src 'none'" in broken.headers["content-security-policy"]


async def test_a_lost_lease_shows_every_word_that_was_sent() -> None:
    desk = PretendDesk()
    desk.raises["queues.submit"] = LeaseLost("lost")
    first = "rating.answered"
    fields = form("reviewer", token="3", scorecard_id="chat", scorecard_version="1", strength="Kind to the end.")
    async with client(desk, "reviewer") as browser:
        answer = await browser.post("/tasks/7/submit", data={**fields, first: "1"})
    assert answer.status_code == 409
    assert "Kind to the end." in answer.text


async def test_a_check_that_does_not_fit_is_shown_again_with_what_was_sent() -> None:
    desk = PretendDesk()
    desk.raises["checks.ask"] = Invalid("no", (Problem("n", "off_scale", "1 to 100"),))
    sent = {"colleague_id": "c-014", "n": "700", "within": "60", "pick": "random", "check_id": "spot-0123456789abcdef"}
    async with client(desk, "supervisor") as browser:
        answer = await browser.post("/checks/ask", data=form("supervisor", **sent))
        no_pick = await browser.post("/checks/ask", data=form("supervisor", **{**sent, "pick": "all"}))
    assert answer.status_code == no_pick.status_code == 422
    for kept in ("This is not on the scale.", 'value="700"', 'value="c-014"', 'value="spot-0123456789abcdef"'):
        assert kept in answer.text


async def test_a_check_that_came_too_late_is_asked_for_again_with_the_same_words() -> None:
    async with client(PretendDesk(), "supervisor") as browser:
        shown = (await browser.get("/checks")).text
        again = (await browser.get("/checks/ask?colleague=c-014&team=&channel=chat")).text
    assert 'href="/checks/ask?colleague=c-014&amp;team=&amp;channel=chat"' in shown
    assert 'value="c-014"' in again
    assert '<option value="chat" selected>' in again


async def test_the_most_pressing_queue_is_tried_first() -> None:
    desk = PretendDesk()
    async with client(desk, "reviewer") as browser:
        answer = await browser.post("/queues/next", data=form("reviewer"))
    assert answer.headers["location"] == "/tasks/7"
    assert ("queues.claim_next", ("chat-welsh",)) in desk.calls


async def test_a_queue_that_others_work_on_entirely_says_so() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        text = (await browser.get("/queues")).text
    assert "Others are working on all 3 open items." in text
    assert "Nothing here is for you" in text
    assert "Nothing is open here." in text


async def test_welsh_by_cookie_by_browser_and_by_account() -> None:
    desk = PretendDesk()
    async with client(desk) as browser:
        assert 'lang="cy"' in (await browser.get("/sign-in", headers={"accept-language": "cy, en;q=0.5"})).text
        browser.cookies.set("tafol-language", "cy")
        page = (await browser.get("/sign-in")).text
    assert 'lang="cy"' in page
    assert "Mewngofnodi" in page
    async with client(desk, "reviewer") as browser:
        answer = await browser.post("/language", data=form("reviewer", language="cy", next="/queues?x=1"))
        assert answer.headers["location"] == "/queues?x=1"
        assert "tafol-language=cy" in answer.headers["set-cookie"]
    assert ("people.set_language", ("cy",)) in desk.calls


async def test_numbers_and_dates_are_those_of_the_language() -> None:
    async with client(PretendDesk(), "reviewer") as browser:
        browser.cookies.set("tafol-language", "cy")
        text = (await browser.get("/reviews/7")).text
    assert re.search(r"20 Tach 2026,? 09:30", text)


def test_every_code_of_the_desk_has_words() -> None:
    from desk.rules.eligibility import REASONS  # noqa: PLC0415
    from desk.web.errors import _WORDS  # noqa: PLC0415
    from schemas.selection import PURPOSES  # noqa: PLC0415

    assert set(REASONS) <= set(_WORDS)
    assert set(PURPOSES) == set(labels.PURPOSE)
    assert set(ROLES) == set(labels.ROLE)
    assert set(labels.REGISTER_STATE) == set(labels.REGISTER_TONE)
