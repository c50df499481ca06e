"""Signing in with the company's identity provider, in a real browser."""

from typing import Protocol

import pytest
from playwright.async_api import Page, expect
from tests.servers.oidc import OpenIdProvider

pytestmark = [pytest.mark.timeout(300)]


class Stack(Protocol):
    """What the fixture `stack` gives."""

    @property
    def portal_url(self) -> str: ...


async def test_the_companys_people_come_in_without_a_password(page: Page, stack: Stack, idp: OpenIdProvider) -> None:
    """And back to the page that they had asked for."""
    await page.goto(f"{stack.portal_url}/profile")
    await page.get_by_role("link", name="Continue with Example Inc.").click()
    await expect(page).to_have_url(f"{stack.portal_url}/profile")
    await expect(page.get_by_text("ada@example.com").first).to_be_visible()
    assert idp.logins == 1


async def test_who_is_refused_reads_why(page: Page, stack: Stack, idp: OpenIdProvider) -> None:
    idp.claims = {"sub": "s-9", "email": "admin@example.com", "email_verified": False}
    await page.goto(f"{stack.portal_url}/login")
    await page.get_by_role("link", name="Continue with Example Inc.").click()
    await expect(page.get_by_role("alert")).to_contain_text("has not verified your e-mail address")
    await expect(page.get_by_label("Password")).to_be_visible()
