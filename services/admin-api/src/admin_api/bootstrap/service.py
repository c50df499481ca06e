"""The use case behind `python -m admin_api bootstrap`: one transaction for the whole document, so it is done or it is not.

It needs Postgres only: what the edge must know goes into the outbox, and whichever `serve` runs puts it in force.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from admin_api.bootstrap.domain import Changes, Content, Deed, ModelContent, are_same, decide, take_over_ids
from admin_api.bootstrap.governance import put_budget, put_limits, put_tenant_settings
from admin_api.bootstrap.people import put_key, put_membership, put_tenant, put_user
from admin_api.bootstrap.run import Run
from admin_api.catalog import repository as catalog
from admin_api.catalog.domain import WantedRoute
from admin_api.catalog.models import RouteRow
from admin_api.catalog.service import check_addresses, prices_at
from admin_api.catalog.service import write as write_model
from admin_api.configuration import records
from admin_api.locks import BOOTSTRAP_LOCK
from admin_api.sessions.passwords import Passwords
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions
from common.events.control import route_credential_purpose
from common.events.subjects import CATALOG_BUCKET, catalog_key

_HOLD: Final = text("SELECT pg_advisory_xact_lock(:key)")


async def bootstrap(
    sessions: Sessions,
    content: Content,
    *,
    clock: Clock,
    passwords: Passwords,
    sealer: Sealer,
    hash_secret: bytes,
    allow_private: bool,
    replace: bool = False,
) -> Changes:
    """Make what is absent and was never there before; with `replace`, make everything what the document says.

    Raises `InvalidRequestError` for what cannot be, and then nothing is made.
    """
    for model in content.models:
        await check_addresses(model.routes, allow_private=allow_private)
    async with sessions.begin() as session:
        await session.execute(_HOLD, {"key": BOOTSTRAP_LOCK})
        run = Run(
            session=session,
            now=clock(),
            replace=replace,
            passwords=passwords,
            sealer=sealer,
            hash_secret=hash_secret,
        )
        return Changes(
            settings=int(await put_tenant_settings(run, content.tenant_settings)),
            tenants=sum([await put_tenant(run, tenant) for tenant in content.tenants]),
            users=sum([await put_user(run, user) for user in content.users]),
            memberships=sum([await put_membership(run, membership) for membership in content.memberships]),
            keys=sum([await put_key(run, key) for key in content.keys]),
            limits=sum([await put_limits(run, limits) for limits in content.limits]),
            budgets=sum([await put_budget(run, budget) for budget in content.budgets]),
            models=sum([await _put_model(run, model) for model in content.models]),
        )


async def _put_model(run: Run, model: ModelContent) -> bool:
    await records.hold(run.session, CATALOG_BUCKET, catalog_key(model.alias))
    row = await catalog.find(run.session, model.alias)
    existing = [] if row is None else [_opened(route, run.sealer, run.now) for route in row.routes]
    remembered = await run.resource_id("model", model.alias) is not None
    deed = decide(exists=row is not None, remembered=remembered, replace=run.replace or model.replace)
    await run.remember("model", model.alias, model.alias)
    if deed is Deed.NOTHING or (row is not None and are_same(model.routes, existing)):
        return False
    routes: Sequence[WantedRoute] = take_over_ids(model.routes, existing)
    await write_model(run.session, model.alias, sealer=run.sealer, enabled=None, routes=routes, now=run.now)
    return True


def _opened(row: RouteRow, sealer: Sealer, now: datetime) -> WantedRoute:
    try:
        purpose = route_credential_purpose(row.id)
        credential = None if row.credential is None else sealer.open(row.credential, purpose=purpose)
    except SealingError:
        # Sealed under a key that is gone: no wanted credential equals this, so the wanted one is sealed anew.
        credential = ""
    return WantedRoute(
        id=row.id,
        provider=row.provider,
        model=row.model,
        base_url=row.base_url,
        credential=credential,
        prices=prices_at(row, now),
        priority=row.priority,
        weight=row.weight,
    )
