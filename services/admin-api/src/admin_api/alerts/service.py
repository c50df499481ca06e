"""Use cases of alert policies and of how alerts leave. Each is a configuration record of the service alerts."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.alerts import repository
from admin_api.alerts.domain import WEBHOOK_PREFIX, WantedPolicy, WantedSmtp, WantedTransport, WantedWebhook
from admin_api.alerts.models import AlertPolicyRow, AlertTransportRow, AlertWebhookRow
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.tenants.service import existing
from common.clock import Clock
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.events.alerts import (
    DEFAULT_POLICY_KEY,
    SMTP_PASSWORD_PURPOSE,
    TRANSPORT_KEY,
    webhook_secret_purpose,
)
from common.events.subjects import ALERTS_BUCKET
from common.http.errors import InvalidRequestError
from common.ids import new_id
from common.outbound_url import UnsafeUrlError, check_outbound_url

_SECRET_BYTES: Final = 32
_NEW_PASSWORD: Final = "With another host or user name, give the password again (null for none)."  # noqa: S105 - a message


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """`row` null: there is none of its own. `secrets` are those of webhooks that were just made, by id: shown this once."""

    row: AlertPolicyRow | None
    secrets: Mapping[str, str]


async def read_policy(sessions: Sessions, tenant_id: str | None) -> ShownPolicy:
    """A tenant's, or with null the default. Raises `NotFoundError` for a tenant that is not there."""
    async with sessions.begin() as session:
        if tenant_id is not None:
            await existing(session, tenant_id)
        return ShownPolicy(await repository.find_policy(session, tenant_id or DEFAULT_POLICY_KEY), {})


async def put_policy(
    sessions: Sessions,
    tenant_id: str | None,
    wanted: WantedPolicy,
    *,
    clock: Clock,
    propagation: Propagation,
    sealer: Sealer,
    allow_private: bool,
) -> ShownPolicy:
    """Make it what is wanted: webhooks that are not named go. In force when this returns.

    Raises `NotFoundError`, `InvalidRequestError` (a URL that must not be called, a webhook that is not there), `NotInForceError`.
    """
    propagation.check()
    for place, webhook in enumerate(wanted.webhooks):
        await _check_url(webhook.url, place, allow_private=allow_private)
    policy_id, now = tenant_id or DEFAULT_POLICY_KEY, clock()
    secrets: dict[str, str] = {}
    async with sessions.begin() as session:
        await records.hold(session, ALERTS_BUCKET, policy_id)
        if tenant_id is not None:
            await existing(session, tenant_id)
        row = await repository.find_policy(session, policy_id)
        if row is None:
            row = AlertPolicyRow(id=policy_id, tenant_id=tenant_id, webhooks=[])
            session.add(row)
        row.enabled, row.emails, row.updated_at = wanted.enabled, list(wanted.emails), now
        row.cooldown_seconds = wanted.cooldown_seconds
        with session.no_autoflush:
            row.webhooks = _webhooks(row, wanted.webhooks, secrets, sealer=sealer, now=now)
        ids = await records.emit(session, ALERTS_BUCKET, policy_id)
    await propagation.wait(ids)
    return ShownPolicy(row, secrets)


async def delete_policy(sessions: Sessions, tenant_id: str | None, *, propagation: Propagation) -> None:
    """The default holds again for the tenant; for the installation, what the service alerts is configured with."""
    propagation.check()
    async with sessions.begin() as session:
        if tenant_id is not None:
            await existing(session, tenant_id)
        ids = await delete_in(session, tenant_id or DEFAULT_POLICY_KEY)
    await propagation.wait(ids)


async def delete_in(session: AsyncSession, policy_id: str) -> list[int]:
    """In the caller's transaction; the outbox rows that tell the service alerts."""
    await records.hold(session, ALERTS_BUCKET, policy_id)
    row = await repository.find_policy(session, policy_id)
    if row is not None:
        await session.delete(row)
    return await records.emit(session, ALERTS_BUCKET, policy_id)


async def read_transport(sessions: Sessions) -> AlertTransportRow | None:
    async with sessions.begin() as session:
        return await repository.find_transport(session)


async def put_transport(
    sessions: Sessions, wanted: WantedTransport, *, clock: Clock, propagation: Propagation, sealer: Sealer
) -> AlertTransportRow:
    """In force when this returns. Raises `InvalidRequestError` or `NotInForceError`.

    A password that is kept goes only to where it went before: who may change settings cannot have it sent to a host of theirs.
    """
    propagation.check()
    async with sessions.begin() as session:
        await records.hold(session, ALERTS_BUCKET, TRANSPORT_KEY)
        row = await repository.find_transport(session)
        password = _sealed_password(row, wanted.smtp, sealer)
        if row is None:
            row = AlertTransportRow(id=TRANSPORT_KEY)
            session.add(row)
        smtp = wanted.smtp
        row.smtp_host = None if smtp is None else smtp.host
        row.smtp_port = 587 if smtp is None else smtp.port
        row.smtp_security = "starttls" if smtp is None else smtp.security
        row.smtp_username = None if smtp is None else smtp.username
        row.smtp_password = password
        row.smtp_from = "" if smtp is None else smtp.from_address
        row.smtp_timeout_ms = 10_000 if smtp is None else smtp.timeout_ms
        row.webhook_timeout_ms, row.max_retries = wanted.webhook_timeout_ms, wanted.max_retries
        row.updated_at = clock()
        ids = await records.emit(session, ALERTS_BUCKET, TRANSPORT_KEY)
    await propagation.wait(ids)
    return row


def _sealed_password(row: AlertTransportRow | None, smtp: WantedSmtp | None, sealer: Sealer) -> str | None:
    if smtp is None or smtp.password is None:
        return None
    if isinstance(smtp.password, str):
        return sealer.seal(smtp.password, purpose=SMTP_PASSWORD_PURPOSE)
    if row is None or row.smtp_password is None:
        return None
    if (row.smtp_host, row.smtp_port, row.smtp_security, row.smtp_username) != (
        smtp.host,
        smtp.port,
        smtp.security,
        smtp.username,
    ):
        raise InvalidRequestError(_NEW_PASSWORD, code="password_needed", param="smtp.password")
    return row.smtp_password


async def _check_url(url: str, place: int, *, allow_private: bool) -> None:
    param = f"webhooks.{place}.url"
    if not allow_private and not url.startswith("https://"):
        raise InvalidRequestError(f"{param}: a webhook's URL must start with https://", param=param)
    try:
        await check_outbound_url(url, allow_private=allow_private)
    except UnsafeUrlError as error:
        raise InvalidRequestError(f"{param}: {error}.", param=param) from None


def _webhooks(
    row: AlertPolicyRow,
    wanted: tuple[WantedWebhook, ...],
    secrets: dict[str, str],
    *,
    sealer: Sealer,
    now: datetime,
) -> list[AlertWebhookRow]:
    known = {each.id: each for each in row.webhooks}
    rows = []
    for place, each in enumerate(wanted):
        if each.id is None:
            webhook_id = new_id(WEBHOOK_PREFIX)
            secrets[webhook_id] = "whsec_" + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()
            sealed = sealer.seal(secrets[webhook_id], purpose=webhook_secret_purpose(webhook_id))
            made = AlertWebhookRow(
                id=webhook_id,
                policy_id=row.id,
                tenant_id=row.tenant_id,
                url=each.url,
                format=each.format,
                secret=sealed,
                created_at=now,
            )
            rows.append(made)
            continue
        found = known.pop(each.id, None)
        if found is None:
            param = f"webhooks.{place}.id"
            raise InvalidRequestError(f"{param}: there is no such webhook.", code="unknown_webhook", param=param)
        found.url, found.format = each.url, each.format
        rows.append(found)
    return rows
