"""Budgets and alerts in a real browser, up to a webhook that a real receiver gets."""

import pytest
from playwright.async_api import Page, expect
from standardwebhooks import Webhook as Verifier
from tests.servers.webhooks import Reply, WebhookReceiver

pytestmark = [pytest.mark.timeout(300)]


async def test_a_budget_is_made_changed_and_deleted(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Budgets").click()
    await page.get_by_role("button", name="Create budget").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Create budget").click()
    await expect(dialog.get_by_text("Give the budget a name.")).to_be_visible()
    await dialog.get_by_label("Name").fill("Pilot")
    await dialog.get_by_label("Amount in USD").fill("1250.50")
    await dialog.get_by_label("Tell people also at (%)").fill("50, 95")
    await dialog.get_by_role("button", name="Create budget").click()
    row = page.get_by_role("row", name="Pilot")
    await expect(row).to_contain_text("of $1,250.50")
    await expect(row).to_contain_text("In force")
    await row.get_by_role("button", name="Edit").click()
    await expect(dialog.get_by_label("Tell people also at (%)")).to_have_value("50, 95")
    await dialog.get_by_label("Amount in USD").fill("2000")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("of $2,000.00")
    await row.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete budget").click()
    await expect(row).to_have_count(0)


async def test_a_webhook_is_added_tried_out_and_removed(signed_in: Page) -> None:
    page = signed_in
    with WebhookReceiver() as receiver:
        await page.get_by_role("link", name="Alerts", exact=True).click()
        await page.get_by_label("E-mail address or webhook URL").fill(receiver.url)
        await page.get_by_role("button", name="Add", exact=True).click()
        secret = (await page.get_by_role("region", name="Secret").inner_text()).strip()
        await page.get_by_role("button", name="I have copied it").click()
        assert secret not in await page.content(), "the secret is shown once"
        await page.get_by_role("button", name="Send test").click()
        await expect(page.get_by_text("The test has arrived")).to_be_visible()
        Verifier(secret).verify(receiver.received[0].body, receiver.received[0].headers)
        await expect(page.get_by_role("row", name="This is a test").first).to_contain_text("Delivered")
        receiver.replies.append(Reply(500))
        await page.get_by_role("button", name="Send test").click()
        await expect(page.get_by_text("The test failed: it answered 500")).to_be_visible()
        await page.get_by_role("button", name=f"Remove {receiver.url}").click()
        await expect(page.get_by_role("button", name="Send test")).to_have_count(0)
