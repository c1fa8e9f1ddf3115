"""An alert from the list to its resolution, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from desk.outbox import waiting
from tests.e2e.desk.conftest import PageOf
from tests.e2e.desk.seed import SeededDesk

pytestmark = pytest.mark.e2e


def test_an_alert_is_looked_at_and_resolved_with_a_reason(page_of: PageOf, site: SeededDesk) -> None:
    page = page_of("sian", "/alerts")
    page.get_by_role("link", name="Team cardiff-service").click()
    picture = page.get_by_role("img", name="Scores, and the evidence that they fell")
    expect(picture).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="I look at it").click()
    expect(page.get_by_text("You have acknowledged the alert.")).to_be_visible()
    page.get_by_label("Why it is done with").fill("A new script was read out; it is withdrawn.")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("A new script was read out; it is withdrawn.")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    with site.database.read() as session:
        assert waiting(session) >= 2
    trail = [one.action for one in site.desk.audit.entries(site.actors["admin"]) if one.action.startswith("alert.")]
    assert trail == ["alert.resolve", "alert.acknowledge"]


def test_filters_lead_from_the_form_into_the_address_and_the_picture(page_of: PageOf) -> None:
    page = page_of("gwen", "/trends")
    page.get_by_text("Only some of it").click()
    page.get_by_label("Team", exact=True).select_option("cardiff-service")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**team=cardiff-service**")
    expect(page.get_by_text("the intervals do not meet")).to_be_visible()
    with page.expect_download() as kept:
        page.get_by_role("link", name="Numbers (CSV) Quality over time").click()
    assert kept.value.suggested_filename == "tafol-trend.csv"
    assert kept.value.path().read_text().startswith("period_start,mean_0_100,lower_0_100")


def test_while_the_analytics_store_is_away_the_rest_goes_on(page_of: PageOf, site: SeededDesk) -> None:
    site.clickhouse.away = True
    page = page_of("sian", "/alerts")
    expect(page.get_by_role("heading", name="The analytics store does not answer just now")).to_be_visible()
    page.get_by_role("link", name="Queues").first.click()
    expect(page.get_by_role("heading", name="Queues", exact=True)).to_be_visible()
