"""Stored scripts: a name that somebody chose is shown as text, wherever it is shown."""

from typing import Protocol

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.timeout(300)]

NAME = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


class Stack(Protocol):
    """What the fixture `stack` gives."""

    @property
    def portal_url(self) -> str: ...


async def test_a_name_with_a_script_in_it_is_only_a_name(signed_in: Page, stack: Stack) -> None:
    """The fixture `page` fails besides when the security policy has to stop anything."""
    page = signed_in
    await page.goto(f"{stack.portal_url}/tenants")
    await page.get_by_role("button", name="Create tenant").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill(NAME)
    await dialog.get_by_role("button", name="Create tenant").click()
    await expect(page.get_by_role("cell", name=NAME)).to_be_visible()
    for path in ("/audit", "/api-keys", "/budgets"):
        await page.goto(f"{stack.portal_url}{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    assert await page.evaluate("window.hacked") is None
