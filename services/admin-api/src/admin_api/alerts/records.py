"""The records of the bucket `alerts`, as the tables say they are. Imported by `configuration.records`."""

from collections.abc import Collection

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.alerts import repository
from admin_api.alerts.models import AlertPolicyRow, AlertTransportRow
from common.events.alerts import TRANSPORT_KEY, AlertPolicy, Smtp, Transport, Webhook


async def read_alerts(session: AsyncSession, keys: Collection[str] | None) -> dict[str, bytes]:
    """Everything that should be in the bucket, or of it what is under these keys."""
    found = {row.id: msgspec.json.encode(_policy(row)) for row in await repository.policies(session, keys)}
    transport = await repository.find_transport(session) if keys is None or TRANSPORT_KEY in keys else None
    if transport is not None:
        found[TRANSPORT_KEY] = msgspec.json.encode(_transport(transport))
    return found


def _policy(row: AlertPolicyRow) -> AlertPolicy:
    return AlertPolicy(
        enabled=row.enabled,
        emails=row.emails,
        webhooks=[Webhook(id=each.id, url=each.url, format=each.format, secret=each.secret) for each in row.webhooks],
        cooldown_seconds=row.cooldown_seconds,
    )


def _transport(row: AlertTransportRow) -> Transport:
    smtp = None
    if row.smtp_host is not None:
        smtp = Smtp(
            host=row.smtp_host,
            port=row.smtp_port,
            security=row.smtp_security,
            from_address=row.smtp_from,
            username=row.smtp_username,
            password=row.smtp_password,
            timeout_seconds=row.smtp_timeout_ms / 1000,
        )
    return Transport(smtp=smtp, webhook_timeout_seconds=row.webhook_timeout_ms / 1000, max_retries=row.max_retries)
