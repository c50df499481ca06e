"""What both doors do with a policy: `tenant_id` null is the default one."""

from typing import Annotated

from fastapi import Query

from admin_api.alerts import history, service
from admin_api.alerts.schemas import Alert, PolicyWrite, TestDelivery
from admin_api.alerts.service import ShownPolicy
from admin_api.alerts.shown import shown
from admin_api.dependencies import Services
from admin_api.fields import NO_CONTROL_CHARACTERS
from common.http.errors import NotFoundError

Kind = Annotated[str | None, Query(max_length=64, pattern=NO_CONTROL_CHARACTERS, description="Such as `key.expiring`.")]


async def put_policy(services: Services, tenant_id: str | None, body: PolicyWrite) -> ShownPolicy:
    return await service.put_policy(
        services.sessions,
        tenant_id,
        body.value(),
        clock=services.clock,
        propagation=services.propagation,
        sealer=services.sealer,
        allow_private=services.allow_private_webhooks,
    )


async def delete_policy(services: Services, tenant_id: str | None) -> None:
    await service.delete_policy(services.sessions, tenant_id, propagation=services.propagation)


async def test_delivery(services: Services, tenant_id: str | None, body: TestDelivery) -> Alert:
    """Only to what the policy names: nobody sends mail to strangers with this."""
    policy = (await service.read_policy(services.sessions, tenant_id)).row
    emails = [] if policy is None else policy.emails
    webhooks = [] if policy is None else [each.id for each in policy.webhooks]
    if body.email is not None and body.email not in emails:
        raise NotFoundError("The policy has no such address.")
    if body.webhook_id is not None and body.webhook_id not in webhooks:
        raise NotFoundError("There is no such webhook.")
    return shown(
        await history.send_test(
            services.sessions, services.bus, tenant_id=tenant_id, email=body.email, webhook_id=body.webhook_id
        )
    )
