"""What a person does with the portal, in a real browser, against the whole running stack and its real small model."""

import asyncio
import json
import re
import shlex
import time
from typing import Protocol

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.timeout(300)]


class Stack(Protocol):
    """What the fixture `stack` gives."""

    @property
    def portal_url(self) -> str: ...
    @property
    def gateway_url(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def password(self) -> str: ...


class SignIn(Protocol):
    async def __call__(self, page: Page) -> None: ...


async def test_a_key_made_in_the_portal_calls_a_model_and_the_call_appears_with_its_cost(
    signed_in: Page, context: BrowserContext, stack: Stack
) -> None:
    page = signed_in
    await page.get_by_role("link", name="API keys").click()
    await page.get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("browser test")
    await dialog.get_by_role("button", name="Create key").click()
    secret = await page.get_by_test_id("api-key-secret").inner_text()
    assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", secret)
    curl = await page.get_by_label("Try it").inner_text()
    await page.get_by_role("button", name="I have copied it").click()
    await expect(page.get_by_role("row", name="browser test")).to_contain_text("Active")
    assert secret not in await page.content(), "the secret is shown once"

    calls = await context.new_page()
    await calls.goto(f"{stack.portal_url}/calls")
    await expect(calls.get_by_text("Updates every 2 seconds")).to_be_visible()

    answer = await _run(curl)
    assert answer.status_code == 200, answer.text
    assert "data: [DONE]" in answer.text
    row = calls.locator(f'tr[data-call="{answer.headers["x-request-id"]}"]')
    await expect(row).to_be_visible()  # within the timeout, and without a reload
    await expect(row).to_contain_text("browser test")
    await expect(row).to_contain_text("Succeeded")

    await row.click()
    details = calls.get_by_role("dialog")
    await expect(details).to_contain_text(answer.headers["x-request-id"])
    total = details.get_by_role("row", name="Total")
    await expect(total).to_contain_text(re.compile(r"\$0\.0{3,}[1-9]"))
    await expect(details).to_contain_text("The hour from")
    await calls.get_by_role("button", name="Close").click()

    await page.get_by_role("button", name="Revoke browser test").click()
    await page.get_by_role("button", name="Revoke key").click()
    await expect(page.get_by_role("row", name="browser test")).to_contain_text("Revoked")
    revoked_at = time.monotonic()
    while (refused := await _run(curl)).status_code != 401:
        assert time.monotonic() - revoked_at < 2.0, "a revoked key is refused within a second (and some slack)"
    assert refused.json()["error"]["code"] == "invalid_api_key"


async def _run(curl: str) -> httpx.Response:
    """Send what the curl line would, read from its arguments as a shell splits them."""
    arguments = shlex.split(curl.replace("\\\n", " "))
    headers = dict(arguments[i + 1].split(": ", 1) for i, word in enumerate(arguments) if word == "-H")
    body = json.loads(arguments[arguments.index("-d") + 1])
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(arguments[2], headers=headers, json=body | {"max_tokens": 24})


async def test_an_expired_session_leads_to_the_login_and_back_to_the_same_page(
    signed_in: Page, context: BrowserContext, stack: Stack, sign_in: SignIn
) -> None:
    page = signed_in
    await page.goto(f"{stack.portal_url}/calls?model=demo")
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    ended = await context.request.post(f"{stack.portal_url}/admin/auth/logout")
    assert ended.status == 204

    # The list polls, so the page finds out by itself.
    await expect(page.get_by_text("Your session has ended")).to_be_visible()
    await sign_in(page)
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    assert page.url == f"{stack.portal_url}/calls?model=demo"


async def test_a_wrong_password_is_refused_in_words(page: Page, stack: Stack) -> None:
    await page.goto(stack.portal_url)
    await page.get_by_label("E-mail").fill(stack.email)
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_signing_out_ends_the_session(signed_in: Page, context: BrowserContext, stack: Stack) -> None:
    await signed_in.get_by_role("button", name="Sign out").click()
    await expect(signed_in.get_by_label("Password")).to_be_visible()
    session = await context.request.get(f"{stack.portal_url}/admin/auth/session")
    assert session.status == 401


async def test_dark_follows_the_system_and_the_choice_of_a_person_wins_and_is_remembered(signed_in: Page) -> None:
    page = signed_in
    assert await _lightness(page) > 200
    await page.emulate_media(color_scheme="dark")
    assert await _lightness(page) < 60
    await page.get_by_role("radio", name="Light theme").check(force=True)
    assert await _lightness(page) > 200
    await page.get_by_role("radio", name="Dark theme").check(force=True)
    await page.emulate_media(color_scheme="light")
    assert await _lightness(page) < 60
    await page.reload()
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    assert await _lightness(page) < 60


async def _lightness(page: Page) -> float:
    """The mean of red, green and blue of the page's ground, 0 to 255."""
    color: str = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    channels = [float(number) for number in re.findall(r"[\d.]+", color)[:3]]
    return sum(channels) / 3


async def test_a_model_is_added_edited_and_deleted(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Models").click()
    await page.get_by_role("button", name="Add model").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("team/fast")
    await dialog.get_by_label("Provider", exact=True).select_option("openai-compatible")
    await dialog.get_by_label("Provider's model").fill("some-model")
    await dialog.get_by_label("Base URL").fill("http://127.0.0.1:9/v1")
    await dialog.get_by_label("Provider API key").fill("upstream-secret")
    await dialog.get_by_label("Input", exact=True).fill("0.075")
    await dialog.get_by_role("button", name="Add model").click()
    card = page.get_by_role("region", name="team/fast")
    await expect(card).to_contain_text("$0.075")
    await expect(card.get_by_label("A credential is stored")).to_be_visible()

    await page.get_by_role("button", name="Edit team/fast").click()
    await expect(dialog.get_by_label("Provider API key")).to_have_value("")
    await dialog.get_by_label("Output", exact=True).fill("0.3")
    await dialog.get_by_role("button", name="Save").click()
    await expect(card).to_contain_text("$0.30")
    await expect(card.get_by_label("A credential is stored")).to_be_visible()

    await page.get_by_role("button", name="Delete team/fast").click()
    await page.get_by_role("button", name="Delete model").click()
    await expect(card).to_have_count(0)


async def test_a_tenant_is_created_and_suspended(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Tenants").click()
    await page.get_by_role("button", name="Create tenant").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Search team")
    await dialog.get_by_role("button", name="Create tenant").click()
    row = page.get_by_role("row", name="Search team")
    await expect(row).to_contain_text("Active")
    await row.get_by_role("button", name="Suspend").click()
    await page.get_by_role("button", name="Suspend tenant").click()
    await expect(row).to_contain_text("Suspended")


async def test_a_person_joins_by_a_link_and_calls_a_model_with_a_key_of_their_own(
    signed_in: Page, browser: Browser, stack: Stack
) -> None:
    await signed_in.context.request.post(f"{stack.portal_url}/admin/tenants", data={"name": "Guests"})
    await signed_in.goto(f"{stack.portal_url}/tenants")
    await signed_in.get_by_role("row", name="Guests").get_by_role("link", name="Members").click()
    await signed_in.get_by_label("E-mail").fill("guest@example.com")
    await signed_in.get_by_label("Role").select_option("member")
    await signed_in.get_by_role("button", name="Invite").click()
    link = await signed_in.get_by_role("region", name="Link").inner_text()
    await signed_in.get_by_role("button", name="I have copied it").click()
    await expect(signed_in.get_by_role("table", name="Invitations")).to_contain_text("guest@example.com")

    page = await browser.new_page()
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Join Guests")).to_be_visible()
    await page.get_by_label("Name").fill("A guest")
    await page.get_by_label("Password").fill("a password of my own")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", name="Your usage")).to_be_visible()
    await expect(page.get_by_role("link", name="Tenants")).to_have_count(0)

    await page.get_by_role("link", name="Your keys").click()
    await page.get_by_role("button", name="Create key").click()
    await page.get_by_role("dialog").get_by_label("Name").fill("notebook")
    await page.get_by_role("dialog").get_by_role("button", name="Create key").click()
    secret = await page.get_by_test_id("api-key-secret").inner_text()
    await page.get_by_role("button", name="I have copied it").click()
    async with httpx.AsyncClient(base_url=stack.gateway_url, timeout=60) as client:
        body = {"model": "demo", "max_tokens": 8, "messages": [{"role": "user", "content": "Hello"}]}
        reply = await client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {secret}"})
    assert reply.status_code == 200, reply.text

    await page.get_by_role("link", name="Your usage").click()
    row = page.get_by_role("table", name="Usage by model").get_by_role("row", name="demo")
    async with asyncio.timeout(30):
        while not await row.count():
            await page.reload()
            await page.wait_for_timeout(500)
    await expect(row).to_contain_text("1")
    await page.close()

    await signed_in.reload()
    await expect(signed_in.get_by_role("table", name="Members")).to_contain_text("A guest")
    await signed_in.get_by_role("link", name="Audit log").click()
    await expect(signed_in.get_by_role("row", name="session.started").first).to_be_visible()
    await signed_in.get_by_role("button", name=re.compile("Details of api_key.created")).first.click()
    details = signed_in.get_by_role("dialog")
    await expect(details).to_contain_text("notebook")
    assert secret not in await signed_in.content()


async def test_tenants_and_models_are_compared_over_days_of_ones_own(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Compare").click()
    await expect(page.get_by_role("heading", name="Nothing chosen yet")).to_be_visible()
    await page.get_by_label("Add a model").select_option("demo")
    await expect(page.get_by_role("table", name="Totals").get_by_role("row", name="demo")).to_be_visible()

    await page.get_by_text("Custom", exact=True).click()
    await expect(page.get_by_label("Add a model")).to_be_disabled()  # until the range counts that is shown
    await page.get_by_label("First day").fill("2026-01-02")
    await expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    await page.get_by_label("Last day").fill("2026-01-01")
    await expect(page.get_by_text("The last day lies before the first.")).to_be_visible()
    await page.get_by_label("Last day").fill("2026-01-03")
    async with page.expect_request(re.compile(r"/admin/usage/compare\?.*start=2026-01-0")) as asked:
        await page.get_by_role("button", name="Apply").click()
    assert "model_aliases=demo" in (await asked.value).url
    await expect(page.get_by_role("table", name="Totals").get_by_role("row", name="demo")).to_contain_text("$0")
    assert "demo" in page.url, "a comparison can be sent to somebody"


async def test_the_overview_sees_the_whole_stack(signed_in: Page, stack: Stack) -> None:
    health = await (await signed_in.context.request.get(f"{stack.portal_url}/admin/health")).json()

    assert health["status"] == "ok", health
    assert [edge["configured"] for edge in health["edges"]] == [True]
    assert {consumer["name"] for consumer in health["consumers"]} >= {"ledger"}


async def test_the_portal_fits_a_phone(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    await page.set_viewport_size({"width": 390, "height": 844})
    for path, heading in {"/": "Dashboard", "/calls": "Calls", "/api-keys": "API keys", "/models": "Models"}.items():
        await page.goto(f"{stack.portal_url}{path}")
        await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        width: int = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{path} scrolls sideways"


@pytest.mark.parametrize("theme", ["Light theme", "Dark theme"])
async def test_no_page_breaks_a_rule_of_accessibility(signed_in: Page, stack: Stack, axe: str, theme: str) -> None:
    page = signed_in
    await page.emulate_media(reduced_motion="reduce")
    await page.get_by_role("radio", name=theme).check(force=True)
    for path in (
        "/",
        "/calls",
        "/api-keys",
        "/models",
        "/audit",
        "/profile",
        "/my",
        "/my/keys",
        "/my/members",
        "/budgets",
        "/alerts",
        "/my/alerts",
        "/people",
        "/health",
        "/settings",
        "/tenants",
    ):
        await page.goto(f"{stack.portal_url}{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        await _assert_accessible(page, axe, path)
    await page.get_by_role("button", name="Create tenant").click()
    await _assert_accessible(page, axe, "a dialog")


async def _assert_accessible(page: Page, axe: str, where: str) -> None:
    await page.evaluate(axe)
    violations: list[str] = await page.evaluate(
        "axe.run(document).then(({violations}) => violations.map(v => v.id + ': ' + v.nodes[0].html))"
    )
    assert violations == [], where
