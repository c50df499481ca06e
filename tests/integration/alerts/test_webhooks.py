"""Webhooks: signed, tried again, and never led to where they must not go."""

from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from tests.integration.alerts.conftest import SECRET, Alerts, Eventually, webhook
from tests.servers.certificates import Authority
from tests.servers.webhooks import Reply, WebhookReceiver

from common.events.alerts import TRANSPORT_KEY, AlertPolicy, Transport

pytestmark = pytest.mark.usefixtures("_soon")

QUICK = Transport(webhook_timeout_seconds=0.5, max_retries=3)


async def test_the_receiver_can_verify_what_it_gets(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.policy(hook)
    await alerts.cross()
    await eventually(lambda: hook.received)
    (received,) = hook.received
    body: Any = Verifier(SECRET).verify(received.body, received.headers)
    assert body["type"] == "budget.threshold_crossed"
    data = body["data"]
    assert (data["tenant"], data["spend_usd"], data["limit_usd"]) == ({"id": "tnt_1", "name": "Research"}, "8.25", "10")
    assert data["link"] == "https://portal.example/budgets"
    assert (received.path, received.headers["host"]) == ("/hook", f"127.0.0.1:{hook.port}")
    with pytest.raises(Exception, match="signature"):
        Verifier(SECRET).verify(received.body + b" ", received.headers)


async def test_a_failing_receiver_is_tried_again_under_the_same_id(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.put(TRANSPORT_KEY, QUICK)
    await alerts.policy(hook)
    hook.replies += [Reply(500), Reply(after=1.0), Reply(hang_up=True)]
    await alerts.cross()

    async def is_delivered() -> bool:
        return await alerts.deliveries() == ["delivered"]

    await eventually(is_delivered)
    assert len({each.headers["webhook-id"] for each in hook.received}) == 1
    assert await alerts.attempts() == [
        "it answered 500",
        "no answer within 0.5 s",
        "it cannot be reached: RemoteProtocolError",
        None,
    ]


async def test_it_is_given_up_after_as_many_tries_as_are_set(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.put(TRANSPORT_KEY, QUICK)
    await alerts.policy(hook)
    hook.replies += [Reply(503)] * 9
    await alerts.cross()

    async def is_given_up() -> bool:
        return await alerts.deliveries() == ["failed"]

    await eventually(is_given_up)
    assert await alerts.attempts() == ["it answered 503"] * 4


async def test_gone_is_not_tried_again(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    await alerts.policy(hook)
    hook.replies.append(Reply(410))
    await alerts.cross()

    async def is_given_up() -> bool:
        return await alerts.deliveries() == ["failed"]

    await eventually(is_given_up)
    assert await alerts.attempts() == ["it answered 410"]


async def test_when_to_try_again_is_the_receivers_to_say(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.policy(hook)
    hook.replies.append(Reply(429, headers=(("Retry-After", "600"),)))
    await alerts.cross()

    async def was_tried() -> bool:
        return len(await alerts.attempts()) == 1

    await eventually(was_tried)
    (row,) = await alerts.rows("SELECT extract(epoch FROM next_attempt_at - now()) FROM alerts.deliveries")
    assert 500 < row[0] <= 600


async def test_a_redirect_is_not_followed(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    with WebhookReceiver() as inside:
        await alerts.put(TRANSPORT_KEY, Transport(webhook_timeout_seconds=0.5, max_retries=0))
        await alerts.policy(hook)
        hook.replies.append(Reply(302, headers=(("Location", inside.url),)))
        await alerts.cross()

        async def is_given_up() -> bool:
            return await alerts.deliveries() == ["failed"]

        await eventually(is_given_up)
        assert inside.received == []
    assert await alerts.attempts() == ["it answered 302: redirects are not followed"]


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{port}/hook", "https://localhost:{port}/hook", "https://[::ffff:127.0.0.1]:{port}/hook"]
)
async def test_a_private_address_is_not_called(
    idle: Alerts, hook: WebhookReceiver, eventually: Eventually, url: str
) -> None:
    """Also one that was public when it was saved: what counts is what it resolves to now."""
    await idle.start(allow_private_webhooks=False)
    await idle.put(TRANSPORT_KEY, Transport(max_retries=0))
    await idle.put("default", AlertPolicy(webhooks=[webhook(hook, url=url.format(port=hook.port))]))
    await idle.cross()

    async def is_given_up() -> bool:
        return await idle.deliveries() == ["failed"]

    await eventually(is_given_up)
    assert hook.received == []
    (error,) = await idle.attempts()
    assert error is not None
    assert "leads to a private address" in error


async def test_over_tls_the_name_counts_though_the_address_is_called(
    idle: Alerts, authority: Authority, eventually: Eventually
) -> None:
    with WebhookReceiver(context=authority.server_context("localhost")) as right:
        with WebhookReceiver(context=authority.server_context("other.example")) as wrong:
            await idle.start(webhook_max_retries=0)
            targets = [webhook(each, url=f"https://localhost:{each.port}/hook") for each in (right, wrong)]
            await idle.put("default", AlertPolicy(webhooks=targets))
            await idle.cross()

            async def is_done() -> bool:
                return sorted(await idle.deliveries()) == ["delivered", "failed"]

            await eventually(is_done)
        assert len(right.received) == 1
        assert right.received[0].headers["host"] == f"localhost:{right.port}"
        assert wrong.received == []


async def test_slack_gets_its_own_shape(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    await alerts.put("default", AlertPolicy(webhooks=[webhook(hook, form="slack")]))
    await alerts.cross()
    await eventually(lambda: hook.received)
    assert b'"blocks"' in hook.received[0].body


async def test_the_documented_check_accepts_ours_and_nothing_else(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()
    program = page.split("<!-- tested: verify -->\n```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(program, names)
    await alerts.policy(hook)
    await alerts.cross()
    await eventually(lambda: hook.received)
    (received,) = hook.received
    assert names["is_ours"](received.body, received.headers, SECRET)
    assert not names["is_ours"](received.body + b" ", received.headers, SECRET)
    assert not names["is_ours"](received.body, received.headers | {"webhook-id": "dlv_2"}, SECRET)
    assert not names["is_ours"](received.body, received.headers | {"webhook-timestamp": "1"}, SECRET)
