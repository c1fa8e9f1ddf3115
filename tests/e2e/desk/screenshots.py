"""The pictures of docs/desk.md: `python -m tests.e2e.desk.screenshots` makes them anew, in docs/images.

Each page is taken as a person sees it: the seeded desk, a clock that stands still, no test's leftovers.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, Page

from desk.services.alerts import key_of
from tests.e2e.desk.browser import DESKTOP, PHONE, chromium, context, sign_in
from tests.e2e.desk.seed import FALL, NOW, SeededDesk, complete_draft, served

FOLDER: Final = Path(__file__).parents[3] / "docs" / "images"


class Picture(NamedTuple):
    """One picture. Names in braces: addresses of the seeded desk (`take`). `press`: a key before it is taken."""

    name: str
    login: str | None
    path: str
    size: tuple[int, int] = DESKTOP
    language: str = "en"
    scheme: str = "light"
    press: str | None = None


PICTURES: Final = (
    Picture("sign-in", None, "/sign-in"),
    Picture("queues", "rhian", "/queues"),
    Picture("review", "rhian", "{held}"),
    Picture("review-dark-cy", "rhian", "{held}", language="cy", scheme="dark"),
    Picture("review-phone", "rhian", "{held}", PHONE),
    Picture("review-phone-cy", "rhian", "{held}", PHONE, "cy"),
    Picture("shortcuts", "rhian", "{held}", press="?"),
    Picture("observation-phone-cy", "rhian", "{observation}", PHONE, "cy"),
    Picture("supervisor", "sian", "/"),
    Picture("open-items", "sian", "/work"),
    Picture("spot-check", "sian", "/checks/ask"),
    Picture("workload-cy", "sian", "/workload", language="cy"),
    Picture("scorecard", "gwen", "/scorecards/phone/1"),
    Picture("frame-cy", "gwen", "/frames/contact-centre/1", language="cy"),
    Picture("result", "owain", "/reviews/1"),
    Picture("trends", "gwen", "/trends?by=team", (1280, 1420)),
    Picture("trends-colleagues-cy", "gwen", "/trends/colleagues", (1280, 1400), "cy", "dark"),
    Picture("trends-criteria", "gwen", "/trends/criteria?by=team", (1280, 1240)),
    Picture("alert", "gwen", "{alert}", (1280, 1260)),
    Picture("coverage-phone", "gwen", "/coverage", PHONE),
    Picture("audit", "admin", "/audit?verify=true"),
)


def take(browser: Browser, one: SeededDesk, folder: Path) -> list[Path]:
    """All pictures of the desk, as desk-NAME.png."""
    view = one.desk.queues.claim_next(one.actors["rhian"], "chat-service")
    assert view is not None
    assert view.lease is not None
    half = complete_draft(view)
    half = type(half)(half.ratings[:5], half.strengths, (), half.time_spent_s)
    one.desk.queues.save_draft(one.actors["rhian"], view.task.number, view.lease.token, half)
    (planned,) = one.desk.observations.planned(one.actors["sian"])
    addresses = {
        "held": f"/tasks/{view.task.number}",
        "observation": f"/observations/{planned.observation_id}",
        "alert": f"/alerts/{key_of(FALL.alert()['alert_id'])}",
    }
    made = []
    for picture in PICTURES:
        page = _page(browser, one, picture, picture.path.format(**addresses))
        made.append(folder / f"desk-{picture.name}.png")
        page.screenshot(path=made[-1], animations="disabled", caret="hide")
        page.context.close()
    return made


def _page(browser: Browser, one: SeededDesk, picture: Picture, path: str) -> Page:
    page = context(browser, one, picture.size, picture.language).new_page()
    page.clock.set_fixed_time(NOW)
    page.emulate_media(color_scheme="dark" if picture.scheme == "dark" else "light")
    if picture.login is None:
        page.goto(one.url + path)
    else:
        sign_in(page, one, picture.login, path)
    page.wait_for_selector("html.scripted")
    page.wait_for_function("[...document.images].every((one) => one.complete)")
    if picture.press is not None:
        page.keyboard.press(picture.press)
    return page


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept, served(Path(kept)) as one, chromium() as browser:
        for file in take(browser, one, folder):
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
