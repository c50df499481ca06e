"""Prices over time in a real browser."""

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.timeout(300)]


async def test_prices_are_changed_scheduled_and_taken_back(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Models").click()
    card = page.get_by_role("region", name="demo")
    await card.get_by_role("button", name="Prices of").first.click()
    drawer = page.get_by_role("dialog")
    rows = drawer.get_by_role("row")
    await expect(rows.filter(has_text="In force")).to_have_count(1)
    # Textboxes: the names of kinds are also in the table.
    await drawer.get_by_role("textbox", name="Input tokens optional", exact=True).fill("cheap")
    await drawer.get_by_role("button", name="Save prices").click()
    await expect(drawer.get_by_text("Enter a number, for example 0.15.")).to_be_visible()
    await drawer.get_by_role("textbox", name="Input tokens optional", exact=True).fill("0.25")
    await drawer.get_by_label("From").fill("2030-01-01T00:00")
    await drawer.get_by_role("button", name="Save prices").click()
    scheduled = rows.filter(has_text="Scheduled")
    await expect(scheduled).to_contain_text("Input tokens $0.25")
    await expect(card).to_contain_text("Other prices from")
    await scheduled.get_by_role("button", name="Take back").click()
    await expect(scheduled).to_have_count(0)
    await expect(card.get_by_text("Other prices from")).to_have_count(0)
