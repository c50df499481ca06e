"""People, keys, limits, settings and the health of the gateway in a real browser."""

import json

import httpx
import pytest
from playwright.async_api import Page, expect
from standardwebhooks import Webhook as Verifier
from tests.e2e.conftest import Stack
from tests.servers.webhooks import WebhookReceiver

pytestmark = [pytest.mark.timeout(300)]

HELLO = {"model": "demo", "messages": [{"role": "user", "content": "x"}], "max_tokens": 4}


async def ask(stack: Stack, secret: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        headers = {"authorization": f"Bearer {secret}"}
        return await client.post(f"{stack.gateway_url}/v1/chat/completions", json=HELLO, headers=headers)


async def made(page: Page, stack: Stack, path: str, **body: object) -> dict[str, str]:
    """What the Admin API makes for the person who is signed in."""
    reply = await page.context.request.post(f"{stack.portal_url}{path}", data=body)
    assert reply.status == 201, await reply.text()
    answer: dict[str, str] = await reply.json()
    return answer


async def test_a_key_is_limited_tagged_given_another_secret_and_suspended(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    tenant = await made(page, stack, "/admin/tenants", name="Key holders")
    key = await made(page, stack, f"/admin/tenants/{tenant['id']}/api-keys", name="nightly")
    await page.goto(f"{stack.portal_url}/api-keys?tenant={tenant['id']}")
    edit = page.get_by_role("button", name="Edit nightly")
    drawer = page.get_by_role("dialog", name="nightly", exact=True)

    await edit.click()
    await drawer.get_by_label("Tags").fill("team")
    await drawer.get_by_role("button", name="Save key").click()
    await expect(drawer.get_by_text("Up to 16 tags")).to_be_visible()
    await drawer.get_by_label("Tags").fill("team=search")
    await drawer.get_by_label("Every operation").uncheck()
    await drawer.get_by_label("embeddings").check()
    await drawer.get_by_label("chat", exact=True).uncheck()
    await drawer.get_by_role("button", name="Save key").click()
    await expect(drawer).to_have_count(0)
    refused = await ask(stack, key["secret"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_not_allowed")

    await edit.click()
    await expect(drawer.get_by_label("Tags")).to_have_value("team=search")
    await drawer.get_by_label("Every operation").check()
    await drawer.get_by_role("button", name="Save key").click()
    await expect(drawer).to_have_count(0)
    assert (await ask(stack, key["secret"])).status_code == 200

    await edit.click()
    await drawer.get_by_role("button", name="Limits").click()
    limits = page.get_by_role("dialog", name="Limits of “nightly”")
    await limits.get_by_label("Requests per minute").fill("0")
    await limits.get_by_role("button", name="Save limits").click()
    await expect(limits).to_have_count(0)
    assert (await ask(stack, key["secret"])).status_code == 429
    await drawer.get_by_role("button", name="Limits").click()
    await expect(limits.get_by_label("Requests per minute")).to_have_value("0")
    await limits.get_by_label("Requests per minute").fill("")
    await limits.get_by_role("button", name="Save limits").click()
    await expect(limits).to_have_count(0)
    assert (await ask(stack, key["secret"])).status_code == 200

    await drawer.get_by_label("The present secret ends").select_option("At once")
    await drawer.get_by_role("button", name="Make a new secret").click()
    secret = await page.get_by_test_id("api-key-secret").inner_text()
    await page.get_by_role("button", name="I have copied it").click()
    assert (await ask(stack, secret)).status_code == 200
    assert (await ask(stack, key["secret"])).status_code == 401

    await edit.click()
    await drawer.get_by_role("button", name="Suspend").click()
    await expect(page.get_by_role("row", name="nightly")).to_contain_text("Suspended")
    assert (await ask(stack, secret)).status_code == 401


async def test_the_limits_of_a_tenant_hold_for_its_keys(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    tenant = await made(page, stack, "/admin/tenants", name="Limited")
    key = await made(page, stack, f"/admin/tenants/{tenant['id']}/api-keys", name="any")
    await page.goto(f"{stack.portal_url}/tenants")
    await page.get_by_role("row", name="Limited").get_by_role("button", name="Limits").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Limit one model").click()
    await dialog.get_by_label("Model", exact=True).fill("demo")
    await dialog.get_by_label("Tokens per minute").last.fill("one")
    await dialog.get_by_role("button", name="Save limits").click()
    await expect(dialog.get_by_text("A limit is a whole number")).to_be_visible()
    await dialog.get_by_label("Tokens per minute").last.fill("1")
    await dialog.get_by_role("button", name="Save limits").click()
    await expect(dialog).to_have_count(0)
    assert (await ask(stack, key["secret"])).status_code == 429


async def test_a_person_is_invited_given_a_role_and_disabled(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    person = {"email": "pat@example.com", "name": "Pat", "password": "a long enough one"}
    await made(page, stack, "/admin/users", **person)
    await page.get_by_role("link", name="People").click()
    row = page.get_by_role("row", name="pat@example.com")
    await row.get_by_role("combobox").select_option("Auditor")
    await page.reload()
    await expect(row.get_by_role("combobox")).to_have_value("auditor")
    await row.get_by_role("button", name="Disable Pat").click()
    await expect(row).to_contain_text("Disabled")
    await row.get_by_role("button", name="Password link").click()
    await expect(page.get_by_role("alert")).to_be_visible()

    await page.get_by_label("E-mail").fill("new@example.com")
    await page.get_by_role("button", name="Invite").click()
    link = await page.get_by_role("region", name="Link").inner_text()
    assert link.strip().startswith(f"{stack.portal_url}/invitation#")
    await page.get_by_role("button", name="I have copied it").click()
    await page.get_by_role("button", name="Withdraw the invitation of new@example.com").click()
    await expect(page.get_by_role("row", name="new@example.com")).to_have_count(0)


async def test_a_directory_gets_a_token_and_its_groups_get_roles(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    await page.get_by_role("link", name="People").click()
    await page.get_by_label("Name of the directory").fill("Okta")
    await page.get_by_role("button", name="Create token").click()
    token = (await page.get_by_role("region", name="Token").inner_text()).strip()
    await page.get_by_role("button", name="I have copied it").click()
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Engineers"}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{stack.portal_url}/scim/v2/Groups", content=json.dumps(group), headers=headers)
        assert reply.status_code == 201, reply.text
        await page.reload()
        await page.get_by_role("button", name="Edit the roles of Engineers").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Platform role").select_option("Auditor")
        await dialog.get_by_label("Add a tenant").select_option(index=1)
        await dialog.get_by_role("button", name="Save roles").click()
        row = page.get_by_role("row", name="Engineers")
        await expect(row).to_contain_text("auditor")
        await expect(row).to_contain_text("member of")
        await page.get_by_role("button", name="Revoke Okta").click()
        await expect(page.get_by_role("button", name="Revoke Okta")).to_have_count(0)
        assert (await client.get(f"{stack.portal_url}/scim/v2/Groups", headers=headers)).status_code == 401


async def test_settings_are_saved_and_shown_again(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Settings").click()
    budget = page.get_by_role("region", name="Default budget")
    await budget.get_by_label("Amount in USD").fill("much")
    await budget.get_by_role("button", name="Save").click()
    await expect(budget.get_by_text("An amount in US dollars")).to_be_visible()
    await budget.get_by_label("Amount in USD").fill("99.50")
    await budget.get_by_role("button", name="Save").click()
    await expect(budget.get_by_role("button", name="Have none")).to_be_visible()

    tenants = page.get_by_role("region", name="Tenants")
    days = tenants.get_by_label("Days until a deleted tenant")
    before = await days.input_value()
    await days.fill("45")
    await tenants.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Settings saved")).to_be_visible()

    mail = page.get_by_role("region", name="Mail server")
    await mail.get_by_label("Host").fill("smtp.example.com")
    await mail.get_by_label("User name").fill("gateway")
    await mail.get_by_label("Password").fill("a secret of the mail server")
    await mail.get_by_label("From").fill("gateway@example.com")
    await mail.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Mail server saved")).to_be_visible()

    await page.get_by_role("button", name="Edit limits").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Calls at once").fill("1000")
    await dialog.get_by_role("button", name="Save limits").click()
    await expect(dialog).to_have_count(0)

    await page.reload()
    await expect(budget.get_by_label("Amount in USD")).to_have_value("99.5")
    await expect(days).to_have_value("45")
    await expect(mail.get_by_label("Host")).to_have_value("smtp.example.com")
    await expect(mail.get_by_label("Password")).to_have_value("")
    assert "a secret of the mail server" not in await page.content()
    await page.get_by_role("button", name="Edit limits").click()
    await expect(dialog.get_by_label("Calls at once")).to_have_value("1000")
    await dialog.get_by_label("Calls at once").fill("")
    await dialog.get_by_role("button", name="Save limits").click()
    await expect(dialog).to_have_count(0)
    await budget.get_by_role("button", name="Have none").click()
    await expect(budget.get_by_text("There is none")).to_be_visible()
    await days.fill(before)
    await tenants.get_by_role("button", name="Save").click()


async def test_health_shows_dependencies_replicas_and_who_works(signed_in: Page) -> None:
    page = signed_in
    await page.get_by_role("link", name="Health").click()
    await expect(page.get_by_text("All is well")).to_be_visible()
    await expect(page.get_by_role("row", name="postgres")).to_contain_text("ok")
    await expect(page.get_by_role("table", name="Replicas").get_by_role("row")).not_to_have_count(1)
    ledger = page.get_by_role("table", name="Consumers").get_by_role("row", name="ledger")
    await expect(ledger.first).not_to_contain_text("Nobody")


async def test_what_is_shown_can_be_downloaded(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    for path, label, begins in (
        ("/", "Costs", b"BilledCost"),
        ("/calls", "CSV", b"id,"),
        ("/calls", "Parquet", b"PAR1"),
        ("/audit", "JSON lines", b"{"),
    ):
        await page.goto(f"{stack.portal_url}{path}")
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name=label, exact=True).click()
        file = await (await downloading.value).path()
        assert file.read_bytes().startswith(begins), path


async def test_a_tenant_has_alerts_of_its_own(signed_in: Page, stack: Stack) -> None:
    page = signed_in
    me = (await (await page.context.request.get(f"{stack.portal_url}/admin/auth/session")).json())["user"]["id"]
    tenant = await made(page, stack, "/admin/tenants", name="Alerted")
    member = f"{stack.portal_url}/admin/tenants/{tenant['id']}/members/{me}"
    assert (await page.context.request.put(member, data={"role": "owner"})).ok
    try:
        with WebhookReceiver() as receiver:
            await page.goto(f"{stack.portal_url}/my/alerts?tenant={tenant['id']}")
            await page.get_by_label("E-mail address or webhook URL").fill(receiver.url)
            await page.get_by_role("button", name="Add", exact=True).click()
            secret = (await page.get_by_role("region", name="Secret").inner_text()).strip()
            await page.get_by_role("button", name="I have copied it").click()
            await page.get_by_role("button", name="Send test").click()
            await expect(page.get_by_text("The test has arrived")).to_be_visible()
            Verifier(secret).verify(receiver.received[0].body, receiver.received[0].headers)
            await page.get_by_role("button", name="Take the installation").click()
            await expect(page.get_by_text("These are the installation")).to_be_visible()
    finally:
        await page.context.request.delete(member)
