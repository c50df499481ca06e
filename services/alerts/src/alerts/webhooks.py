"""Calling one webhook, signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
`v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. The id is the delivery's, the same for each attempt.

The host's address is looked up once, checked and then called, so a name that changes leads nowhere else; redirects are not
followed.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
from typing import Final
from urllib.parse import urlsplit

import httpx

from alerts.outcome import Outcome
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError
from common.events.alerts import Webhook, webhook_secret_purpose
from common.outbound_url import UnsafeUrlError, public_addresses

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how one begins
_USER_AGENT: Final = "open-model-gateway-alerts"
_GONE: Final = 410
_LONGEST_RETRY_AFTER_S: Final = 3600.0


class WebhookCaller:
    def __init__(self, *, sealer: Sealer, clock: Clock, allow_private: bool) -> None:
        self._sealer = sealer
        self._clock = clock
        self._allow_private = allow_private
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, verify=ssl.create_default_context())

    async def close(self) -> None:
        await self._client.aclose()

    async def call(self, webhook: Webhook, body: bytes, *, delivery_id: str, timeout: float) -> Outcome:
        """2xx is success; whatever the answer holds is not read."""
        try:
            secret = self._sealer.open(webhook.secret, purpose=webhook_secret_purpose(webhook.id))
            addresses = await public_addresses(webhook.url, allow_private=self._allow_private, timeout=timeout)
        except SealingError:
            return Outcome("the webhook's secret cannot be opened: its encryption key is not configured")
        except UnsafeUrlError as error:
            return Outcome(f"the URL is not called: {error}")
        request = self._request(webhook.url, addresses[0], body, timeout=timeout)
        request.headers.update(self._signature(delivery_id, body, secret))
        try:
            async with asyncio.timeout(timeout):  # of all of it: httpx counts from one byte to the next
                response = await self._client.send(request, stream=True)
                await response.aclose()
        except (httpx.TimeoutException, TimeoutError):
            return Outcome(f"no answer within {timeout:g} s")
        except (httpx.HTTPError, OSError) as error:
            return Outcome(f"it cannot be reached: {type(error).__name__}")
        code = response.status_code
        if response.is_success:
            return Outcome(status_code=code)
        if response.is_redirect:
            return Outcome(f"it answered {code}: redirects are not followed", code)
        return Outcome(f"it answered {code}", code, final=code == _GONE, retry_after=_retry_after(response))

    def _request(self, url: str, address: str, body: bytes, *, timeout: float) -> httpx.Request:
        """To the address, with the name in `Host` and, over TLS, in the certificate that is asked for."""
        parts = urlsplit(url)
        host = f"[{address}]" if ":" in address else address
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        return self._client.build_request(
            "POST",
            parts._replace(netloc=netloc).geturl(),
            content=body,
            headers={"host": parts.netloc, "content-type": "application/json", "user-agent": _USER_AGENT},
            timeout=timeout,
            extensions={"sni_hostname": parts.hostname or ""},
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


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return min(float(value), _LONGEST_RETRY_AFTER_S) if value.isascii() and value.isdigit() else None
