"""Who is to be told, and how: the KV bucket `alerts`, followed. What nobody has set there is as the process was configured.

Failure policy: NATS away: what was last heard holds. Nothing is decided or sent before the bucket was read once, for else people
would not be told of what happened while this service was starting. A record that cannot be read is as good as none
(`omg_alerts_bad_records_total`).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from prometheus_client import Counter

from common.bus.buckets import BucketFollower
from common.bus.connection import Bus
from common.events.alerts import DEFAULT_POLICY_KEY, TRANSPORT_KEY, AlertPolicy, Channel, Smtp, Transport, Webhook
from common.events.subjects import ALERTS_BUCKET
from common.logging import get_logger

T = TypeVar("T")

_log = get_logger(__name__)
_bad = Counter("omg_alerts_bad_records_total", "Records of destinations that could not be used.")


@dataclass(frozen=True, slots=True)
class Destination:
    """One address. `webhook` is what a webhook is, as a delivery keeps it; its secret is sealed."""

    channel: Channel
    address: str
    webhook: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Configured:
    """As this process was configured. The password of `smtp`, unlike one from the bucket, is not sealed, and kept apart."""

    transport: Transport
    policy: AlertPolicy
    smtp_password: str | None = None


class Destinations:
    """`run` in the background."""

    def __init__(self, bus: Bus, configured: Configured) -> None:
        self._configured = configured
        self._policies: dict[str, AlertPolicy] = {}
        self._transport: Transport | None = None
        self.loaded = asyncio.Event()
        self._follower = BucketFollower(
            bus=bus, bucket=ALERTS_BUCKET, on_content=self._on_content, on_change=self._on_change
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._follower.run()

    @property
    def transport(self) -> Transport:
        return self._transport or self._configured.transport

    @property
    def smtp(self) -> tuple[Smtp | None, str | None]:
        """How mail leaves, and the password if it is not sealed. Nulls: it does not."""
        if self._transport is not None and self._transport.smtp is not None:
            return self._transport.smtp, None
        return self._configured.transport.smtp, self._configured.smtp_password

    def policy_of(self, tenant_id: str | None) -> AlertPolicy:
        """The tenant's, else the installation's, else as configured."""
        default = self._policies.get(DEFAULT_POLICY_KEY, self._configured.policy)
        return default if tenant_id is None else self._policies.get(tenant_id, default)

    def of(self, policy: AlertPolicy) -> list[Destination]:
        """Each address once."""
        emails = [Destination("email", address) for address in dict.fromkeys(policy.emails)]
        return emails + [self.of_webhook(each) for each in {each.url: each for each in policy.webhooks}.values()]

    def of_webhook(self, webhook: Webhook) -> Destination:
        return Destination("webhook", webhook.url, msgspec.to_builtins(webhook))

    def webhook(self, policy_key: str, webhook_id: str) -> Webhook | None:
        policy = self._policies.get(policy_key)
        return next((each for each in policy.webhooks if each.id == webhook_id), None) if policy else None

    async def _on_content(self, content: Mapping[str, bytes]) -> None:
        self._policies, self._transport = {}, None
        for key, value in content.items():
            self._on_change(key, value)
        self.loaded.set()

    def _on_change(self, key: str, value: bytes | None) -> None:
        if key == TRANSPORT_KEY:
            self._transport = None if value is None else _read(key, value, Transport)
            return
        policy = None if value is None else _read(key, value, AlertPolicy)
        if policy is None:
            self._policies.pop(key, None)
        else:
            self._policies[key] = policy


def _read(key: str, value: bytes, shape: type[T]) -> T | None:
    try:
        return msgspec.json.decode(value, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _bad.inc()
        _log.error("a record of destinations cannot be read", key=key, reason=str(error))
        return None
