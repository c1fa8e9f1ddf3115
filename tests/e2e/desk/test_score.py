"""The score that the page's script shows is scoring rule 1, whatever is rated."""

from __future__ import annotations

import random
from typing import Any

import pytest
from playwright.sync_api import Page

from schemas.scorecard import ERROR_CLASSES, Scorecard
from schemas.scoring import score
from tafol.documents import read_scorecard
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import EXAMPLES, SCORECARDS_OF

pytestmark = pytest.mark.e2e


def in_the_browser(page: Page, card: Scorecard, values: list[float | None]) -> dict[str, Any]:
    criteria = [
        {
            "weight": one.weight,
            "lowest": one.scale.lowest,
            "highest": one.scale.highest,
            "errorClass": one.error_class or "",
        }
        for one in card.criteria
    ]
    rules = {
        one: {"effect": card.critical_rule(one).effect, "cap": card.critical_rule(one).cap_0_100}
        for one in ERROR_CLASSES
    }
    found: dict[str, Any] = page.evaluate(
        "async ([criteria, values, rules]) => (await import('/static/score.js')).scoreOf(criteria, values, rules)",
        [criteria, values, rules],
    )
    return found


@pytest.mark.parametrize("name", SCORECARDS_OF.values())
def test_script_and_rule_agree(name: str, page_of: PageOf) -> None:
    card = read_scorecard(EXAMPLES / f"{name}.yaml")
    page = page_of(None, "/sign-in")
    chance = random.Random(name)
    for _ in range(60):
        values: list[float | None] = [
            None
            if one.na_allowed and chance.random() < 0.3
            else float(chance.randint(one.scale.lowest, one.scale.highest))
            for one in card.criteria
        ]
        expected = score(values, card)
        found = in_the_browser(page, card, values)
        assert found["total"] == pytest.approx(expected.total_0_100)
        assert set(found["errors"]) == set(expected.critical_errors)
