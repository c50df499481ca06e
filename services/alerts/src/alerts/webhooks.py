"""Calling one webhook, signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. The id is the delivery's, the same for each attempt.

Where it leads is checked each time (`common.http.outbound`).
"""

import base64
import hashlib
import hmac
from typing import Final

from alerts.outcome import Outcome
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError
from common.events.alerts import Webhook, webhook_secret_purpose
from common.http.outbound import Answer, OutboundClient, OutboundError
from common.outbound_url import UnsafeUrlError

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how one begins
_GONE: Final = 410
_LONGEST_RETRY_AFTER_S: Final = 3600.0


class WebhookCaller:
    def __init__(self, *, sealer: Sealer, clock: Clock, client: OutboundClient) -> None:
        self._sealer = sealer
        self._clock = clock
        self._client = client

    async def call(self, webhook: Webhook, body: bytes, *, delivery_id: str, timeout: float) -> Outcome:
        """2xx is success; whatever the answer holds is not read."""
        try:
            secret = self._sealer.open(webhook.secret, purpose=webhook_secret_purpose(webhook.id))
            headers = {"content-type": "application/json", **self._signature(delivery_id, body, secret)}
            answer = await self._client.call("POST", webhook.url, content=body, headers=headers, timeout=timeout)
        except SealingError:
            return Outcome("the webhook's secret cannot be opened: its encryption key is not configured")
        except UnsafeUrlError as error:
            return Outcome(f"the URL is not called: {error}")
        except OutboundError as error:
            return Outcome(str(error))
        if answer.is_success:
            return Outcome(status_code=answer.status)
        if answer.is_redirect:
            return Outcome(f"it answered {answer.status}: redirects are not followed", answer.status)
        retry_after = _retry_after(answer)
        return Outcome(
            f"it answered {answer.status}", answer.status, final=answer.status == _GONE, retry_after=retry_after
        )

    def _signature(self, delivery_id: str, body: bytes, secret: str) -> dict[str, str]:
        timestamp = str(int(self._clock().timestamp()))
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
        digest = hmac.digest(key, b".".join((delivery_id.encode(), timestamp.encode(), body)), hashlib.sha256)
        return {
            "webhook-id": delivery_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("retry-after", "")
    return min(float(value), _LONGEST_RETRY_AFTER_S) if value.isascii() and value.isdigit() else None
