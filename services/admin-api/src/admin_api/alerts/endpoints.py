"""Alerts over HTTP, for the people who run the installation: the default policy, each tenant's, how alerts leave, the history."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from admin_api.alerts import history, service
from admin_api.alerts.schemas import (
    Alert,
    AlertPage,
    AlertSettingsView,
    AlertSettingsWrite,
    PolicyView,
    PolicyWrite,
    TestDelivery,
    TestEmail,
)
from admin_api.alerts.shown import shown
from admin_api.alerts.use import Kind, delete_policy, put_policy, test_delivery
from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.tenants.service import read_tenant
from common.events.alerts import Status

router = APIRouter(prefix="/admin", tags=["alerts"])

_DEFAULT: Final = "/alerts/policy"
_TENANT: Final = "/tenants/{tenant_id}/alerts"


@router.get("/settings/alerts", dependencies=[require("settings:read")])
async def read_alert_settings(services: Wired) -> AlertSettingsView:
    """The mail server, and how webhooks are called. The password is not shown."""
    return AlertSettingsView.of(await service.read_transport(services.sessions))


@router.put("/settings/alerts", dependencies=[require("settings:write")])
async def put_alert_settings(services: Wired, body: AlertSettingsWrite) -> AlertSettingsView:
    """Change them. In force when this answers."""
    row = await service.put_transport(
        services.sessions,
        body.value(),
        clock=services.clock,
        propagation=services.propagation,
        sealer=services.sealer,
    )
    return AlertSettingsView.of(row)


@router.post("/settings/alerts/test-email", dependencies=[require("settings:write")])
async def send_test_email(services: Wired, body: TestEmail) -> Alert:
    """Send a mail to any address, now and once; the reply says whether the mail server took it."""
    return shown(await history.send_test(services.sessions, services.bus, tenant_id=None, email=body.to))


@router.get(_DEFAULT, dependencies=[require("alerts:read")])
async def read_default_alert_policy(services: Wired) -> PolicyView:
    """Who is told of the installation's own alerts, and of those of tenants without a policy of their own."""
    return PolicyView.of(await service.read_policy(services.sessions, None))


@router.put(_DEFAULT, dependencies=[require("alerts:write")])
async def put_default_alert_policy(services: Wired, body: PolicyWrite) -> PolicyView:
    """Change it. In force when this answers, which has the secrets of new webhooks."""
    return PolicyView.of(await put_policy(services, None, body))


@router.delete(_DEFAULT, status_code=204, dependencies=[require("alerts:write")])
async def delete_default_alert_policy(services: Wired) -> None:
    """What the service alerts is configured with counts again."""
    await delete_policy(services, None)


@router.post(_DEFAULT + "/test", dependencies=[require("alerts:write")])
async def test_default_alert_policy(services: Wired, body: TestDelivery) -> Alert:
    """Send a test to one of its addresses or webhooks, now and once; the reply says what became of it."""
    return await test_delivery(services, None, body)


@router.get("/alerts", dependencies=[require("alerts:read")])
async def list_alerts(
    services: Wired,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    tenant_id: Annotated[str | None, Query(max_length=64)] = None,
    kind: Kind = None,
    status: Status | None = None,
) -> AlertPage:
    """What people were told of, newest first, and what they were not told of."""
    found = await history.list_alerts(
        services.bus, tenant_id=tenant_id, kind=kind, status=status, limit=limit, cursor=cursor
    )
    return AlertPage.of(found, shown)


@router.get("/alerts/{alert_id}", dependencies=[require("alerts:read")])
async def read_alert(services: Wired, alert_id: str) -> Alert:
    """One alert, with its deliveries and every attempt."""
    return shown(await history.read_alert(services.bus, alert_id, tenant_id=None))


@router.post("/alerts/{alert_id}/redeliver", status_code=202, dependencies=[require("alerts:write")])
async def redeliver_alert(services: Wired, alert_id: str) -> Alert:
    """Send it again to everybody it went to, soon. One that nobody was told of goes to whom it would go now."""
    return shown(await history.redeliver(services.sessions, services.bus, alert_id, tenant_id=None))


@router.get(_TENANT, dependencies=[require("alerts:read")])
async def read_tenant_alert_policy(services: Wired, tenant_id: str) -> PolicyView:
    """Who is told of a tenant's alerts."""
    return PolicyView.of(await service.read_policy(services.sessions, tenant_id))


@router.put(_TENANT, dependencies=[require("alerts:write")])
async def put_tenant_alert_policy(services: Wired, tenant_id: str, body: PolicyWrite) -> PolicyView:
    """Change it. In force when this answers, which has the secrets of new webhooks."""
    return PolicyView.of(await put_policy(services, tenant_id, body))


@router.delete(_TENANT, status_code=204, dependencies=[require("alerts:write")])
async def delete_tenant_alert_policy(services: Wired, tenant_id: str) -> None:
    """The default counts again for this tenant."""
    await delete_policy(services, tenant_id)


@router.post(_TENANT + "/test", dependencies=[require("alerts:write")])
async def test_tenant_alert_policy(services: Wired, tenant_id: str, body: TestDelivery) -> Alert:
    """Send a test to one of its addresses or webhooks, now and once; the reply says what became of it."""
    return await test_delivery(services, tenant_id, body)


@router.get(_TENANT + "/history", dependencies=[require("alerts:read")])
async def list_tenants_alerts(
    services: Wired,
    tenant_id: str,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    kind: Kind = None,
    status: Status | None = None,
) -> AlertPage:
    """What was told about a tenant, newest first."""
    await read_tenant(services.sessions, tenant_id)
    found = await history.list_alerts(
        services.bus, tenant_id=tenant_id, kind=kind, status=status, limit=limit, cursor=cursor
    )
    return AlertPage.of(found, shown)
