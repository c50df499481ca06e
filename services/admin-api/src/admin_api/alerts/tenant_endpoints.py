"""Alerts over HTTP, for a tenant's own people."""

from fastapi import APIRouter

from admin_api.alerts import history, service
from admin_api.alerts.schemas import Alert, AlertPage, PolicyView, PolicyWrite, TestDelivery
from admin_api.alerts.shown import shown
from admin_api.alerts.use import Kind, delete_policy, put_policy, test_delivery
from admin_api.dependencies import Wired, in_tenant
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from common.events.alerts import Status

router = APIRouter(prefix="/user/tenants/{tenant_id}/alerts", tags=["alerts"])


@router.get("", dependencies=[in_tenant("alerts:read")])
async def read_my_tenants_alert_policy(services: Wired, tenant_id: str) -> PolicyView:
    """Who is told of the alerts of one's tenant."""
    return PolicyView.of(await service.read_policy(services.sessions, tenant_id))


@router.put("", dependencies=[in_tenant("alerts:write")])
async def put_my_tenants_alert_policy(services: Wired, tenant_id: str, body: PolicyWrite) -> PolicyView:
    """Change it. In force when this answers, which has the secrets of new webhooks."""
    return PolicyView.of(await put_policy(services, tenant_id, body))


@router.delete("", status_code=204, dependencies=[in_tenant("alerts:write")])
async def delete_my_tenants_alert_policy(services: Wired, tenant_id: str) -> None:
    """The installation's default counts again."""
    await delete_policy(services, tenant_id)


@router.post("/test", dependencies=[in_tenant("alerts:write")])
async def test_my_tenants_alert_policy(services: Wired, tenant_id: str, body: TestDelivery) -> Alert:
    """Send a test to one of its addresses or webhooks, now and once; the reply says what became of it."""
    return await test_delivery(services, tenant_id, body)


@router.get("/history", dependencies=[in_tenant("alerts:read")])
async def list_my_tenants_alerts(
    services: Wired,
    tenant_id: str,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    kind: Kind = None,
    status: Status | None = None,
) -> AlertPage:
    """What was told about one's tenant, newest first."""
    found = await history.list_alerts(
        services.bus, tenant_id=tenant_id, kind=kind, status=status, limit=limit, cursor=cursor
    )
    return AlertPage.of(found, shown)


@router.get("/history/{alert_id}", dependencies=[in_tenant("alerts:read")])
async def read_my_tenants_alert(services: Wired, tenant_id: str, alert_id: str) -> Alert:
    """One alert, with its deliveries and every attempt."""
    return shown(await history.read_alert(services.bus, alert_id, tenant_id=tenant_id))


@router.post("/history/{alert_id}/redeliver", status_code=202, dependencies=[in_tenant("alerts:write")])
async def redeliver_my_tenants_alert(services: Wired, tenant_id: str, alert_id: str) -> Alert:
    """Send it again to everybody it went to, soon."""
    return shown(await history.redeliver(services.sessions, services.bus, alert_id, tenant_id=tenant_id))
